"""What all pages share: store, clock, renderer, what the relay hands in, and the audit of what people do."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from admin.outside import Outside
from admin.pages.render import Renderer
from admin.settings import AdminSettings
from admin.visit import visit_of
from store.audit import Note
from store.open import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Handed to each page."""

    store: Store
    settings: AdminSettings
    outside: Outside
    render: Renderer
    clock: Callable[[], float]
    log: logging.Logger

    async def audit(
        self,
        request: web.Request,
        action: str,
        subject: str = "",
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Note what a person did that is no change of the store's own: looked at a mail, had one sent."""
        who, address = _by(request)
        await self.store.audit.note(action, subject, who=who, address=address, before=before, after=after)

    async def noting(
        self,
        request: web.Request,
        action: str,
        subject: str = "",
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        tell: Callable[[Any], Mapping[str, Any]] | None = None,
    ) -> Note:
        """Make the line of the audit that a change takes along; ``tell`` says of its result what belongs there."""
        who, address = _by(request)
        return await self.store.audit.prepare(
            action, subject, who=who, address=address, before=before, after=after, tell=tell
        )


def _by(request: web.Request) -> tuple[str, str]:
    visit = visit_of(request)
    return visit.session.person if visit.session else "?", visit.address


def number(text: str) -> int:
    """Read an id of the address bar. HTTPNotFound for what is none."""
    if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) > 2**63 - 1:
        raise web.HTTPNotFound
    return int(text)


async def form(request: web.Request) -> dict[str, str]:
    """Give the fields of a form that are text, each once."""
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


async def chosen(request: web.Request, name: str) -> list[int]:
    """Give the ids that were ticked in a form."""
    values: Sequence[Any] = (await request.post()).getall(name, [])
    return [number(value) for value in values if isinstance(value, str)]
