"""store/seen.py."""

import pytest

from store.events import Delivered, Event, Opened
from store.nouns import Verdict
from store.seen import Views, perhaps_forwarded, views


def opened(at: float, verdict: Verdict, rule: str = "browser") -> Event:
    return Opened(message_id=1, recipient_id=2, at=at, verdict=verdict, rule=rule)


def test_views_by_verdict() -> None:
    """How many, first and last of each verdict, in the order in which they first came; other events are none."""
    events = [
        Delivered(message_id=1, recipient_id=2, at=1.0),
        opened(5.0, Verdict.PREFETCH),
        opened(9.0, Verdict.PERSON),
        opened(7.0, Verdict.PERSON),
        opened(8.0, Verdict.OWN),
    ]
    assert views(events) == (
        Views(Verdict.PREFETCH, 1, 5.0, 5.0),
        Views(Verdict.PERSON, 2, 7.0, 9.0),
        Views(Verdict.OWN, 1, 8.0, 8.0),
    )
    assert views([]) == ()


@pytest.mark.parametrize(
    ("seen", "forwarded"),
    [
        ([("proxy", "gmail-proxy"), ("proxy", "yahoo-proxy")], True),
        ([("proxy", "gmail-proxy"), ("proxy", "gmail-proxy")], False),
        ([("proxy", "gmail-proxy"), ("person", "outlook"), ("person", "apple-mail"), ("person", "browser")], False),
        ([("proxy", "gmail-proxy"), ("proxy", "superhuman-proxy")], False),
        ([("proxy", "gmail-proxy"), ("uncertain", "proxy-at-once"), ("scanner", "tool")], False),
        ([], False),
    ],
)
def test_forwarded_or_not(seen: list[tuple[str, str]], forwarded: bool) -> None:  # noqa: FBT001 - a table
    """Two providers show it: forwarded. One person's devices, and machines, are no sign."""
    assert perhaps_forwarded([opened(1.0, Verdict(verdict), rule) for verdict, rule in seen]) is forwarded
