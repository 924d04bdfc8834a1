"""
Answers ``/embed/``: to whoever has a URL that we signed, and nothing but what it names.

A URL that is not ours, or whose time is over, is refused before the store is asked, always in the same words.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel

from admin.embeds.link import BadLink, opened
from admin.embeds.views import Views
from admin.settings import EmbedSettings
from store.errors import StoreError
from store.languages import LANGUAGES
from store.queries.page import BadCursor

PREFIX = "/embed/"
_LONGEST_QUERY = 4_000  # characters
_PRIVATE = frozenset({"credential", "return_path"})  # the operator's own, in no embed
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
)
# Of the mail's own HTML: nothing is loaded, nothing runs, and it sits in an origin of its own (W2). It is shown within
# our page, which is within the program's.
_PREVIEW_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; base-uri 'none'; form-action 'none'; "
    "frame-ancestors {ancestors}"
)


class EmbedDoor:
    """Stands before the pages."""

    def __init__(
        self,
        views: Views,
        *,
        settings: EmbedSettings,
        keys: Sequence[bytes],
        clock: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        """Build it. ``keys``: the current one first; older ones open what they signed."""
        self._views = views
        self._settings = settings
        self._keys = tuple(keys)
        self._clock = clock
        self._log = log
        self._policy = _POLICY.format(ancestors=" ".join(settings.frame_ancestors) or "'none'")
        self._preview_policy = _PREVIEW_POLICY.format(ancestors=" ".join(("'self'", *settings.frame_ancestors)))

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer what is asked below ``/embed/``."""
        if not request.path.startswith(PREFIX):
            return await handler(request)
        response = await self._answer(request)
        # The form of a URL may be changed without its signature, so each says for itself who may have it.
        response.headers.setdefault("Content-Security-Policy", self._policy)
        origin = request.headers.get("Origin", "")
        if self._settings.origins:
            response.headers["Vary"] = "Origin"
        if origin in self._settings.origins:
            response.headers["Access-Control-Allow-Origin"] = origin
        return response

    async def _answer(self, request: web.Request) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, text="This can only be read.\n", headers={"Allow": "GET, HEAD"})
        view, _, form = request.path.removeprefix(PREFIX).partition(".")
        raw = request.raw_path.partition("?")[2]
        now = self._clock()
        try:
            given = parse_qsl(raw[:_LONGEST_QUERY], keep_blank_values=True, errors="strict")
            named = opened(view, given, self._keys, now=now, longest=self._settings.longest)
        except (BadLink, ValueError):
            return _plain(403, "This link is not good, or its time is over. Open the page that it came from anew.")
        try:
            answer = await self._shown(view, form, named, now, query=raw)
        except BadCursor:
            answer = None
        except StoreError as error:
            self._log.warning("an embed could not be shown: %s", error)
            return _plain(503, "The store cannot be read at the moment. Try again.")
        return answer or _plain(404, "There is nothing, or no longer.")

    async def _shown(
        self, view: str, form: str, named: Mapping[str, str], now: float, *, query: str
    ) -> web.Response | None:
        language = named.get("language", "en")
        if language not in LANGUAGES:
            language = "en"
        if view == "badge":
            drawn = await self._views.badge(named, language) if form == "svg" else None
            headers = {"Cross-Origin-Resource-Policy": "cross-origin"}  # a picture in a page of somebody else
            if drawn is None:
                return None
            return web.Response(text=drawn, content_type="image/svg+xml", charset="utf-8", headers=headers)
        if form == "json":
            model = await self._views.models[view](named, now)
            return None if model is None else _json(model)
        if form == "preview":
            html = await self._views.preview(view, named)
            headers = {"Content-Security-Policy": self._preview_policy, "X-DNS-Prefetch-Control": "off"}
            if html is None:
                return None
            return web.Response(text=html, content_type="text/html", charset="utf-8", headers=headers)
        text = await self._views.page(view, named, language, query=query) if form == "" else None
        return None if text is None else web.Response(text=text, content_type="text/html", charset="utf-8")


def _json(model: BaseModel) -> web.Response:
    text = json.dumps(_without_private(model.model_dump(mode="json")), ensure_ascii=False)
    return web.Response(text=text, content_type="application/json", charset="utf-8")


def _without_private(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_private(each) for name, each in value.items() if name not in _PRIVATE}
    return [_without_private(each) for each in value] if isinstance(value, list) else value


def _plain(status: int, sentence: str) -> web.Response:
    return web.Response(status=status, text=f"{sentence}\n")
