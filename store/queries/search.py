"""
What may be asked of the lists: all that is given must fit.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass, fields
from typing import Literal

from store.nouns import Reason
from store.queries.standing import Standing

Kind = Literal["", "invoices", "messages"]
MAX_WORDS = 8  # free words of one search
MAX_WORD = 320  # characters of one value: the longest address, RFC 5321 section 4.5.3.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """
    One filter, for every list of messages or recipients. Several values of one field: one of them must fit.

    Values hold no control characters and no lone surrogates (``store.queries.words.clean``): PostgreSQL takes no NUL.
    """

    text: tuple[str, ...] = ()  # each within address, names in To, customer, invoice, subject, Message-ID; or an id
    standings: tuple[Standing, ...] = ()
    to: tuple[str, ...] = ()  # within the address
    address: str = ""  # the whole address, however it is written
    domains: tuple[str, ...] = ()  # in A-labels
    reasons: tuple[Reason, ...] = ()
    sender: str = ""  # within the address in From
    subject: str = ""  # within the subject
    tags: tuple[str, ...] = ()
    customer: str = ""
    invoice: str = ""
    credential: str = ""
    message_id: int | None = None
    kind: Kind = ""  # "invoices": about an invoice; "messages": about none
    since: float | None = None  # Unix seconds, of acceptance
    until: float | None = None  # Unix seconds, itself no longer in it

    def __bool__(self) -> bool:
        """Whether anything is asked."""
        return any(getattr(self, each.name) not in ((), "", None) for each in fields(self))
