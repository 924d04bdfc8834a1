"""
The queries of lists, and how they become a ``Search``.

Pure: no I/O, no clock, no chance.
"""

from typing import Literal

from pydantic import Field

from admin.api.models.base import Asked, Line, QueryTime, Whole
from admin.api.models.events import EventKind
from store.addresses import ascii_domain
from store.nouns import Reason, Verdict
from store.queries.page import LARGEST_PAGE, PAGE
from store.queries.search import Search
from store.queries.standing import Standing
from store.queries.words import clean, parse

_CURSOR = r"^[0-9]{1,19}$"


class PageQuery(Asked):
    """Which page."""

    limit: Whole = Field(PAGE, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, pattern=_CURSOR, description="The `next` of the page before.")


class SearchQuery(PageQuery):
    """Which messages or recipients; all that is given must fit, of several values of one name one."""

    q: Line = Field("", description="A line as in the search box: words, and chips such as `status:bounced`.")
    standing: tuple[Standing, ...] = ()
    to: Line = Field("", description="Within the address.")
    address: Line = Field("", description="The whole address, however it is written.")
    domain: Line = ""
    reason: tuple[Reason, ...] = ()
    sender: Line = Field("", description="Within the address in From.")
    subject: Line = Field("", description="Within the subject.")
    tag: tuple[Line, ...] = Field((), max_length=8)
    customer: Line = ""
    invoice: Line = ""
    credential: Line = ""
    kind: Literal["", "invoices", "messages"] = Field("", description="About an invoice, or about none.")
    since: QueryTime | None = Field(None, description="Accepted then or later.")
    until: QueryTime | None = Field(None, description="Accepted before.")

    def search(self) -> Search:
        """Give what is asked; what the line says and a name of its own does not."""
        typed = parse(self.q).search
        domain = ascii_domain(clean(self.domain))
        return Search(
            text=typed.text,
            standings=tuple(self.standing) or typed.standings,
            to=(clean(self.to),) if clean(self.to) else typed.to,
            address=clean(self.address),
            domains=((domain or "-",) if self.domain else typed.domains),  # no domain of DNS is "-"
            reasons=tuple(self.reason) or typed.reasons,
            sender=clean(self.sender) or typed.sender,
            subject=clean(self.subject) or typed.subject,
            tags=tuple(clean(tag) for tag in self.tag) or typed.tags,
            customer=clean(self.customer) or typed.customer,
            invoice=clean(self.invoice) or typed.invoice,
            credential=clean(self.credential) or typed.credential,
            kind=self.kind or typed.kind,
            since=self.since.timestamp() if self.since else typed.since,
            until=self.until.timestamp() if self.until else typed.until,
        )


class OfMessageQuery(Asked):
    """Which recipients of a message."""

    limit: Whole = Field(PAGE, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, pattern=r"^[0-5]\.[0-9]{1,19}$", description="The `next` of the page before.")
    standing: tuple[Standing, ...] = ()
    q: Line = ""


class CustomerQuery(PageQuery):
    """Which mails of a customer."""

    standing: tuple[Standing, ...] = ()
    kind: Literal["", "invoices", "messages"] = ""
    since: QueryTime | None = None
    until: QueryTime | None = None

    def search(self) -> Search:
        """Give what is asked."""
        return Search(
            standings=tuple(self.standing),
            kind=self.kind,
            since=self.since.timestamp() if self.since else None,
            until=self.until.timestamp() if self.until else None,
        )


class EventQuery(SearchQuery):
    """Which events; `since` and `until` are of the event itself."""

    order: Literal["newest", "oldest"] = Field(
        "oldest", description="`oldest` follows: hand `next` back for ever, each event comes once."
    )
    event: tuple[EventKind, ...] = ()
    verdict: tuple[Verdict, ...] = ()


class ChaseQuery(PageQuery):
    """Which invoices to chase."""

    days: Whole = Field(7, ge=0, le=1000, description="First sent so many days ago, or delivered to nobody.")


class TodayQuery(Asked):
    """Since when."""

    since: QueryTime | None = Field(None, description="Midnight UTC where it is not given.")
    limit: Whole = Field(PAGE, ge=1, le=LARGEST_PAGE)


class StatQuery(Asked):
    """Of which time and which mails; the last 30 days where it is not said."""

    since: QueryTime | None = None
    until: QueryTime | None = None
    customer: Line = ""
    tag: tuple[Line, ...] = Field((), max_length=8)
    domain: Line = ""
    credential: Line = ""


class AddressQuery(Asked):
    """Which addresses."""

    limit: Whole = Field(PAGE, ge=1, le=LARGEST_PAGE)
    cursor: Line | None = Field(None, description="The `next` of the page before.")
    q: Line = Field("", description="Within the address, or the note.")


class SuppressionQuery(AddressQuery):
    """Which suppressions."""

    reason: tuple[Reason, ...] = ()


class LanguageQuery(Asked):
    """In which language."""

    language: Literal["en", "es"] = "en"
