"""What the sandbox's tests drive it with: a listener that keeps letters, a pixel that keeps agents, a client."""

import asyncio
import logging
import smtplib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from store.nouns import Reply

LOG = logging.getLogger("tests.sandbox")
PIXEL_MAIL = (
    b"From: The club <office@club.test>\r\nTo: ann@sandbox.test\r\nSubject: Your fees\r\nMIME-Version: 1.0\r\n"
    b"Message-ID: <m1@club.test>\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b'<html><body>..hello<img src="http://127.0.0.1:9/logo.png">'
    b'<img src="https://track.club.test/o/abcDEF-_1234567890abcd.gif" width="1" height="1" alt=""></body></html>\r\n'
)


@dataclass
class Letters:
    """A desk that takes every letter, or refuses as often as told, and keeps what it took."""

    refuse: list[Reply] = field(default_factory=list)
    taken: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def rcpt(self, reverse_path: str, forward_path: str) -> Reply | None:
        del reverse_path, forward_path
        return self.refuse.pop(0) if self.refuse else None

    def data(self, reverse_path: str, forward_paths: list[str], content: bytes) -> Reply | None:
        self.taken.append((reverse_path, forward_paths, content))
        self.came.set()
        return None


@dataclass
class Pixels:
    """Keeps path and agent of each load."""

    loads: list[tuple[str, str]] = field(default_factory=list)

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        self.loads.append((request.raw_path, request.headers.get("User-Agent", "")))
        return web.Response(body=b"GIF89a")


class Sleeps:
    """Sleeps that are over at once, and are remembered."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)


def _talk(host: str, port: int, talk: Callable[[smtplib.SMTP], Any]) -> Any:
    with smtplib.SMTP(host, port, timeout=20) as client:
        return talk(client)


async def by_smtplib(address: tuple[str, int], talk: Callable[[smtplib.SMTP], Any]) -> Any:
    """Speak to a server with Python's own client, in a thread."""
    return await asyncio.to_thread(_talk, *address, talk)


def code_of(path: str, mail: bytes = PIXEL_MAIL) -> Callable[[smtplib.SMTP], int]:
    """Send one mail to one recipient; gives the code that decided."""

    def talk(client: smtplib.SMTP) -> int:
        client.ehlo("sender.test")
        client.mail("breturn@bounces.club.test")
        code, _ = client.rcpt(path)
        return client.data(mail)[0] if code == 250 else code

    return talk
