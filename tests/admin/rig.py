"""What the pages' tests drive them with: a store that can be broken, people, HTTP in octets of our own."""

import asyncio
import logging
from base64 import b64encode
from dataclasses import dataclass, field, replace
from typing import Any

from admin.server import AdminServer
from store.errors import StoreUnavailable
from store.nouns import RecipientStatus, State
from store.rows import RecipientRow

LOG = logging.getLogger("tests.admin")
NOW = 1_800_000_000.0
SETTINGS = (("Server", "127.0.0.1"), ("Port", "2525"))


def row(recipient_id: int = 1, **more: Any) -> RecipientRow:
    """Make a delivered recipient; ``more`` says what is otherwise."""
    plain = RecipientRow(
        recipient_id=recipient_id,
        message_id=1,
        forward_path="ann@sandbox.test",
        subject="Your November fees",
        customer="4711",
        invoice="INV-1042",
        header_from="office@club.test",
        header_message_id="m1@club.test",
        accepted_at=NOW - 7_200,
        status=RecipientStatus.DELIVERED,
        state=State.SETTLED,
        attempts=1,
        delivered_at=NOW - 7_199,
    )
    return replace(plain, **more)


@dataclass
class FakeStore:
    """People, rows, and whether it can be read and written."""

    rows: list[RecipientRow] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    writable: bool = True
    readable: bool = True
    checks: int = 0

    @property
    def people(self) -> "FakeStore":
        return self

    @property
    def recent(self) -> "FakeStore":
        return self

    async def check(self, name: str | None = None, password: str = "") -> Any:
        """The store's own check without arguments, the people's with."""
        if name is not None:
            return (name, password) == ("admin", "pass:wörd")
        self.checks += 1
        if not self.writable:
            raise StoreUnavailable("database is locked: /var/secret/homing.db")
        return None

    async def recipients(self, limit: int, **given: Any) -> list[RecipientRow]:
        self.asked.append({"limit": limit, **given})
        if not self.readable:
            raise StoreUnavailable("database is locked: /var/secret/homing.db")
        before = given["before"] or 2**63
        return [each for each in self.rows if each.recipient_id < before][:limit]


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    text: str


def basic(name: str = "admin", password: str = "pass:wörd") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


async def talk(server: AdminServer, octets: bytes) -> Answer:
    reader, writer = await asyncio.open_connection(*server.addresses[0])
    try:
        writer.write(octets)
        raw = await reader.read()
    finally:
        writer.close()
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name: value for name, _, value in (line.partition(": ") for line in rest)}
    return Answer(int(first.split()[1]), headers, body.decode())


async def ask(
    server: AdminServer, target: str = "/", *, method: str = "GET", headers: dict[str, str] | None = None
) -> Answer:
    """Ask once, logged in unless ``headers`` are given."""
    fields = {"Host": "pages.test", "Connection": "close", **(basic() if headers is None else headers)}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return await talk(server, ("\r\n".join(lines) + "\r\n\r\n").encode())
