"""rules/05-doubts.toml: beside words about something else, no rule blames the address, however it came to fire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounce.classify import classify, classify_texts
from bounce.rulebook import SUPPRESSES, Rule, Rulebook, shipped, shipped_doubts
from store.nouns import Reason

ALL_DOUBTS = shipped_doubts()
BLAMING = [rule for rule in shipped().rules if rule.reason in SUPPRESSES and rule.by_words and not rule.exact]
DOUBTS = [
    "your server sends too many messages",
    "your IP is on a blocklist",
    "the sending rate of your domain exceeds our limit",
    "our policy forbids it",
    "SPF and DKIM failed",
    "the message looks like spam",
    "the attachment contains a virus",
    "try again later",
]


@pytest.mark.parametrize("rule", BLAMING, ids=lambda rule: rule.name)
@pytest.mark.parametrize("doubt", DOUBTS)
def test_a_doubt_takes_the_blame_from_every_rule(rule: Rule, doubt: str) -> None:
    """What names a dead mailbox names none any more when something else is said in the same reply."""
    assert classify(rule.example).reason in SUPPRESSES
    assert classify(f"{rule.example}; {doubt}").reason not in SUPPRESSES


@pytest.mark.parametrize("status", ["5.1.1", "5.1.2", "5.1.3", "5.2.1"])
@pytest.mark.parametrize("doubt", DOUBTS)
def test_nor_does_a_status_alone(status: str, doubt: str) -> None:
    """The code of a dead mailbox beside words about something else suppresses nobody."""
    assert classify(f"550 {status} {doubt}").reason not in SUPPRESSES


@pytest.mark.parametrize(
    "reply",
    [
        "550 Too many invalid recipients",
        "550 Domain may not exist or DNS check failed, suspected bounce attack",
        "450 Requested mail action not taken: mailbox unavailable. Mail send limit exceeded for sender",
        "450 4.7.1 <ann@customer.example>: Recipient address rejected: rate control in effect, try again later",
        "550 5.0.0 <ann@customer.example>: Recipient address rejected: On hold",
        "450 4.7.1 Access denied. IP name lookup failed [192.0.2.222]",
        "552 5.2.3 <ann@customer.example>: Recipient address rejected: Message length exceeds administrative limit",
    ],
)
@pytest.mark.parametrize("rule", BLAMING, ids=lambda rule: rule.name)
def test_though_no_better_rule_is_there(rule: Rule, reply: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing known but the rules that blame, these replies blame nobody: it needs no rule to save them."""
    book = Rulebook([rule], doubts=ALL_DOUBTS)
    monkeypatch.setattr("bounce.classify.rules", lambda: book)
    assert classify(reply).reason not in SUPPRESSES


def test_what_stands_around_a_reply_knows_no_better() -> None:
    """The reply speaks of the sender; that the report names the recipient "unknown" further on changes nothing."""
    said = ["554 5.7.0 [x] your network is not welcome", "The recipient ann@customer.example is unknown"]
    assert classify_texts(said, action="failed").reason not in SUPPRESSES


def test_in_a_long_report_only_what_stands_near_casts_doubt() -> None:
    """A report that speaks of policies at its end still says that the user is unknown."""
    more = "for more about us and how we run this machine for all of the people in our town please read " * 3
    assert classify_texts([f"ann: user unknown. {more} our policy"], action="failed").reason is Reason.NO_SUCH_USER


def test_names_that_mean_one_thing_are_beyond_doubt() -> None:
    """Rule 3 of the vocabulary: the edge of Exchange Online says "Access denied" of addresses that do not exist."""
    said = "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [x.prod.protection.outlook.com]"
    assert classify(said).reason is Reason.NO_SUCH_USER


@given(st.lists(st.sampled_from("user unknown mailbox no such not found disabled exist address account".split())))  # noqa: SIM905
def test_no_mixture_of_blaming_words_beats_a_doubt(words: list[str]) -> None:
    """In whatever order the words of blame stand: a rate is a rate."""
    assert classify(f"550 5.1.1 {' '.join(words)} sending rate exceeded").reason not in SUPPRESSES
