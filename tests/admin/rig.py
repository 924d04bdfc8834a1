"""What the pages' tests drive them with: a real store with mails in it, and a visitor with cookies."""

import asyncio
import logging
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from selectolax.lexbor import LexborHTMLParser as HTMLParser

from admin.server import AdminServer
from store.nouns import Open, Reason, RecipientStatus, Role, State, Verdict
from store.open import Store
from store.rows import RecipientRow
from tests.store.mail import accept, bounced, delivered

LOG = logging.getLogger("tests.admin")
NOW = 1_800_000_000.0
SETTINGS = (("Server", "127.0.0.1"), ("Port", "2525"))
PASSWORD = "blue whale 42"
PEOPLE = {"vera": Role.VIEWER, "otto": Role.OPERATOR, "ada": Role.ADMIN}


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
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    text: str
    cookies: list[str] = field(default_factory=list)

    @property
    def page(self) -> HTMLParser:
        return HTMLParser(self.text)

    def texts(self, selector: str) -> list[str]:
        """Give the text of each element."""
        return [" ".join(node.text(separator=" ").split()) for node in self.page.css(selector)]


async def talk(server: AdminServer, octets: bytes) -> Answer:
    """Send octets and read to the end."""
    reader, writer = await asyncio.open_connection(*server.addresses[0])
    try:
        writer.write(octets)
        raw = await reader.read()
    finally:
        writer.close()
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(": ")[::2] for line in rest]
    if ("Transfer-Encoding", "chunked") in pairs:
        body = _unchunked(body)
    cookies = [value for name, value in pairs if name == "Set-Cookie"]
    return Answer(int(first.split()[1]), dict(pairs), body.decode("utf-8", "replace"), cookies)


def _unchunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        whole, body = whole + rest[:length], rest[length + 2 :]
    return whole


@dataclass
class Visitor:
    """A browser without a script: it keeps cookies, and sends what a form of the page has."""

    server: AdminServer
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""
    language: str = ""

    async def get(self, target: str = "/", **headers: str) -> Answer:
        return await self.ask(target, **headers)

    async def post(self, target: str, fields: dict[str, Any] | None = None, **headers: str) -> Answer:
        """Send a form with the token of this session; ``csrf`` among the fields takes its place."""
        body = urlencode({"csrf": self.csrf, **(fields or {})}, doseq=True)
        headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return await self.ask(target, method="POST", body=body, **headers)

    async def ask(self, target: str, *, method: str = "GET", body: str = "", **headers: str) -> Answer:
        given = {"Host": "localhost", "Connection": "close", "Accept": "text/html"}
        if self.language:
            given["Accept-Language"] = self.language
        if self.cookies:
            given["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST":
            given["Content-Length"] = str(len(body.encode()))
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
        answer = await talk(self.server, ("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        for cookie in answer.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', answer.text)
        if found:
            self.csrf = found[1]
        return answer

    async def log_in(self, name: str, password: str = PASSWORD) -> Answer:
        """Log in, and look at a page, which has the token for forms."""
        answer = await self.post("/login", {"name": name, "password": password})
        if answer.status == 303:
            await self.get("/account")
        return answer


@dataclass
class Filled:
    """Ids of what ``fill`` made."""

    newsletter: int
    invoice: int
    reminder: int


async def fill(store: Store, now: float) -> Filled:
    """Make a newsletter to four people, an invoice that bounced, and its reminder, which was not sent."""
    about: dict[str, Any] = {
        "invoice": "INV-7",
        "customer": "4711",
        "subject": "Your fees",
        "header_from": "o@club.test",
    }
    news = await accept(
        store, "ann@a.test", "bob@a.test", "cleo@b.test", "dan@b.test", now=now, subject="News", tags=("news",)
    )
    ann, bob, cleo, _dan = (job.recipient_id for job in news.jobs)
    await store.queue.settle(ann, delivered(now))
    await store.queue.settle(bob, delivered(now))
    await store.queue.settle(cleo, bounced(now, reason=Reason.MAILBOX_FULL))
    await store.opens.record([Open(recipient_id=ann, at=now, verdict=Verdict.PERSON, rule="test")])
    bill = await accept(store, "eve@c.test", now=now, **about)
    await store.queue.settle(bill.jobs[0].recipient_id, bounced(now))
    again = await accept(store, "eve@c.test", now=now, **{**about, "subject": "Reminder"})
    return Filled(news.message_id, bill.message_id, again.message_id)
