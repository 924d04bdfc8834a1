"""
The pixel's server: every request below ``/o/`` gets the same image, whatever its token, and whatever the store does.

A request goes: path -> token -> who asks -> the buffer (``buffer.py``), whose task judges person or machine and writes
in batches. Promise 6: nothing on that way can change the answer, and nothing waits.
"""

import logging
from collections.abc import Callable
from urllib.parse import unquote

from aiohttp import web

from pixel.buffer import OpenBuffer, Opens
from pixel.choice import ChoicePages
from pixel.connection import SERVER_NAME, HttpListener
from pixel.flood import FloodGuard
from pixel.forwarded import clean, client_address
from pixel.judge import BOOK, Load
from pixel.networks import LISTS, Networks, Prefixes
from pixel.opt_out import PREFIX
from pixel.settings import PixelSettings
from pixel.signals import Sighting
from pixel.token import Tokens

# GIF89a, 1 x 1, one transparent colour: 43 octets.
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

HEADERS = {
    "Content-Type": "image/gif",
    "Cache-Control": "no-store, no-cache, must-revalidate, private, max-age=0",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Server": SERVER_NAME,
}
_NOT_FOUND = {"Server": SERVER_NAME, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_PREFIX = "/o/"
_SUFFIX = ".gif"
_LONGEST_TOKEN = 100  # characters that are looked at; ours have 22, or up to 66 when somebody percent-encoded them


class PixelServer:
    """
    Serves the image and notes who loaded it.

    ``addresses`` tells where it listens once it runs; ``buffer`` counts opens; ``limited`` counts opens that were not
    recorded because their address asks too often.
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
    ) -> None:
        self._choice = choice
        self._tokens = tokens
        self._settings = settings
        self._clock = clock
        self._log = log
        self._networks = Networks({**BOOK.networks, "own": settings.own_networks}, expected=LISTS)
        self._trusted = Prefixes(settings.trusted_proxies)
        self._guard = FloodGuard()
        self._listener: HttpListener | None = None
        self.buffer = OpenBuffer(opens, settings.buffer, settings.view_window, log, clock=clock)
        self.limited = 0

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listening socket; none before ``start``."""
        return self._listener.addresses if self._listener else []

    def use_list(self, name: str, networks: Prefixes | None) -> None:
        """Look addresses up in this list from now on; None: it is missing."""
        self._networks.replace(name, networks)

    async def start(self) -> None:
        """Listen and begin to write opens. OSError when an address cannot be listened at."""
        self._listener = HttpListener(web.Server(self._answer), _image)
        try:
            for address in self._settings.listen:
                await self._listener.listen(address)
        except OSError:
            await self._listener.stop(0.0)
            raise
        self.buffer.start()

    async def stop(self, grace: float = 5.0) -> None:
        """Stop listening, then write the opens that still wait, within ``grace`` seconds."""
        if self._listener is not None:
            await self._listener.stop(grace)
        await self.buffer.stop(grace)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        path = _path(request.raw_path)
        if self._choice is not None and path.startswith(PREFIX):
            return await self._choice.answer(request.method, path)
        if not path.startswith(_PREFIX):
            return web.Response(status=404, headers=_NOT_FOUND)
        try:
            self._note(request, path)
        except Exception:  # noqa: BLE001 - a fault in the noting must not be seen from outside: promise 6
            self._log.exception("an open could not be noted")
        return _image()

    def _note(self, request: web.BaseRequest, path: str) -> None:
        """Hand a load to the buffer, if its token is one of ours."""
        recipient_id = self._tokens.decode(_token(path))
        if recipient_id is None:
            return
        now = self._clock()
        headers = request.headers
        address = request.remote or ""
        if self._settings.trusted_proxies:
            address = client_address(
                address, headers.getall("X-Forwarded-For", ()), headers.getall("Forwarded", ()), self._trusted
            )
        if not self._guard.allows(address, now):
            self.limited += 1
            return
        agent = clean(headers.get("User-Agent", ""))
        load = Load(agent=agent, method=request.method, networks=self._networks.of(address))
        self.buffer.add(Sighting(recipient_id=recipient_id, at=now, address=address, load=load))


def _image() -> web.Response:
    return web.Response(body=GIF, headers=HEADERS)


def _path(target: str) -> str:
    """Give the path of a request target (RFC 9112 section 3.2), which may be a whole URL."""
    if not target.startswith("/"):
        _, _, rest = target.partition("://")
        slash = rest.find("/")
        target = rest[slash:] if slash >= 0 else "/"
    return target


def _token(path: str) -> str:
    """Give what stands between ``/o/`` and ``.gif``; "" when there is no such thing."""
    name = path[len(_PREFIX) : len(_PREFIX) + _LONGEST_TOKEN].partition("?")[0]
    if "%" in name:
        name = unquote(name, errors="replace")
    return name.removesuffix(_SUFFIX) if name.endswith(_SUFFIX) else ""
