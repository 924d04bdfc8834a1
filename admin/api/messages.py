"""Routes about messages: list, one, its numbers, its recipients, its content."""

from dataclasses import replace

from aiohttp import web

from admin.api import shown
from admin.api.models.base import Paged
from admin.api.models.filters import OfMessageQuery, SearchQuery
from admin.api.models.mails import MessageInList, MessageOut, OverviewOut, RecipientsOut
from admin.api.problems import Problem, missing
from admin.api.route import Call, Route
from store.errors import ContentDamaged
from store.open import Store
from store.queries.words import parse
from store.token_nouns import Scope

_GROUP = "Messages"


class Messages:
    """Answers about messages."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route(
                method="GET", path="/messages", handler=self.listed, scope=Scope.READ, group=_GROUP,
                summary="List messages, the newest first", query=SearchQuery, answer=Paged[MessageInList],
                description="Where recipients are asked for (standing, address, reason), one of them must fit.",
            ),
            Route(
                method="GET", path="/messages/{message_id}", handler=self.one, scope=Scope.READ, group=_GROUP,
                summary="Get one message", answer=MessageOut,
            ),
            Route(
                method="GET", path="/messages/{message_id}/overview", handler=self.overview, scope=Scope.READ,
                group=_GROUP, summary="Get one message in numbers", answer=OverviewOut,
            ),
            Route(
                method="GET", path="/messages/{message_id}/recipients", handler=self.recipients, scope=Scope.READ,
                group=_GROUP, summary="List the recipients of a message, failures first", query=OfMessageQuery,
                answer=RecipientsOut,
            ),
            Route(
                method="GET", path="/messages/{message_id}/content", handler=self.content, scope=Scope.READ,
                group=_GROUP, summary="Get a message as the application gave it", produces="message/rfc822",
                errors=(410,), description="410: its retention is over, or it was erased.",
            ),
        ]  # fmt: skip

    async def listed(self, call: Call) -> Paged[MessageInList]:
        """List messages."""
        page = await self._store.queries.messages.newest(
            call.query.search(), limit=call.query.limit, cursor=call.query.cursor
        )
        return Paged[MessageInList](items=[shown.in_list(line) for line in page.items], next=page.next)

    async def one(self, call: Call) -> MessageOut:
        """Give one message."""
        line = await self._store.queries.messages.get(call.id("message_id"))
        if line is None:
            raise missing("message")
        return shown.message(line)

    async def overview(self, call: Call) -> OverviewOut:
        """Give its numbers."""
        found = await self._store.queries.overviews.of(call.id("message_id"))
        if found is None:
            raise missing("message")
        return shown.overview(found)

    async def recipients(self, call: Call) -> RecipientsOut:
        """List its recipients."""
        message_id = call.id("message_id")
        typed = parse(call.query.q).search
        search = replace(typed, message_id=message_id)
        numbers = await self._store.queries.recipients.counts(search)
        if not numbers.recipients and await self._store.queries.messages.get(message_id) is None:
            raise missing("message")
        wanted = replace(search, standings=tuple(call.query.standing) or typed.standings)
        page = await self._store.queries.recipients.failures_first(
            wanted, limit=call.query.limit, cursor=call.query.cursor
        )
        items = [shown.recipient(row, call.now) for row in page.items]
        return RecipientsOut(items=items, next=page.next, counts=shown.counts(numbers))

    async def content(self, call: Call) -> web.Response:
        """Give the content, byte for byte."""
        message_id = call.id("message_id")
        ref = await self._store.contents.ref(message_id)
        if ref is None:
            if await self._store.queries.messages.get(message_id) is None:
                raise missing("message")
            raise Problem(410, "Its content is no longer kept.")
        try:
            raw = await self._store.contents.read(ref)
        except ContentDamaged:
            raise Problem(410, "Its content cannot be read any more.") from None
        name = f'attachment; filename="{message_id}.eml"'
        return web.Response(body=raw, content_type="message/rfc822", headers={"Content-Disposition": name})
