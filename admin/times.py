"""
Times as people read them: how long ago, and when exactly, in UTC.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from store.languages import language_of
from store.sentences import say, say_count

# Up to how many seconds, how many one of them has, and how one and several are said, past and to come.
_STEPS = (
    (60, 1, ("{count} second ago", "{count} seconds ago"), ("in {count} second", "in {count} seconds")),
    (3_600, 60, ("{count} minute ago", "{count} minutes ago"), ("in {count} minute", "in {count} minutes")),
    (86_400, 3_600, ("{count} hour ago", "{count} hours ago"), ("in {count} hour", "in {count} hours")),
    (14 * 86_400, 86_400, ("{count} day ago", "{count} days ago"), ("in {count} day", "in {count} days")),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """One point in time for a page: ``2 hours ago``, ``23 Nov 11:56``, and as machines read it."""

    relative: str  # "just now", "2 hours ago", "in 5 minutes"; "" when it is weeks away
    absolute: str  # "23 Nov 11:56", with the year when it is not this one
    iso: str  # "2026-11-23T11:56:07Z"

    @property
    def exact(self) -> str:
        """``2026-11-23 11:56:07 UTC``, to hover over."""
        return self.iso.replace("T", " ").replace("Z", " UTC")


def moment(at: float, now: float, language: str = "en") -> Moment:
    """Describe ``at`` (Unix seconds) as seen at ``now``, in a language."""
    when = datetime.fromtimestamp(int(at), UTC)
    year = "" if when.year == datetime.fromtimestamp(int(now), UTC).year else f" {when.year}"
    return Moment(
        relative=_relative(now - at, language),
        absolute=f"{when.day} {language_of(language).months[when.month - 1]}{year} {when:%H:%M}",
        iso=f"{when:%Y-%m-%dT%H:%M:%SZ}",
    )


def _relative(seconds: float, language: str) -> str:
    distance = abs(seconds)
    if distance < 10:
        return say("just now", language)
    for limit, size, past, future in _STEPS:
        if distance < limit:
            return say_count(*(past if seconds > 0 else future), int(distance // size), language)
    return ""
