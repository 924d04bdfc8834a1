"""
Times as people read them: how long ago, and when exactly, in UTC.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

_STEPS = ((60, "second"), (3_600, "minute"), (86_400, "hour"), (14 * 86_400, "day"))
_MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"),
}
_SIZES = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


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
    """Describe ``at`` (Unix seconds) as seen at ``now``; the month of ``absolute`` is in the language."""
    when = datetime.fromtimestamp(int(at), UTC)
    year = "" if when.year == datetime.fromtimestamp(int(now), UTC).year else f" {when.year}"
    return Moment(
        relative=_relative(now - at),
        absolute=f"{when.day} {_month(when.month, language)}{year} {when:%H:%M}",
        iso=f"{when:%Y-%m-%dT%H:%M:%SZ}",
    )


def _month(number: int, language: str) -> str:
    return _MONTHS.get(language.lower().partition("-")[0], _MONTHS["en"])[number - 1]


def _relative(seconds: float) -> str:
    distance = abs(seconds)
    if distance < 10:
        return "just now"
    for limit, unit in _STEPS:
        if distance < limit:
            count = int(distance // _SIZES[unit])
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return ""
