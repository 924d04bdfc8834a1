"""What waits: by destination and one by one, with what an operator can say about it."""

from aiohttp import web

from admin.pages.render import Routes, go, query
from admin.pages.site import Site, chosen, form
from admin.pages.told import told
from admin.routes import get, post
from admin.visit import visit_of
from store.addresses import ascii_domain
from store.nouns import Role, State
from store.settle import Word
from store.waiting import Which

DESTINATIONS = 50
RECIPIENTS = 100
_CHUNK = 500  # recipients of one transaction: mail that waits behind it waits for milliseconds
_WORDS = {
    "retry": (Word.RETRY, "retry"),
    "hold": (Word.HOLD, "held"),
    "release": (Word.RELEASE, "released"),
    "cancel": (Word.CANCEL, "cancelled"),
}
_STATES = (State.DUE, State.CLAIMED, State.HELD)


class QueuePages:
    """Answers ``/queue``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Routes:
        """Give the routes."""
        return [get("/queue", self.show), post("/queue/{word}", self.say, Role.OPERATOR)]

    async def show(self, request: web.Request) -> web.Response:
        """Show what waits; a domain or a state in the address bar narrows it down."""
        site, asked = self._site, _which(request.query.get("domain", ""), request.query.get("state", ""))
        counts = await site.store.queue.counts()
        rows = await site.store.waiting.recipients(asked, limit=RECIPIENTS)
        return site.render.page(
            request,
            "queue.html",
            counts=counts,
            states=_STATES,
            which=asked,
            destinations=await site.store.waiting.by_destination(limit=DESTINATIONS) if asked.domain is None else (),
            rows=await told(site, rows, visit_of(request).language),
            full=len(rows) == RECIPIENTS,
            paused=False,
        )

    async def say(self, request: web.Request) -> web.Response:
        """Try, hold, release or stop what was ticked, or all that waits for a domain."""
        name = request.match_info["word"]
        if name not in _WORDS:
            raise web.HTTPNotFound
        site, fields = self._site, await form(request)
        word, said = _WORDS[name]
        domain = fields.get("domain", "")
        back = query("/queue", domain=domain, state=fields.get("state", ""))
        ids = await chosen(request, "id")
        if fields.get("all") == "domain" and domain:
            ids = await site.store.waiting.ids(_which(domain, ""))
        if not ids:
            return go(back, "nothing")
        done = 0
        for start in range(0, len(ids), _CHUNK):
            some = ids[start : start + _CHUNK]
            about = domain or ",".join(map(str, some[:20]))
            noted = await site.noting(request, f"queue.{name}", about, tell=lambda count: {"recipients": count})
            done += await site.store.queue.say(word, some, noted=noted)
        site.outside.wake()
        return go(back, said if done else "cannot")


def _which(domain: str, state: str) -> Which:
    wanted = State(state) if state in {each.value for each in _STATES} else None
    return Which(domain=ascii_domain(domain) or None if domain else None, state=wanted)
