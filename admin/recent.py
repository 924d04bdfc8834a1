"""
The page of recent recipients: who got what, what became of it, what to do.

The address bar holds the whole filter, so a link can be sent to a colleague. The cursor is the id of the last recipient
shown: ids are ordered by time, so rows that arrive meanwhile do not move what one is reading.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from admin.story import Story, tell
from admin.times import Moment, moment
from store.nouns import Reason, RecipientStatus
from store.rows import RecipientRow

PAGE = 40  # recipients; a full page stays under 60 KB
REFRESH_SECONDS = 5  # of a page that is live
_LONGEST_ADDRESS = 320  # RFC 5321 section 4.5.3.1: 64 + "@" + 255
_LARGEST_ID = 2**63 - 1


class Recent(Protocol):
    """What is needed of ``store.recent``."""

    async def recipients(
        self, limit: int, *, before: int | None = None, status: RecipientStatus | None = None, address: str = ""
    ) -> list[RecipientRow]:
        """Give the newest recipients, newest first: ids below ``before``, of a status, ``address`` in their address."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the address bar asks for."""

    status: RecipientStatus | None = None
    address: str = ""
    before: int | None = None
    live: bool = False

    def href(self) -> str:
        """Give the address that asks for this."""
        words = {
            "status": self.status.value if self.status else "",
            "q": self.address,
            "before": str(self.before) if self.before is not None else "",
            "live": "on" if self.live else "",
        }
        query = urlencode({name: word for name, word in words.items() if word})
        return f"/?{query}" if query else "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One of the links above the list."""

    word: str
    tone: str
    icon: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One recipient on the page."""

    address: str
    address_href: str
    subject: str
    customer: str
    invoice: str
    accepted: Moment
    story: Story
    reply: str
    facts: tuple[tuple[str, str | Moment], ...]


DidYouMean = Callable[[RecipientRow], Awaitable[str]]


async def no_guess(row: RecipientRow) -> str:  # noqa: ARG001 - in place of a DidYouMean
    """Propose no address."""
    return ""


def read(query: Mapping[str, str]) -> Asked:
    """Read the address bar; what makes no sense there is left out."""
    before = query.get("before", "")
    cursor = int(before) if before.isascii() and before.isdigit() and len(before) < 20 else None
    status = query.get("status", "")
    return Asked(
        status=RecipientStatus(status) if status in set(RecipientStatus) else None,
        address=query.get("q", "").replace("\0", "").strip()[:_LONGEST_ADDRESS],
        before=cursor if cursor is not None and cursor <= _LARGEST_ID else None,
        live=query.get("live") == "on",
    )


class RecentPage:
    """Answers ``/``."""

    def __init__(
        self,
        recent: Recent,
        *,
        smtp_settings: Sequence[tuple[str, str]],
        style_version: str,
        clock: Callable[[], float],
        did_you_mean: DidYouMean = no_guess,
    ) -> None:
        self._recent = recent
        self._did_you_mean = did_you_mean
        self._smtp_settings = tuple(smtp_settings)
        self._style_version = style_version
        self._clock = clock
        self._template = Environment(
            loader=PackageLoader("admin"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        ).get_template("recent.html")

    async def show(self, request: web.Request) -> web.Response:
        """Give the page that the address bar asks for."""
        asked = read(request.query)
        rows = await self._recent.recipients(PAGE + 1, before=asked.before, status=asked.status, address=asked.address)
        meant = {row.recipient_id: await self._did_you_mean(row) for row in rows[:PAGE]}
        response = web.Response(text=self._render(asked, rows, meant), content_type="text/html", charset="utf-8")
        if asked.live and asked.before is None:
            response.headers["Refresh"] = str(REFRESH_SECONDS)
        return response

    def _render(self, asked: Asked, rows: Sequence[RecipientRow], meant: Mapping[int, str]) -> str:
        now = self._clock()
        shown = rows[:PAGE]
        first = Asked(status=asked.status, address=asked.address)
        older = Asked(status=asked.status, address=asked.address, before=shown[-1].recipient_id) if shown else first
        return self._template.render(
            style_version=self._style_version,
            now=moment(now, now),
            q=asked.address,
            chosen=asked.status,
            filters=_filters(asked),
            rows=[_row(row, now, meant[row.recipient_id]) for row in shown],
            live=asked.live,
            live_href=""
            if asked.before is not None
            else Asked(status=asked.status, address=asked.address, live=not asked.live).href(),
            clear_href=Asked(status=asked.status).href(),
            newest_href=first.href() if asked.before is not None else "",
            older_href=older.href() if len(rows) > PAGE else "",
            smtp_settings=self._smtp_settings,
        )


_TONES = {
    RecipientStatus.SENDING: ("sending", "clock"),
    RecipientStatus.DELIVERED: ("delivered", "check"),
    RecipientStatus.OPENED: ("opened", "open-envelope"),
    RecipientStatus.BOUNCED: ("bounced", "returned"),
    RecipientStatus.NOT_DELIVERED: ("not-delivered", "crossed"),
}


def _filters(asked: Asked) -> list[Filter]:
    everything = Asked(address=asked.address, live=asked.live)
    links = [Filter(word="All", tone="", icon="", href=everything.href(), current=asked.status is None)]
    for status, (tone, icon) in _TONES.items():
        href = Asked(status=status, address=asked.address, live=asked.live).href()
        links.append(Filter(word=status.word, tone=tone, icon=icon, href=href, current=asked.status is status))
    return links


def _row(row: RecipientRow, now: float, meant: str) -> Row:
    return Row(
        address=row.forward_path,
        address_href=Asked(address=row.forward_path).href(),
        subject=row.subject,
        customer=row.customer,
        invoice=row.invoice,
        accepted=moment(row.accepted_at, now),
        story=tell(row, now, meant=meant),
        reply=row.last_reply,
        facts=tuple(_facts(row, now)),
    )


def _facts(row: RecipientRow, now: float) -> list[tuple[str, str | Moment]]:
    """Give what stands under the fold, without what is empty."""
    host = row.remote_host
    if host and row.remote_address:
        host = f"{host} ({row.remote_address})"
    facts: list[tuple[str, str | Moment | None]] = [
        ("Server", host or row.remote_address),
        ("Encryption", (row.tls or "none") if host and (row.delivered_at or row.bounced_at) else row.tls),
        ("Attempts", str(row.attempts) if row.attempts else ""),
        ("Delivered", _moment(row.delivered_at, now)),
        ("First opened", _moment(row.opened_at, now)),
        ("Bounced", _moment(row.bounced_at, now)),
        ("Rule", "" if row.reason in (None, Reason.DELIVERED) else row.rule),
    ]
    return [(name, value) for name, value in facts if value]


def _moment(at: float | None, now: float) -> Moment | None:
    return None if at is None else moment(at, now)
