"""
What a recipient is counted under, and the counts.

A standing is a status, but for Delivered, which is two: ``delivered``, and ``unknown`` where only machines loaded the
pixel, so that nobody can know whether it was read. Each recipient has exactly one standing, so they add up to all.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass
from enum import StrEnum

from store.nouns import RecipientStatus
from store.rows import RecipientRow


class Standing(StrEnum):
    """A chip above a list of recipients. In the order in which a bar shows them."""

    OPENED = "opened"
    DELIVERED = "delivered"  # and no load of the pixel is known
    UNKNOWN = "unknown"  # delivered; only machines loaded the pixel
    BOUNCED = "bounced"
    NOT_DELIVERED = "not_delivered"
    SENDING = "sending"

    @property
    def word(self) -> str:
        """``Cannot be known``, ``Not delivered``: what people read, in English."""
        return "Cannot be known" if self is Standing.UNKNOWN else self.value.replace("_", " ").capitalize()


# What needs a person comes first.
FAILURES_FIRST = (
    Standing.BOUNCED, Standing.NOT_DELIVERED, Standing.SENDING, Standing.DELIVERED, Standing.UNKNOWN, Standing.OPENED,
)  # fmt: skip


def standing_of(row: RecipientRow) -> Standing:
    """Give the standing of a recipient."""
    if row.status is RecipientStatus.DELIVERED and row.machine_opens:
        return Standing.UNKNOWN
    return Standing(row.status.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """
    Recipients, counted. The same numbers as in the view ``message_overview``.

    A percentage is of how many: received of all, opened of those received whose opens can be seen.
    """

    recipients: int = 0
    opened: int = 0
    unknown: int = 0
    received: int = 0  # delivered, opened or not
    bounced: int = 0
    not_delivered: int = 0
    sending: int = 0
    tracked: int = 0  # received, with a pixel of their own
    opened_tracked: int = 0
    counted: int = 0  # tracking mode count: opens are known of all of them together only
    failed_and_opened: int = 0  # came back, or was given up, and yet somebody displayed it

    @property
    def delivered(self) -> int:
        """Received, without any known load of the pixel."""
        return self.received - self.opened - self.unknown

    @property
    def received_percent(self) -> float | None:
        """``received`` of ``recipients``; None: of none."""
        return _percent(self.received, self.recipients)

    @property
    def opened_percent(self) -> float | None:
        """``opened_tracked`` of ``tracked``; None: of none."""
        return _percent(self.opened_tracked, self.tracked)

    def of(self, standing: Standing) -> int:
        """Give how many have this standing."""
        return int(getattr(self, standing.value))


def _percent(part: int, whole: int) -> float | None:
    return round(100.0 * part / whole, 1) if whole else None
