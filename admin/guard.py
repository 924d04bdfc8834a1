"""
Who is let past: the middleware in front of every page.

A route without a role is open; each other one asks for a session, for a role, and where it is a sensitive one for the
password again. What changes something must come from a form of that session and from no other site (W4).
"""

import hmac
from collections.abc import Callable, Mapping
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from admin.routes import Handler as PageHandler
from admin.routes import Route
from admin.security import plain
from admin.visit import VISIT, Networks, from_elsewhere, in_language, read_visit, visit_of
from store.nouns import Role
from store.sessions import Session, Sessions

FRESH = 600.0  # seconds for which a password that was given counts for sensitive acts
_READS = frozenset({"GET", "HEAD"})
# These ask for a token of their own, or are for everybody; what they are is said where they are made.
OWN_DOORS = ("/api/", "/embed/", "/metrics")


class Guard:
    """Lets requests past, with who asks put into them."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        routes: Mapping[PageHandler, Route],
        proxies: Networks,
        idle: float,
        clock: Callable[[], float],
    ) -> None:
        self._sessions = sessions
        self._routes = routes
        self._proxies = proxies
        self._idle = idle
        self._clock = clock

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request past, or say why not."""
        if request.path.startswith(OWN_DOORS):
            return await handler(request)
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return plain(415)  # W18
        visit = read_visit(request, self._proxies)
        request[VISIT] = visit
        session = await self._sessions.find(visit.token, idle=self._idle) if visit.token else None
        if session is not None:
            request[VISIT] = in_language(visit, session)
        route = self._routes.get(request.match_info.handler)
        if request.method not in _READS and from_elsewhere(request):
            return plain(403)
        if route is not None and route.role is None:
            return await handler(request)
        if session is None:
            return _to_log_in(request)
        return await self._as_person(request, handler, route, session)

    async def _as_person(
        self, request: web.Request, handler: Handler, route: Route | None, session: Session
    ) -> web.StreamResponse:
        if request.method not in _READS and not await _has_token(request):
            return plain(403)
        needed = route.role if route is not None else Role.VIEWER
        if needed is not None and not session.role.may(needed):
            raise web.HTTPNotFound  # W7: what one may not see is not there
        if route is not None and route.fresh and self._clock() - session.proved_at > FRESH:
            # A form is filled in again: where to is the page it stands on.
            back = request.path_qs if request.method in _READS else "/" + request.path.split("/")[1]
            raise web.HTTPSeeOther(f"/confirm?next={quote(back, safe='')}")
        return await handler(request)


async def _has_token(request: web.Request) -> bool:
    """Whether the form, or htmx's header, carries the session's token."""
    right = visit_of(request).csrf.encode()
    given = request.headers.get("X-CSRF-Token")
    if given is None:
        field = (await request.post()).get("csrf", "")
        given = field if isinstance(field, str) else ""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right)


def _to_log_in(request: web.Request) -> web.StreamResponse:
    """Send a browser to the log-in, and tell anything else that there must be one."""
    if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
        raise web.HTTPSeeOther(f"/login?next={quote(request.path_qs, safe='')}")
    return plain(401)
