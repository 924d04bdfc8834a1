"""
Which events a stream tells.

Pure: no I/O, no clock, no chance.
"""

from pydantic import Field

from admin.api.models.base import Asked, Line
from admin.api.models.events import EventKind
from store.journal_record import ToldEvent

_ID = r"^[0-9]{0,19}$"


class StreamQuery(Asked):
    """What is told; all that is given must fit, of several values of one name one."""

    event: tuple[EventKind, ...] = ()
    tag: tuple[Line, ...] = Field((), max_length=8)
    customer: Line = ""
    invoice: Line = ""
    address: Line = Field("", description="The whole address, as it was written in RCPT.")
    message: str = Field("", pattern=_ID)
    recipient: str = Field("", pattern=_ID)
    after: str = Field("", pattern=_ID, description="Go on behind this position; `Last-Event-ID` comes before it.")

    def wants(self, told: ToldEvent) -> bool:
        """Whether an event is told."""
        record = told.record
        wanted = (
            (record.customer, self.customer),
            (record.invoice, self.invoice),
            (record.forward_path, self.address),
            (str(record.event.message_id), self.message),
            (str(record.event.recipient_id), self.recipient),
        )
        return (
            (not self.event or record.event.kind in self.event)
            and (not self.tag or not set(self.tag).isdisjoint(told.tags))
            and all(not asked or asked == is_ for is_, asked in wanted)
        )
