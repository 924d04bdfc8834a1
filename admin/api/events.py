"""Routes about events: a list to look through, or to follow by position."""

from dataclasses import replace

from admin.api import shown
from admin.api.models.events import EventsOut
from admin.api.models.filters import EventQuery
from admin.api.route import Call, Route
from store.open import Store
from store.queries.events import Which
from store.token_nouns import Scope


class Events:
    """Answers about events."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route(
                method="GET", path="/events", handler=self.listed, scope=Scope.READ, group="Events",
                summary="List events, or follow them", query=EventQuery, answer=EventsOut,
                description="To follow: keep `order=oldest`, hand `next` back as `cursor`, again and again. Each event "
                "comes exactly once, in the order of commits, also with several nodes.",
            ),
        ]  # fmt: skip

    async def listed(self, call: Call) -> EventsOut:
        """List events."""
        query = call.query
        which = Which(
            kinds=tuple(query.event),
            verdicts=tuple(query.verdict),
            reasons=tuple(query.reason),
            since=query.since.timestamp() if query.since else None,
            until=query.until.timestamp() if query.until else None,
            about=replace(query.search(), since=None, until=None, reasons=()),
        )
        events = self._store.queries.events
        if query.order == "newest":
            page = await events.newest(which, limit=query.limit, cursor=query.cursor)
            return EventsOut(items=[shown.event(it) for it in page.items], next=page.next)
        page = await events.oldest(which, limit=query.limit, cursor=query.cursor)
        # Whoever follows goes on behind the last one; nothing new: at the same place.
        last = str(page.items[-1].position) if page.items else query.cursor or "0"
        return EventsOut(items=[shown.event(it) for it in page.items], next=last)
