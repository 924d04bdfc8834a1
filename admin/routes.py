"""What a page answers to, and who may ask it: each route says both, so that nothing is open by being forgotten."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from store.nouns import Role

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route of the pages."""

    method: str
    path: str
    handler: Handler
    role: Role | None  # None: without a log-in
    fresh: bool = False  # the password must have been given within the last minutes


def get(path: str, handler: Handler, role: Role | None = Role.VIEWER, *, fresh: bool = False) -> Route:
    """Give a route that only shows."""
    return Route(method="GET", path=path, handler=handler, role=role, fresh=fresh)


def post(path: str, handler: Handler, role: Role | None, *, fresh: bool = False) -> Route:
    """Give a route that changes something."""
    return Route(method="POST", path=path, handler=handler, role=role, fresh=fresh)
