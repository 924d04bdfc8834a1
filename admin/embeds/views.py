"""What a URL names, asked for: the same queries, numbers and sentences as on the pages and in the API."""

from collections.abc import Awaitable, Callable, Mapping

from pydantic import BaseModel

from admin.api import shown
from admin.api.models.base import Paged
from admin.api.models.mails import RecipientOut
from admin.api.models.views import CustomerOut, InvoiceOut
from admin.pages.embedded import Embedded, badge
from admin.pages.told import MARKS
from admin.story import Story
from store.open import Store
from store.queries.search import Search
from store.queries.standing import Counts, Standing
from store.sentences import say

PAGE = 100
# What a badge of several says: what needs a person first, then what is best.
_FIRST = (Standing.BOUNCED, Standing.NOT_DELIVERED, Standing.OPENED, Standing.DELIVERED, Standing.UNKNOWN)

About = Mapping[str, str]


class Views:
    """Asks the store. Each view gives None where there is nothing, or no longer."""

    def __init__(self, store: Store, embedded: Embedded) -> None:
        """Build it. ``embedded`` makes the pages."""
        self._queries = store.queries
        self._embedded = embedded
        self.models: dict[str, Callable[[About, float], Awaitable[BaseModel | None]]] = {
            "customer": self.customer,
            "message": self.message,
            "recipients": self.recipients,
            "invoice": self.invoice,
        }

    async def page(self, view: str, about: About, language: str, *, query: str) -> str | None:
        """Give a view as HTML; ``query`` is that of its URL, which is good for the mail within it too."""
        match view:
            case "customer":
                return await self._embedded.customer(about["customer"], language)
            case "message":
                preview = f"{view}.preview?{query}"
                return await self._embedded.overview(int(about["message"]), language, preview=preview)
            case "recipients":
                return await self._embedded.recipients(int(about["message"]), language)
            case "invoice":
                return await self._embedded.invoice(about["invoice"], language)
        return None

    async def preview(self, view: str, about: About) -> str | None:
        """Give the HTML of the mail that a URL names, for a frame that lets nothing run; None: it has none."""
        return await self._embedded.preview(int(about["message"])) if view == "message" else None

    async def customer(self, about: About, now: float) -> BaseModel | None:
        """All that a customer, or an address, was sent."""
        view = await self._queries.customers.view(
            about["customer"], search=Search(), now=now, limit=PAGE, cursor=about.get("cursor")
        )
        if view is None:
            return None
        return CustomerOut(
            customer=view.customer,
            addresses=[shown.address(it) for it in view.addresses],
            counts=shown.counts(view.counts),
            invoices=view.invoices,
            messages=view.messages,
            items=[shown.recipient(row, now) for row in view.rows.items],
            next=view.rows.next,
        )

    async def message(self, about: About, now: float) -> BaseModel | None:
        """One message in numbers."""
        del now
        overview = await self._queries.overviews.of(int(about["message"]))
        return None if overview is None else shown.overview(overview)

    async def recipients(self, about: About, now: float) -> BaseModel | None:
        """Who got one message, failures first."""
        message_id = int(about["message"])
        if await self._queries.overviews.of(message_id) is None:
            return None
        page = await self._queries.recipients.failures_first(
            Search(message_id=message_id), limit=PAGE, cursor=about.get("cursor")
        )
        return Paged[RecipientOut](items=[shown.recipient(row, now) for row in page.items], next=page.next)

    async def invoice(self, about: About, now: float) -> BaseModel | None:
        """Everything that was mailed about an invoice."""
        log = await self._queries.invoices.log(about["invoice"], limit=PAGE, cursor=about.get("cursor"))
        if log is None:
            return None
        return InvoiceOut(
            invoice=log.invoice,
            customers=list(log.customers),
            counts=shown.counts(log.counts),
            items=[shown.sent(it, now) for it in log.sent.items],
            next=log.sent.next,
        )

    async def badge(self, about: About, language: str) -> str | None:
        """Draw how an invoice, a message or a recipient stands, as SVG."""
        if "recipient" in about:
            return await self._embedded.badge(int(about["recipient"]), language)
        if "message" in about:
            overview = await self._queries.overviews.of(int(about["message"]))
            counts = None if overview is None else overview.counts
        else:
            log = await self._queries.invoices.log(about["invoice"], limit=1)
            counts = None if log is None else log.counts
        return None if counts is None else badge(_summary(counts, language))


def _summary(counts: Counts, language: str) -> Story:
    """Say what the most telling standing is, and of how many it is true where that is not of all."""
    standing = next((it for it in _FIRST if counts.of(it)), Standing.SENDING)
    tone, icon = MARKS[standing]
    word, count = say(standing.word, language), counts.of(standing)
    more = "" if count == counts.recipients else f"{word} {count}/{counts.recipients}"
    return Story(word=more or word, tone=tone, icon=icon, more="", sentence=more or word, advice="")
