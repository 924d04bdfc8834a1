"""Routes of the API as values, and the call that a handler gets."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from pydantic import BaseModel

from admin.api.problems import missing
from store.audit import Audit, Note
from store.token_nouns import Scope, Token

PREFIX = "/api/v1"
JSON = "application/json"
SMALL = 1024 * 1024  # octets of a body, unless a route says otherwise
LARGEST_ID = 2**63 - 1

_PLACE = re.compile(r"\{([a-z_]+)\}")


@dataclass(slots=True, kw_only=True)
class Call:
    """One request that was let in. ``query`` and ``body`` are of the route's models; a raw body is ``bytes``."""

    request: web.Request
    token: Token
    path: Mapping[str, str]
    query: Any
    body: Any
    now: float
    address: str  # IP of who asks
    audit: Audit

    def id(self, name: str) -> int:
        """Read an id of the path; where it cannot be one, there is no such thing: 404."""
        text = self.path[name]
        if not (text.isascii() and text.isdigit() and len(text) < 20) or int(text) > LARGEST_ID:
            raise missing(name.removesuffix("_id"))
        return int(text)

    async def note(
        self,
        action: str,
        subject: str = "",
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Write into the audit what this call did that is no change of the store's own: had a mail sent."""
        who = f"token:{self.token.name}"
        await self.audit.note(action, subject, who=who, address=self.address, before=before, after=after)

    async def noting(
        self,
        action: str,
        subject: str = "",
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        tell: Callable[[Any], Mapping[str, Any]] | None = None,
    ) -> Note:
        """Make the line of the audit that a change takes along; ``tell`` says of its result what belongs there."""
        who = f"token:{self.token.name}"
        return await self.audit.prepare(
            action, subject, who=who, address=self.address, before=before, after=after, tell=tell
        )


Answer = BaseModel | web.StreamResponse | None
Handler = Callable[[Call], Awaitable[Answer]]


class NoQuery(BaseModel):
    """A route without query."""

    model_config = {"extra": "forbid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation."""

    method: str
    path: str  # behind the prefix; "/messages/{message_id}". A name that ends in _id is an id of ours
    handler: Handler
    scope: Scope | None  # None: without a token
    summary: str  # a line in plain words
    group: str  # heading in the document
    description: str = ""
    query: type[BaseModel] = NoQuery
    body: type[BaseModel] | None = None
    accepts: str = JSON  # media type of the body; with another one the handler gets bytes
    has_body: bool = False  # a raw body; with a model it is so by itself
    largest_body: int = SMALL
    answer: type[BaseModel] | None = None  # None, with JSON: nothing, 204
    status: int = 200
    produces: str = JSON
    errors: tuple[int, ...] = ()  # besides those that every route has
    keyed: bool = False  # heeds Idempotency-Key

    @property
    def takes_body(self) -> bool:
        """Whether a body is read."""
        return self.body is not None or self.has_body

    @property
    def names(self) -> list[str]:
        """The names in the path."""
        return _PLACE.findall(self.path)

    @property
    def operation(self) -> str:
        """A name for generated clients: ``get_messages_message_id_overview``."""
        return f"{self.method.lower()}_{re.sub('[^a-z]+', '_', self.path.lower()).strip('_')}"


class Router:
    """Finds routes."""

    def __init__(self, routes: list[Route]) -> None:
        self._paths: list[tuple[re.Pattern[str], dict[str, Route]]] = []
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            methods = by_path.setdefault(route.path, {})
            assert route.method not in methods, f"{route.method} {route.path} is there twice"
            methods[route.method] = route
        # What is written out comes before what takes any word.
        for path in sorted(by_path, key=lambda it: (it.count("{"), it)):
            self._paths.append((_pattern(path), by_path[path]))

    def find(self, raw_path: str) -> tuple[dict[str, Route], dict[str, str]] | None:
        """Give the routes of a path, still encoded, by method, and the words in it. None: there is no such path."""
        for pattern, methods in self._paths:
            if found := pattern.fullmatch(raw_path):
                return methods, {name: unquote(word, errors="replace") for name, word in found.groupdict().items()}
        return None


def _pattern(path: str) -> re.Pattern[str]:
    parts = _PLACE.split(path)
    odd = [f"(?P<{part}>[^/]+)" if number % 2 else re.escape(part) for number, part in enumerate(parts)]
    return re.compile(PREFIX + "".join(odd))
