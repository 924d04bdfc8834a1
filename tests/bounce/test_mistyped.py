"""Did you mean: which near misses are proposed, and which are left alone."""

import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounce.mistyped import MAILBOX_DOMAINS, did_you_mean, distance, worth_asking
from store.nouns import Reason, RecipientStatus, State
from store.rows import RecipientRow

NEAR_MISSES = [
    # what was written, what was meant
    ("gmial.com", "gmail.com"),  # two neighbours swapped
    ("gmai.com", "gmail.com"),  # a letter left out
    ("gmaill.com", "gmail.com"),  # a letter doubled
    ("gmail.con", "gmail.com"),  # a wrong letter in the ending
    ("gmail.co", "gmail.com"),
    ("gmail.cmo", "gmail.com"),
    ("gmailcom", "gmail.com"),  # the dot forgotten
    ("gmail,com", "gmail.com"),  # a comma for the dot
    ("gmail..com", "gmail.com"),
    ("gmail", "gmail.com"),  # the ending forgotten
    ("GMIAL.COM", "gmail.com"),
    ("gmial.com.", "gmail.com"),
    ("hotmial.com", "hotmail.com"),
    ("hotnail.com", "hotmail.com"),
    ("homtail.com", "hotmail.com"),
    ("hotmal.es", "hotmail.es"),
    ("outlok.com", "outlook.com"),
    ("outloook.es", "outlook.es"),
    ("yaho.com", "yahoo.com"),
    ("yahoo.co.ku", "yahoo.co.uk"),
    ("iclould.com", "icloud.com"),
    ("btinternt.com", "btinternet.com"),
    ("telefonca.net", "telefonica.net"),
    ("protonmial.com", "protonmail.com"),
    ("t-onlin.de", "t-online.de"),
]


@pytest.mark.parametrize(("written", "meant"), NEAR_MISSES)
def test_a_near_miss_of_a_mailbox_domain_is_proposed(written: str, meant: str) -> None:
    """One mistake in a short domain, two in a long one: the local part stays as it was written."""
    assert did_you_mean(f"Ann.Lee+x@{written}") == f"Ann.Lee+x@{meant}"


LEFT_ALONE = [
    "ann@example.org",
    "ann@school.example",
    "ann@gmx.net",  # one letter from gmx.de's family, and itself a known one
    "ann@mail.com",  # one letter from gmail.com
    "ann@ymail.com",
    "ann@hotmail.co.uk",
    "ann@company-gmail-archive.com",
    "ann@aol",  # too short to be sure
    "ann@xy.com",
    "ann@",
    "@gmial.com",
    "gmial.com",
    "",
    "ann@" + "a" * 5_000 + ".com",
]


@pytest.mark.parametrize("address", LEFT_ALONE)
def test_other_domains_are_left_alone(address: str) -> None:
    """A known domain, a far one, a very short one and what is no address at all get no proposal."""
    assert did_you_mean(address) is None


def test_the_senders_own_domains_are_proposed_first() -> None:
    """A domain the sender writes to often is a better guess than one of the list."""
    assert did_you_mean("ann@riversid-school.example", ["riverside-school.example"]) == "ann@riverside-school.example"
    assert did_you_mean("ann@hotmall.com") == "ann@hotmail.com"
    assert did_you_mean("ann@hotmall.com", ["hotmaal.com"]) == "ann@hotmaal.com"


def test_a_domain_the_sender_writes_to_is_not_a_mistake() -> None:
    """However near it is to a known one."""
    assert did_you_mean("ann@gmial.com", ["gmial.com"]) is None


def test_no_listed_domain_is_taken_for_a_mistake() -> None:
    """Each domain of the list stands as it is written; none is listed twice."""
    assert [domain for domain in MAILBOX_DOMAINS if did_you_mean(f"ann@{domain}")] == []
    assert len(set(MAILBOX_DOMAINS)) == len(MAILBOX_DOMAINS)
    assert all(domain == domain.strip().lower() and "." in domain for domain in MAILBOX_DOMAINS)


WORDS = st.text(alphabet="abc", max_size=7)


@given(WORDS, WORDS, st.integers(1, 3))
def test_distance_is_the_same_both_ways_and_zero_for_equals(left: str, right: str, most: int) -> None:
    """Counting mistakes has no direction."""
    assert distance(left, right, most) == distance(right, left, most)
    assert (distance(left, right, most) == 0) == (left == right)


@given(WORDS, WORDS, st.integers(1, 3))
def test_giving_up_early_changes_no_result(left: str, right: str, most: int) -> None:
    """A limit only cuts off: what is within it is counted as without."""
    full = distance(left, right, 99)
    assert full is not None
    assert distance(left, right, most) == (full if full <= most else None)


@given(st.sampled_from([d for d in MAILBOX_DOMAINS if len(d) >= 10]), st.data())
def test_one_changed_letter_is_always_found_near(domain: str, data: st.DataObject) -> None:
    """Whatever letter is changed in a longer domain, some known domain is proposed or it became a known one."""
    place = data.draw(st.integers(0, len(domain) - 1))
    letter = data.draw(st.sampled_from(string.ascii_lowercase))
    written = domain[:place] + letter + domain[place + 1 :]
    if written not in MAILBOX_DOMAINS and len(domain.partition(".")[0]) >= 3:
        assert did_you_mean(f"ann@{written}") is not None


@given(st.text(max_size=300), st.lists(st.text(max_size=30), max_size=5))
def test_any_text_is_survived(address: str, own: list[str]) -> None:
    """Whatever stands for an address: a proposal or None, no exception."""
    meant = did_you_mean(address, own)
    assert meant is None or "@" in meant


ROW = RecipientRow(
    recipient_id=1,
    message_id=1,
    forward_path="ann@gmial.com",
    subject="",
    customer="",
    invoice="",
    header_from="",
    header_message_id="",
    accepted_at=0.0,
    status=RecipientStatus.BOUNCED,
    state=State.SETTLED,
    reason=Reason.NO_SUCH_USER,
)


@pytest.mark.parametrize(
    ("facts", "asked"),
    [
        ({}, True),
        ({"mistyped": True}, True),
        ({"reason": Reason.DOMAIN_NOT_FOUND}, True),
        ({"reason": Reason.RELAY_DENIED}, True),
        ({"status": RecipientStatus.SENDING, "reason": Reason.CONNECTION_FAILED}, True),
        ({"status": RecipientStatus.NOT_DELIVERED, "reason": Reason.EXPIRED}, True),
        (
            {
                "status": RecipientStatus.NOT_DELIVERED,
                "reason": Reason.SUPPRESSED,
                "caused_reason": Reason.NO_SUCH_USER,
            },
            True,
        ),
        ({"mistyped": False}, False),
        ({"opened_at": 1.0}, False),
        ({"reason": Reason.MAILBOX_FULL}, False),
        ({"reason": Reason.SPAM_REJECTED}, False),
        ({"status": RecipientStatus.SENDING, "reason": None}, False),
        ({"status": RecipientStatus.DELIVERED, "reason": Reason.DELIVERED}, False),
        ({"status": RecipientStatus.OPENED, "reason": Reason.EXPIRED}, False),
        (
            {"status": RecipientStatus.NOT_DELIVERED, "reason": Reason.SUPPRESSED, "caused_reason": Reason.COMPLAINT},
            False,
        ),
        ({"status": RecipientStatus.NOT_DELIVERED, "reason": Reason.SUPPRESSED, "caused_reason": None}, False),
    ],
)
def test_asked_only_where_a_mistake_explains_the_failure(*, facts: dict[str, Any], asked: bool) -> None:
    """The domain failed, or the address is unknown there; never where mail once arrived or the mailbox exists."""
    assert worth_asking(replace(ROW, **facts)) is asked
