"""The story of one recipient: event by event, in plain words, and what was said under a fold."""

from aiohttp import web

from admin.event_story import tell_event
from admin.pages.render import Routes, go
from admin.pages.site import Site, number
from admin.pages.told import told
from admin.routes import get, post
from admin.visit import visit_of
from store.nouns import Role, State
from store.rows import Found
from store.settle import Word

_WORDS = {
    "retry": (Word.RETRY, "retry"),
    "hold": (Word.HOLD, "held"),
    "release": (Word.RELEASE, "released"),
    "cancel": (Word.CANCEL, "cancelled"),
}


class RecipientPages:
    """Answers ``/recipients``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Routes:
        """Give the routes."""
        return [
            get("/recipients/{id}", self.show),
            post("/recipients/{id}/again", self.again, Role.OPERATOR),
            post("/recipients/{id}/{word}", self.say, Role.OPERATOR),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Tell the story."""
        site, language = self._site, visit_of(request).language
        found = await self._get(request)
        (told_row,) = await told(site, [found.recipient], language)
        # Replies and transcripts are for those who may read a mail's source; the words of the refusal are for all.
        transcripts = await site.store.transcripts.of(found.recipient.recipient_id)
        return site.render.page(
            request,
            "recipient.html",
            found=found,
            told=told_row,
            row=found.recipient,
            events=[(event, tell_event(event, language)) for event in found.events],
            readers=[
                it
                for it in await site.store.opens.of(found.recipient.recipient_id)
                if it.client or it.device or it.country  # tracking mode full; of people alone
            ],
            transcripts=transcripts,
            waits=found.recipient.state is State.DUE,
            held=found.recipient.state is State.HELD,
            can_send=site.outside.send_again is not None
            and found.recipient.state is State.SETTLED
            and await site.store.contents.ref(found.recipient.message_id) is not None,
        )

    async def say(self, request: web.Request) -> web.Response:
        """Try now, hold, release or stop what waits."""
        if request.match_info["word"] not in _WORDS:
            raise web.HTTPNotFound
        word, said = _WORDS[request.match_info["word"]]
        found = await self._get(request)
        id_ = found.recipient.recipient_id
        noted = await self._site.noting(
            request, f"recipient.{request.match_info['word']}", str(id_), before={"state": found.recipient.state.value}
        )
        if not await self._site.store.queue.say(word, [id_], noted=noted):
            return go(f"/recipients/{id_}", "cannot")
        self._site.outside.wake()
        return go(f"/recipients/{id_}", said)

    async def again(self, request: web.Request) -> web.Response:
        """Send the mail to this recipient once more, as a message of its own."""
        site, found = self._site, await self._get(request)
        id_ = found.recipient.recipient_id
        if site.outside.send_again is None:
            raise web.HTTPNotFound
        made = await site.outside.send_again([id_])
        if not made:
            return go(f"/recipients/{id_}", "cannot")
        await site.audit(request, "recipient.again", str(id_), after={"messages": list(made)})
        return go(f"/messages/{made[0]}/recipients", "again")

    async def _get(self, request: web.Request) -> Found:
        found = await self._site.store.find.recipient(number(request.match_info["id"]))
        if found is None:
            raise web.HTTPNotFound
        return found
