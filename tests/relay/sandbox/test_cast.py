"""relay/sandbox/cast.py."""

from collections import Counter

import dns.name
import dns.rrset
import pytest

from relay.sandbox.behaviour import PERSON_OPENS
from relay.sandbox.cast import NULL_MX, behaviours, cast, dns_table, reminded

KINDS = 21


@pytest.mark.parametrize("count", [1, 5, KINDS, 60, 184, 2_000])
def test_as_many_people_as_asked_for(count: int) -> None:
    """Exactly that many, each with an address of their own, numbered in order, the same each time."""
    people = cast(count)
    assert len({person.address for person in people}) == count
    assert [person.number for person in people] == list(range(count))
    assert people == cast(count)


def test_every_kind_is_acted_out() -> None:
    """With two hundred each thing to see is there, and most people simply read their mail."""
    acts = Counter(person.acts for person in cast(184))
    assert len(acts) == KINDS
    assert acts["opens"] > 60
    assert acts["apple"] > 10


def test_what_takes_longest_goes_first() -> None:
    """Mails that are tried until they expire are sent at the beginning."""
    acts = [person.acts for person in cast(184)]
    assert set(acts[:7]) == {"full", "full-for-good", "defer", "unreachable"}


def test_reminders_go_to_some_whose_mail_came_back() -> None:
    """Half of them, so that "Not delivered" is seen; the others are people who read."""
    chosen = reminded(cast(184), 16)
    assert [person.suppressed_later for person in chosen] == [True] * 8 + [False] * 8
    assert len(reminded(cast(3), 0)) == 0


def test_everybody_has_a_behaviour_and_a_domain() -> None:
    """By address; opens come at different times; each domain is in the DNS, in records that are well written."""
    people, table = cast(184), dns_table()
    acts = behaviours(people)
    assert set(acts) == {person.address for person in people}
    assert len({act.later[0].seconds for act in acts.values() if act.later and not act.rcpt}) > 8
    assert any(act is not PERSON_OPENS for act in acts.values())
    assert {person.address.partition("@")[2] for person in people} <= set(table)
    for name, records in table.items():
        for kind, texts in records.items():
            assert dns.rrset.from_text(dns.name.from_text(name), 300, "IN", kind, *texts)
    assert table[NULL_MX] == {"MX": ["0 ."]}
