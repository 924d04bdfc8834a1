"""The pages of the opt-out link, over HTTP: a question by GET, and the choice by POST."""

import asyncio
import logging
from typing import Protocol

from aiohttp import web

from pixel.image import SERVER_NAME
from pixel.opt_out import ASK, DONE, LATER, MAX_TOKEN, PAGE_HEADERS, PREFIX, UNKNOWN, OptOutLinks
from store.errors import StoreUnavailable

PATIENCE = 5.0  # seconds that a person waits for the store


class OptOuts(Protocol):
    """Where choices are kept: ``store.opens``."""

    async def opt_out(self, address: str) -> bool:
        """Note no opens of this address any more; StoreUnavailable: not now."""
        ...


class ChoicePages:
    """Answers what is asked below ``/n/``."""

    def __init__(self, links: OptOutLinks, opt_outs: OptOuts, log: logging.Logger) -> None:
        self._links = links
        self._opt_outs = opt_outs
        self._log = log

    async def answer(self, method: str, path: str) -> web.Response:
        """Answer one request. What a link opens to is never shown: who has it may have found it."""
        address = self._links.decode(path[len(PREFIX) : len(PREFIX) + MAX_TOKEN + 1].partition("?")[0])
        if address is None:
            return _page(UNKNOWN, 404)
        if method in ("GET", "HEAD"):
            return _page(ASK)
        if method != "POST":
            return _page(UNKNOWN, 405)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._opt_outs.opt_out(address)
        except (StoreUnavailable, TimeoutError) as error:
            self._log.warning("an opt-out could not be saved: %s", error or "the store did not answer in time")
            return _page(LATER, 503)
        self._log.info("somebody opted out of open tracking by the link in a mail")
        return _page(DONE)


def _page(text: str, status: int = 200) -> web.Response:
    headers = {**PAGE_HEADERS, "Server": SERVER_NAME}
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=headers)
