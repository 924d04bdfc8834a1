"""
Fetch the MTA-STS policy of a domain over HTTPS (RFC 8461 section 3.3).

Whoever owns a domain chooses what ``mta-sts.DOMAIN`` points to, so this is a door into our own network. It is kept by
``guard.py`` at the moment of connecting, on the address that is connected to; there are no redirects, no cookies, no
proxy, no compression; the answer is 64 kB of text/plain at most, within ``timeout`` seconds in all.
"""

import asyncio
import ssl

import aiohttp

from relay.delivery.guard import Guard
from relay.delivery.guarded_http import Addresses, guarded_connector
from relay.delivery.sts_policy import LARGEST, BadPolicy, Policy, read_policy

TIMEOUT = 30.0  # seconds: a mail waits for it. Section 3.3 suggests a minute at most
AT_ONCE = 16
_BLOCK = 16 * 1024
_HEADERS = {"Accept": "text/plain", "Accept-Encoding": "identity", "User-Agent": "Homing"}


class FetchFailed(Exception):
    """There is no policy to be had now; the text says why, in plain words."""


class PolicyFetch:
    """
    ``await fetch("example.org")`` gives the domain's policy.

    ``context`` says which authorities are believed. ``port`` is another one in tests only.
    """

    def __init__(
        self,
        names: Addresses,
        *,
        guard: Guard,
        ipv6: bool,
        context: ssl.SSLContext | None = None,
        port: int = 443,
        timeout: float = TIMEOUT,
    ) -> None:
        self._names = names
        self._guard = guard
        self._ipv6 = ipv6
        self._context = context
        self._port = port
        self._timeout = timeout
        self._room = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, domain: str) -> Policy:
        """
        Fetch a policy.

        Raises:
            FetchFailed: Whatever the reason.
        """
        try:
            async with self._room, asyncio.timeout(self._timeout):
                return read_policy(await self._get(domain))
        except BadPolicy as error:
            raise FetchFailed(f"the policy is of no use: {error}") from error
        except TimeoutError as error:
            raise FetchFailed(f"the web server gave no whole answer within {self._timeout:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchFailed(_told(error)) from error

    async def _get(self, domain: str) -> bytes:
        connector = guarded_connector(
            self._names, self._guard, ipv6=self._ipv6, context=self._context, force_close=True
        )
        url = f"https://mta-sts.{domain}:{self._port}/.well-known/mta-sts.txt"
        async with (
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
            ) as session,
            session.get(url, allow_redirects=False, headers=_HEADERS) as answer,
        ):
            if answer.status != 200:
                raise FetchFailed(f"the web server answers {answer.status}")
            if answer.content_type != "text/plain":
                raise FetchFailed("the policy is not text/plain")
            content = b""
            while block := await answer.content.read(_BLOCK):
                content += block
                if len(content) > LARGEST:
                    raise FetchFailed("the policy is longer than 64 kB")
            return content


def _told(error: Exception) -> str:
    """Say an error in plain words."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        certificate = error.certificate_error
        said = certificate.verify_message if isinstance(certificate, ssl.SSLCertVerificationError) else str(certificate)
        return f"the web server's certificate is not good: {said}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"the web server could not be reached: {error.os_error.strerror or error.os_error}"
    return f"the web server's answer is of no use: {type(error).__name__}"
