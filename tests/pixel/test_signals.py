"""pixel/signals.py."""

import pytest

from pixel import signals
from pixel.signals import (
    AS_A_PAGE,
    HEAD_FIRST,
    HEAD_SECONDS,
    LINK_REWRITER,
    MANY,
    MANY_AT_ONCE,
    MANY_SECONDS,
    Memory,
    Sighting,
    signs_of,
)

PUBLIC = "8.8.4.4"


def seen(recipient_id: int, at: float, *, address: str = PUBLIC, agent: str = "A", method: str = "GET") -> Sighting:
    return Sighting(recipient_id=recipient_id, at=at, address=address, agent=agent, method=method)


def noted(*sightings: Sighting, message_id: int = 1) -> Memory:
    memory = Memory()
    for sighting in sightings:
        memory.note(sighting, message_id)
    return memory


def test_many_and_one_less() -> None:
    """Five recipients of one message within ten seconds, and not four; not one recipient five times."""
    crowd = [seen(n, 100.0 + n) for n in range(MANY)]
    assert noted(*crowd).signals(crowd[0], 1) == {MANY_AT_ONCE}
    assert noted(*crowd[:-1]).signals(crowd[0], 1) == frozenset()
    assert noted(*[seen(1, 100.0 + n) for n in range(9)]).signals(seen(1, 101.0), 1) == frozenset()


def test_many_within_the_time_and_past_it() -> None:
    """The window is ten seconds, to either side."""
    crowd = [seen(n, 100.0) for n in range(MANY - 1)]
    for at, expected in ((100.0 + MANY_SECONDS - 0.1, {MANY_AT_ONCE}), (100.0 + MANY_SECONDS, frozenset())):
        last = seen(99, at)
        assert noted(*crowd, last).signals(last, 1) == expected


def test_other_messages_and_addresses_are_no_crowd() -> None:
    """Only one message, and one address; addresses of private networks, which may be a proxy, never."""
    crowd = [seen(n, 100.0) for n in range(MANY)]
    assert noted(*crowd, message_id=2).signals(crowd[0], 1) == frozenset()
    assert noted(*crowd).signals(seen(0, 100.0, address="8.8.4.5"), 1) == frozenset()
    for address in ("127.0.0.1", "10.0.0.1", "172.17.0.1", "::1", "fd00::1", "?"):
        there = [seen(n, 100.0, address=address) for n in range(MANY)]
        assert noted(*there).signals(there[0], 1) == frozenset()


def test_head_first_by_the_same_program() -> None:
    """Same recipient, address and agent, within a minute, HEAD before GET and not after it."""
    memory = noted(seen(1, 100.0, method="HEAD"))
    assert memory.signals(seen(1, 101.0), 1) == {HEAD_FIRST}
    assert memory.signals(seen(1, 100.0 + HEAD_SECONDS - 0.1), 1) == {HEAD_FIRST}
    for other in (
        seen(1, 100.0 + HEAD_SECONDS),
        seen(1, 99.0),
        seen(2, 101.0),
        seen(1, 101.0, agent="B"),
        seen(1, 101.0, address="8.8.4.5"),
        seen(1, 101.0, method="HEAD"),
    ):
        assert memory.signals(other, 1) == frozenset()


def test_the_same_again_changes_nothing() -> None:
    """A batch that could not be written is noted again with the next try."""
    crowd = [seen(n, 100.0) for n in range(MANY - 1)]
    assert noted(*crowd, *crowd).signals(crowd[0], 1) == frozenset()


def test_memory_is_bounded() -> None:
    """Strangers cannot fill it: so many crowds, HEADs, and recipients of a crowd."""
    memory = Memory()
    for n in range(signals._REMEMBERED + 50):
        memory.note(seen(n, 1.0, method="HEAD"), n)
        memory.note(seen(n, 1.0), n)
    for n in range(signals._CROWD + 50):
        memory.note(seen(n, 1.0), -1)
    assert len(memory._heads) == len(memory._crowds) == signals._REMEMBERED
    assert len(memory._crowds[PUBLIC, -1]) == signals._CROWD


@pytest.mark.parametrize(
    ("accept", "referer", "signs"),
    [
        ("image/avif,image/webp,image/png,image/svg+xml,*/*;q=0.8", "https://mail.example.org/", set()),
        ("*/*", "", set()),
        ("", "http://mail.google.com/", set()),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", {AS_A_PAGE}),
        ("TEXT/HTML", "", {AS_A_PAGE}),
        ("", "https://eur02.safelinks.protection.outlook.com/?url=x", {LINK_REWRITER}),
        ("", "https://URLdefense.com:443/v3/x", {LINK_REWRITER}),
        ("", "https://protect-eu.mimecast.com/s/x", {LINK_REWRITER}),
        ("", "https://notmimecast.com/", set()),
        ("", "https://example.org/?from=urldefense.com", set()),
        ("", "urldefense.com", set()),
        ("text/html", "https://secure-web.cisco.com/x", {AS_A_PAGE, LINK_REWRITER}),
    ],
)
def test_signs_of_a_request(accept: str, referer: str, signs: set[str]) -> None:
    """Who asks for a page, and who comes from a page that has links looked at; what only looks like it does not."""
    assert signs_of(accept, referer) == signs
