"""
What the opens of one recipient add up to: views by verdict, and whether the mail was probably forwarded.

It reads the events, so it knows what the tracking mode kept: nothing in mode ``count``.

Pure: no I/O, no clock, no chance.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from store.events import Event, Opened
from store.nouns import Open, Verdict

# A mail program that shows mail of other providers: its name beside theirs says nothing.
_NO_PROVIDERS = frozenset({"superhuman-proxy"})
_AHEAD = {"apple-": "Apple", "gmail-": "Gmail"}
_PROGRAMS_OF_ONE = 3
_COMPARED = 50  # views


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


def loaded_automatically_by(events: Iterable[Event]) -> str | None:
    """
    Name who loaded the pixel whether or not anybody reads, where nobody else is known to have displayed the mail.

    Returns:
        ``"Apple"``, ``"Gmail"``; "" where it is not known who. None: there is no such load, or a person's beside it.
    """
    opens = _opens(events)
    if any(event.verdict is not None and event.verdict.by_person for event in opens):
        return None
    rules = [event.rule for event in opens if event.verdict is Verdict.PREFETCH]
    if not rules:
        return None
    return next((name for prefix, name in _AHEAD.items() if rules[0].startswith(prefix)), "")


def perhaps_forwarded(events: Iterable[Event], kept: Iterable[Open] = ()) -> bool:
    """
    Whether clearly different readers displayed the mail: through the proxies of two mail providers.

    Args:
        events: Those of the recipient.
        kept: Its views as far as they are kept. In mode ``full`` two more things say so: more programs than one person
            has (a phone, a laptop, web mail and one to spare), and other programs in another country.
    """
    providers = {event.rule for event in _opens(events) if event.verdict is Verdict.PROXY}
    if len(providers - _NO_PROVIDERS) > 1:
        return True
    people = [it for it in kept if it.verdict is Verdict.PERSON and it.client]
    if len({(it.client, it.device) for it in people}) > _PROGRAMS_OF_ONE:
        return True
    return any(
        one.country and other.country and one.country != other.country and one.client != other.client
        for one, other in itertools.combinations(people[:_COMPARED], 2)
    )


def _opens(events: Iterable[Event]) -> Sequence[Event]:
    return [event for event in events if isinstance(event, Opened)]
