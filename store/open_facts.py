"""
What the store knows of a recipient when its pixel is loaded.

Pure: no I/O, no clock, no chance.
"""

from typing import NamedTuple

NOT_YET = float("-inf")  # seconds since a 250 that has not come


class OpenFacts(NamedTuple):
    """One recipient. Times are Unix seconds; None: it did not happen."""

    message_id: int
    settled: bool  # nothing more will be sent
    in_doubt: bool  # an attempt was lost behind its final dot: the receiver may have said 250
    delivered_at: float | None  # when the receiver said 250
    settled_at: float | None
    sender_is_recipient: bool
    full: bool = False  # tracking mode "full": it is kept who displayed it

    def seconds_since_delivery(self, at: float) -> float | None:
        """
        Say how long after the receiver's 250 ``at`` is.

        Returns:
            Seconds; below 0: before it. A 250 that has not come is infinitely far ahead. None: not known.
        """
        if self.delivered_at is not None:
            return at - self.delivered_at
        if self.in_doubt:
            return None
        if not self.settled:
            return NOT_YET
        # Refused: what came before the refusal saw the mail while it was looked at.
        return at - self.settled_at if self.settled_at is not None and at < self.settled_at else None
