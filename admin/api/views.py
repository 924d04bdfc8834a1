"""Routes of the views beside those of messages: customers, invoices, what to chase, today, numbers, what waits."""

from dataclasses import replace

from admin.api import shown
from admin.api.models.base import Paged, at, when
from admin.api.models.filters import ChaseQuery, CustomerQuery, PageQuery, SearchQuery, StatQuery, TodayQuery
from admin.api.models.views import (
    AddressOut,
    ChaseOut,
    CustomerOut,
    DestinationOut,
    InvoiceOut,
    QueueOut,
    SizesOut,
    StatOut,
    StatsOut,
    TodayOut,
)
from admin.api.problems import missing
from admin.api.route import Call, Handler, Route
from store.addresses import ascii_domain
from store.open import Store
from store.queries.search import Search
from store.queries.stats import By
from store.queries.words import clean
from store.token_nouns import Scope

DAY = 86_400.0
LATE = 3_600.0  # seconds after which what still waits is delayed
_GROUP = "Views"


class Views:
    """Answers about customers, invoices and times."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queries = store.queries

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route(
                method="GET", path="/customers", handler=self.customers, scope=Scope.READ, group=_GROUP,
                summary="Find addresses by what was sent to them", query=SearchQuery, answer=Paged[AddressOut],
                description="The address written to last comes first; its numbers are of all mail to it.",
            ),
            Route(
                method="GET", path="/customers/{customer}", handler=self.customer, scope=Scope.READ, group=_GROUP,
                summary="Get everything that a customer, or an address, was sent", query=CustomerQuery,
                answer=CustomerOut, errors=(404,),
            ),
            Route(
                method="GET", path="/addresses/{address}", handler=self.address, scope=Scope.READ, group=_GROUP,
                summary="Get what is known of an address", answer=AddressOut, errors=(404,),
            ),
            Route(
                method="GET", path="/invoices/{invoice}", handler=self.invoice, scope=Scope.READ, group=_GROUP,
                summary="Get the log of everything that was mailed about an invoice", query=PageQuery,
                answer=InvoiceOut, errors=(404,),
            ),
            Route(
                method="GET", path="/chase", handler=self.chase, scope=Scope.READ, group=_GROUP,
                summary="List invoices that nobody is known to have read", query=ChaseQuery, answer=Paged[ChaseOut],
            ),
            Route(
                method="GET", path="/today", handler=self.today, scope=Scope.READ, group=_GROUP,
                summary="Get what was sent, what failed and what waits too long", query=TodayQuery, answer=TodayOut,
            ),
            *(
                Route(
                    method="GET", path=f"/stats/{by.value}", handler=self._stats(by), scope=Scope.READ, group=_GROUP,
                    summary=f"Count recipients by {by.value}", query=StatQuery, answer=StatsOut,
                )
                for by in By
            ),
            Route(
                method="GET", path="/queue", handler=self.queue, scope=Scope.READ, group=_GROUP,
                summary="List what waits, by destination", answer=QueueOut,
            ),
            Route(
                method="GET", path="/sizes", handler=self.sizes, scope=Scope.READ, group=_GROUP,
                summary="Get how much is kept", answer=SizesOut,
            ),
        ]  # fmt: skip

    async def customers(self, call: Call) -> Paged[AddressOut]:
        """Find addresses."""
        page = await self._queries.customers.find(
            call.query.search(), now=call.now, limit=call.query.limit, cursor=call.query.cursor
        )
        return Paged[AddressOut](items=[shown.address(it) for it in page.items], next=page.next)

    async def customer(self, call: Call) -> CustomerOut:
        """Give the view of a customer."""
        key = clean(call.path["customer"])
        view = await self._queries.customers.view(
            key, search=call.query.search(), now=call.now, limit=call.query.limit, cursor=call.query.cursor
        )
        if view is None or not key:
            raise missing("customer")
        return CustomerOut(
            customer=view.customer,
            addresses=[shown.address(it) for it in view.addresses],
            counts=shown.counts(view.counts),
            invoices=view.invoices,
            messages=view.messages,
            items=[shown.recipient(row, call.now) for row in view.rows.items],
            next=view.rows.next,
        )

    async def address(self, call: Call) -> AddressOut:
        """Give what is known of an address."""
        found = await self._queries.customers.address(clean(call.path["address"]), now=call.now)
        if found is None:
            raise missing("address")
        return shown.address(found)

    async def invoice(self, call: Call) -> InvoiceOut:
        """Give the log of an invoice."""
        key = clean(call.path["invoice"])
        log = await self._queries.invoices.log(key, limit=call.query.limit, cursor=call.query.cursor)
        if log is None:
            raise missing("invoice")
        return InvoiceOut(
            invoice=log.invoice,
            customers=list(log.customers),
            counts=shown.counts(log.counts),
            items=[shown.sent(it, call.now) for it in log.sent.items],
            next=log.sent.next,
        )

    async def chase(self, call: Call) -> Paged[ChaseOut]:
        """List what to chase."""
        page = await self._queries.chase.invoices(
            sent_before=call.now - call.query.days * DAY, limit=call.query.limit, cursor=call.query.cursor
        )
        return Paged[ChaseOut](items=[shown.chase(it, call.now) for it in page.items], next=page.next)

    async def today(self, call: Call) -> TodayOut:
        """Give today."""
        since = call.query.since.timestamp() if call.query.since else call.now // DAY * DAY
        today = self._queries.today
        sent = await today.sent(since)
        return TodayOut(
            since=when(since),
            messages=sent.messages,
            counts=shown.counts(sent.counts),
            failed=shown.recipients(await today.failed(since, limit=call.query.limit), call.now),
            delayed=shown.recipients(await today.delayed(call.now - LATE, limit=call.query.limit), call.now),
            delayed_count=await today.delayed_count(call.now - LATE),
        )

    def _stats(self, by: By) -> Handler:
        async def stats(call: Call) -> StatsOut:
            query = call.query
            domain = ascii_domain(clean(query.domain)) or "-"
            search = Search(
                customer=clean(query.customer),
                tags=tuple(clean(tag) for tag in query.tag if clean(tag)),
                domains=(domain,) if query.domain else (),
                credential=clean(query.credential),
                until=query.until.timestamp() if query.until else None,
            )
            since = query.since.timestamp() if query.since else (search.until or call.now) - 30 * DAY
            lines = await self._queries.stats.by(by, replace(search, since=since))
            return StatsOut(items=[StatOut(key=line.key, counts=shown.counts(line.counts)) for line in lines])

        return stats

    async def queue(self, call: Call) -> QueueOut:
        """List what waits."""
        del call
        states = await self._store.queue.counts()
        return QueueOut(
            items=[
                DestinationOut(
                    domain=it.domain,
                    due=it.due,
                    claimed=it.claimed,
                    held=it.held,
                    oldest_at=when(it.oldest_at),
                    next_attempt_at=at(it.next_attempt_at),
                    last_reply=it.last_reply,
                )
                for it in await self._store.waiting.by_destination()
            ],
            states={state.value: number for state, number in states.items()},
        )

    async def sizes(self, call: Call) -> SizesOut:
        """Give how much is kept."""
        it = await self._queries.sizes.now(call.now)
        return SizesOut(
            rows=it.rows,
            database_octets=it.database_octets,
            contents_octets=it.contents_octets,
            messages_a_day=it.messages_a_day,
            octets_a_day=it.octets_a_day,
        )
