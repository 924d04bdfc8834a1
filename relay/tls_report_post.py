"""
Give a report about TLS to a web server (RFC 8460 section 5.4).

Whoever owns a domain chooses the URL, so this is a door into our own network: ``guarded_http.py`` keeps it. There are
no redirects, no cookies, no proxy, and of the answer only its status is read.
"""

import asyncio
import ssl

import aiohttp

from relay.delivery.guard import Guard
from relay.delivery.guarded_http import Addresses, guarded_connector

TIMEOUT = 60.0  # seconds
_HEADERS = {"Content-Type": "application/tlsrpt+gzip", "User-Agent": "Homing"}


class ReportPost:
    """``await post(url, content)`` gives "" where the web server took it, else why not, in plain words."""

    def __init__(
        self,
        names: Addresses,
        *,
        guard: Guard,
        ipv6: bool,
        context: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._names = names
        self._guard = guard
        self._ipv6 = ipv6
        self._context = context
        self._timeout = timeout

    async def __call__(self, url: str, content: bytes) -> str:
        """Give it. Never raises for what the other side does."""
        try:
            async with asyncio.timeout(self._timeout):
                status = await self._post(url, content)
        except TimeoutError:
            return f"no answer within {self._timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return str(error) or type(error).__name__
        return "" if 200 <= status < 300 else f"it answers {status}"

    async def _post(self, url: str, content: bytes) -> int:
        connector = guarded_connector(
            self._names, self._guard, ipv6=self._ipv6, context=self._context, force_close=True
        )
        async with (
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
            ) as session,
            session.post(url, data=content, headers=_HEADERS, allow_redirects=False) as answer,
        ):
            return answer.status
