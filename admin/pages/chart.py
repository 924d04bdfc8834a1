"""
Charts as SVG, made of numbers alone: the bar of a message's recipients, and its first opens over time.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from store.queries.rows import Slot
from store.queries.standing import Counts, Standing

WIDTH = 1_000  # units of the bar
_MOST_SLOTS = 96
_SLOT_HEIGHT = 80


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of the bar."""

    standing: Standing
    x: float
    width: float
    count: int


@dataclass(frozen=True, slots=True)
class Column:
    """One hour, or one day, of opens."""

    x: float
    y: float
    width: float
    height: float
    at: float
    count: int


@dataclass(frozen=True, slots=True)
class OpensChart:
    """First opens by hour or day, empty ones included."""

    columns: tuple[Column, ...]
    width: int
    height: int
    most: int
    begins_at: float
    ends_at: float


def bar(counts: Counts) -> list[Segment]:
    """Lay the standings beside one another; what is there is at least wide enough to be seen."""
    there = [(standing, counts.of(standing)) for standing in Standing if counts.of(standing)]
    total = sum(count for _, count in there)
    if not total:
        return []
    widths = [max(6.0, WIDTH * count / total) for _, count in there]
    scale = WIDTH / sum(widths)
    segments, x = [], 0.0
    for (standing, count), width in zip(there, widths, strict=True):
        segments.append(Segment(standing, round(x, 2), round(width * scale, 2), count))
        x += width * scale
    return segments


def opens(slots: Sequence[Slot], seconds: int) -> OpensChart | None:
    """Lay the slots beside one another, with those that are empty; None: nobody opened it."""
    if not slots:
        return None
    first = slots[0].at
    by_place = {round((slot.at - first) / seconds): slot.count for slot in slots}
    places = min(max(by_place) + 1, _MOST_SLOTS)
    shown = max(places, 12)  # a single hour is no wall
    most = max(by_place.values())
    step = 480 / shown
    columns = tuple(
        Column(
            x=round(place * step, 2),
            y=round(_SLOT_HEIGHT * (1 - count / most), 2),
            width=round(step * 0.8, 2),
            height=round(_SLOT_HEIGHT * count / most, 2),
            at=first + place * seconds,
            count=count,
        )
        for place, count in sorted(by_place.items())
        if place < places
    )
    return OpensChart(columns, 480, _SLOT_HEIGHT, most, first, first + shown * seconds)
