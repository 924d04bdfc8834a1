"""Routes about recipients: list, one with its events, what was said to its server, what came back."""

from aiohttp import web
from pydantic import Field

from admin.api import shown
from admin.api.models.base import Given, Id, Paged, when
from admin.api.models.filters import SearchQuery
from admin.api.models.mails import RecipientOut
from admin.api.models.views import RecipientStoryOut
from admin.api.problems import missing
from admin.api.route import Call, Route
from store.open import Store
from store.token_nouns import Scope

_GROUP = "Recipients"


class TranscriptOut(Given):
    """What was said in one attempt."""

    ended_at: str = Field(json_schema_extra={"format": "date-time"})
    dialogue: str


class TranscriptsOut(Given):
    """What was said in each attempt, oldest first; kept for some days."""

    items: list[TranscriptOut]


class ReportOut(Given):
    """A mail that came back, without its bytes."""

    report_id: Id
    at: str = Field(json_schema_extra={"format": "date-time"})
    kind: str
    octets: int


class ReportsOut(Given):
    """What came back about a recipient, oldest first."""

    items: list[ReportOut]


class Recipients:
    """Answers about recipients."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route(
                method="GET", path="/recipients", handler=self.listed, scope=Scope.READ, group=_GROUP,
                summary="List recipients, the newest first", query=SearchQuery, answer=Paged[RecipientOut],
            ),
            Route(
                method="GET", path="/recipients/{recipient_id}", handler=self.one, scope=Scope.READ, group=_GROUP,
                summary="Get one recipient with its events", answer=RecipientStoryOut,
            ),
            Route(
                method="GET", path="/recipients/{recipient_id}/transcripts", handler=self.transcripts,
                scope=Scope.READ, group=_GROUP, summary="Get what was said to its server", answer=TranscriptsOut,
            ),
            Route(
                method="GET", path="/recipients/{recipient_id}/reports", handler=self.reports, scope=Scope.READ,
                group=_GROUP, summary="List the mails that came back about it", answer=ReportsOut,
            ),
            Route(
                method="GET", path="/reports/{report_id}/content", handler=self.report, scope=Scope.READ,
                group=_GROUP, summary="Get a mail that came back, as it came", produces="message/rfc822",
            ),
        ]  # fmt: skip

    async def listed(self, call: Call) -> Paged[RecipientOut]:
        """List recipients."""
        page = await self._store.queries.recipients.newest(
            call.query.search(), limit=call.query.limit, cursor=call.query.cursor
        )
        return shown.recipients(page, call.now)

    async def one(self, call: Call) -> RecipientStoryOut:
        """Give one recipient with all its events, and what loaded the pixel."""
        found = await self._store.find.recipient(call.id("recipient_id"))
        if found is None:
            raise missing("recipient")
        loads = await self._store.opens.of(found.recipient.recipient_id)
        return shown.recipient_story(found, loads, call.now)

    async def transcripts(self, call: Call) -> TranscriptsOut:
        """Give what was said."""
        recipient_id = await self._known(call)
        kept = await self._store.transcripts.of(recipient_id)
        items = [TranscriptOut(ended_at=when(it.at).isoformat(), dialogue=it.dialogue) for it in kept]
        return TranscriptsOut(items=items)

    async def reports(self, call: Call) -> ReportsOut:
        """List what came back."""
        listed = await self._store.reports.listed(await self._known(call))
        items = [
            ReportOut(report_id=str(it.id), at=when(it.at).isoformat(), kind=it.kind, octets=it.octets) for it in listed
        ]
        return ReportsOut(items=items)

    async def report(self, call: Call) -> web.Response:
        """Give a report as it came."""
        found = await self._store.reports.get(call.id("report_id"))
        if found is None:
            raise missing("report")
        name = f'attachment; filename="{found.id}.eml"'
        return web.Response(body=found.raw, content_type="message/rfc822", headers={"Content-Disposition": name})

    async def _known(self, call: Call) -> int:
        recipient_id = call.id("recipient_id")
        if not await self._store.queries.recipients.get([recipient_id]):
            raise missing("recipient")
        return recipient_id
