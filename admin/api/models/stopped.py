"""
Suppressions and opt-outs.

Pure: no I/O, no clock, no chance.
"""

from datetime import datetime

from pydantic import Field

from admin.api.models.base import Asked, AwareDatetime, Given, Id, Line
from store.nouns import Reason


class SuppressionOut(Given):
    """An address that mail is no longer sent to."""

    address: str
    reason: Reason
    explanation: str
    since: datetime
    until: datetime | None = Field(description="It ends by itself; null: it does not.")
    note: str
    caused_by_recipient_id: Id | None = Field(description="Whose mail came back; null: a person added it.")
    caused_by_message_id: Id | None = Field(description="Null also where it is no longer kept.")
    caused_by_subject: str


class SuppressionIn(Asked):
    """Why mail is no longer to be sent to an address."""

    note: Line = ""
    until: AwareDatetime | None = None


class OptOutOut(Given):
    """An address whose opens are not noted, by its owner's choice."""

    address: str
    since: datetime


class ImportedOut(Given):
    """What an import did."""

    added: int
    refused: list[str] = Field(description="Lines without an address, at most 50 of them.")
