"""
What a report says, as values: its kind, and one entry for each recipient it names.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass
from typing import Literal

from store.nouns import Reason

Kind = Literal["bounce", "delayed", "autoreply", "complaint", "not-a-bounce"]
MAX_RECIPIENTS = 100  # of one report; further ones are not read


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedRecipient:
    """What a report says of one recipient."""

    address: str  # as far as the report tells it, "" when it does not
    action: str  # failed, delayed, delivered, relayed, expanded (RFC 3464 section 2.3.3); "" for no bounce
    status: str  # enhanced status code as said, "" when none was
    reason: Reason
    permanent: bool
    diagnostic: str  # the words of the other side, "" when there are none
    rule: str  # name of the rule that named the reason


@dataclass(frozen=True, slots=True)
class Report:
    """
    What a mail that came back is.

    ``bounce``: at least one recipient failed. ``delayed``: delivery goes on. ``autoreply``: a machine answered for
    the recipient, challenges included. ``complaint``: marked as spam. ``not-a-bounce``: all else, good news too.
    """

    kind: Kind
    recipients: tuple[ReportedRecipient, ...] = ()
