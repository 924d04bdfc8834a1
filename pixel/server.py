"""
The pixel's server: every request below ``/o/`` gets the same image, whatever its token, and whatever the store does.

Usual requests are answered where they arrive (``usual.py``), all others through aiohttp, with the same octets. What
was asked is noted after the answer has left (``noting.py``). Promise 6: nothing that is known of a token can change the
answer, or when it comes.
"""

import logging
import ssl
from collections.abc import Callable
from typing import cast

from aiohttp import web

from pixel.buffer import OpenBuffer, Opens
from pixel.choice import ChoicePages
from pixel.client import Describe
from pixel.connection import Connection, HttpListener
from pixel.image import GIF, HEADERS, SERVER_NAME, ImageAnswer
from pixel.judge import BOOK
from pixel.networks import LISTS, Networks, Prefixes
from pixel.noting import PREFIX, Asked, Noting
from pixel.opt_out import PREFIX as OPT_OUT_PREFIX
from pixel.settings import PixelSettings
from pixel.token import Tokens
from pixel.usual import Fields, read_usual

_NOT_FOUND = {"Server": SERVER_NAME, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class PixelServer:
    """
    Serves the image and notes who loaded it.

    ``addresses`` tells where it listens once it runs. ``buffer`` counts opens (``recorded``, ``repeated``, ``dropped``,
    ``failed``, ``waiting``), and ``limited`` those that were not noted because their address asks too often.
    """

    def __init__(
        self,
        *,
        tokens: Tokens,
        opens: Opens,
        settings: PixelSettings,
        clock: Callable[[], float],
        log: logging.Logger,
        choice: ChoicePages | None = None,
        tls: ssl.SSLContext | None = None,
        describe: Describe | None = None,
    ) -> None:
        """
        Build a server that is not started.

        ``tls`` is for ``settings.listen_tls``: without it nothing listens there. ``describe``: see ``OpenBuffer``.
        """
        self._choice = choice
        self._tls = tls
        self._settings = settings
        self._clock = clock
        self._log = log
        self._networks = Networks({**BOOK.networks, "own": settings.own_networks}, expected=LISTS)
        self._listener: HttpListener | None = None
        self.buffer = OpenBuffer(opens, settings.buffer, settings.view_window, log, clock=clock, describe=describe)
        self.noting = Noting(
            tokens=tokens,
            buffer=self.buffer,
            networks=self._networks,
            trusted=Prefixes(settings.trusted_proxies),
            log=log,
        )

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listening socket; none before ``start``."""
        return self._listener.addresses if self._listener else []

    @property
    def limited(self) -> int:
        """Opens that were not noted because their address asks too often; they got their image like all."""
        return self.noting.limited

    def use_list(self, name: str, networks: Prefixes | None) -> None:
        """Look addresses up in this list from now on; None: it is missing."""
        self._networks.replace(name, networks)

    async def start(self, *, shared: bool = False) -> None:
        """Listen, by ``shared`` with others, and begin to write opens. OSError when an address cannot be used."""
        self._listener = HttpListener(
            web.Server(self._answer),
            _image,
            UsualAnswers(self.noting, self.buffer, self._clock),
            proxies=Prefixes(self._settings.proxy_networks),
            log=self._log,
        )
        try:
            for address in self._settings.listen:
                await self._listener.listen(address, shared=shared)
            for address in self._settings.listen_tls if self._tls else ():
                await self._listener.listen(address, self._tls, shared=shared)
        except OSError:
            await self._listener.stop(0.0)
            raise
        self.buffer.start()

    async def stop(self, grace: float = 5.0) -> None:
        """Stop listening, then write the opens that still wait, each with ``grace`` seconds: ``OpenBuffer.stop``."""
        if self._listener is not None:
            await self._listener.stop(grace)
        self.noting.flush()
        await self.buffer.stop(grace)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        """Answer what is not usual."""
        path = _path(request.raw_path)
        if self._choice is not None and path.startswith(OPT_OUT_PREFIX):
            return await self._choice.answer(request.method, path)
        if not path.startswith(PREFIX):
            return web.Response(status=404, headers=_NOT_FOUND)
        headers = request.headers
        asked = Asked(
            at=self._clock(),
            peer=cast("Connection", request.protocol).client,
            method=request.method,
            path=path,
            fields=Fields(
                agent=headers.get("User-Agent", ""),
                x_forwarded_for=tuple(headers.getall("X-Forwarded-For", ())),
                forwarded=tuple(headers.getall("Forwarded", ())),
                accept=headers.get("Accept", ""),
                referer=headers.get("Referer", ""),
            ),
        )
        self.noting.note(asked)
        return _image()


class UsualAnswers:
    """Answers usual requests where they arrive; what becomes of them is noted later."""

    def __init__(self, noting: Noting, buffer: OpenBuffer, clock: Callable[[], float]) -> None:
        self._noting = noting
        self._buffer = buffer
        self._clock = clock
        self._image = ImageAnswer()

    def answer(self, data: bytes, peer: str) -> bytes | None:
        """Give the answer to one usual request, given as it came; None: it is none."""
        usual = read_usual(data)
        if usual is None:
            return None
        now = self._clock()
        self._noting.note(Asked(now, peer, "GET", *usual))
        return self._image.at(now)

    @property
    def hold(self) -> float:
        """See ``OpenBuffer.hold``."""
        return self._buffer.hold


def _image() -> web.Response:
    return web.Response(body=GIF, headers=HEADERS)


def _path(target: str) -> str:
    """Give the path of a request target (RFC 9112 section 3.2), which may be a whole URL."""
    if not target.startswith("/"):
        _, _, rest = target.partition("://")
        slash = rest.find("/")
        target = rest[slash:] if slash >= 0 else "/"
    return target
