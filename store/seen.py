"""
What the opens of one recipient add up to: views by verdict, and whether the mail was probably forwarded.

It reads the events, so it knows what the tracking mode kept: nothing in mode ``count``.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from store.events import Event, Opened
from store.nouns import Verdict

# A mail program that shows mail of other providers: its name beside theirs says nothing.
_NO_PROVIDERS = frozenset({"superhuman-proxy"})


@dataclass(frozen=True, slots=True)
class Views:
    """Views of one verdict. Caches hide later ones: read the count as "at least"."""

    verdict: Verdict
    count: int
    first_at: float
    last_at: float


def views(events: Iterable[Event]) -> tuple[Views, ...]:
    """Count the views by verdict, in the order in which they first came."""
    times: dict[Verdict, list[float]] = {}
    for event in _opens(events):
        if event.verdict is not None:
            times.setdefault(event.verdict, []).append(event.at)
    counted = [Views(verdict, len(at), min(at), max(at)) for verdict, at in times.items()]
    return tuple(sorted(counted, key=lambda each: each.first_at))


def perhaps_forwarded(events: Iterable[Event]) -> bool:
    """
    Whether clearly different readers displayed the mail: through the proxies of two mail providers.

    One person has a phone, a laptop and web mail, so different programs alone say nothing.
    """
    providers = {event.rule for event in _opens(events) if event.verdict is Verdict.PROXY}
    return len(providers - _NO_PROVIDERS) > 1


def _opens(events: Iterable[Event]) -> Sequence[Event]:
    return [event for event in events if isinstance(event, Opened)]
