"""
The daily digest: a mail to the office that says what the page of invoices to chase says.

One node sends it: the day up to which it was sent is a place in ``store.letters``, moved in the transaction that takes
the mail. A relay that was down at the time sends it when it is up again, the same day. Nobody to chase: no mail.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from admin.pages.render import Renderer
from admin.settings import AdminSettings
from admin.story import Story, tell
from relay.did_you_mean import DidYouMean
from relay.own_mail import letter
from store.errors import StoreError
from store.letters import Letter
from store.nouns import Job, TrackingMode
from store.open import Store
from store.queries.rows import ChaseLine
from store.rows import RecipientRow
from store.sentences import say, say_count

NAME = "admin.digest"  # of its place, and in the stead of a credential
MOST = 200  # invoices of one mail
_SINCE = 90 * 86_400.0
_LOOK = 30.0  # seconds between two looks at the clock
_log = logging.getLogger(__name__)

_Line = tuple[ChaseLine, Sequence[tuple[RecipientRow, Story]], date]  # an invoice, to whom, and the day it was sent


def due_day(now: float, at: str, zone: ZoneInfo) -> int:
    """Give the last day on which the digest was due by ``now``, as ``date.toordinal`` counts."""
    local = datetime.fromtimestamp(now, zone)
    reached = local.time() >= time.fromisoformat(at)
    return (local.date() if reached else local.date() - timedelta(days=1)).toordinal()


class Digest:
    """Sends the digest, as ``[admin.digest]`` says."""

    def __init__(
        self,
        *,
        store: Store,
        settings: AdminSettings,
        hostname: str,
        max_age: float,
        render: Renderer,
        clock: Callable[[], float],
        deliver: Callable[[Sequence[Job], bytes], None],
    ) -> None:
        """
        Keep what it is made with.

        Args:
            store: What is asked, and where the mail goes.
            settings: ``[admin]``.
            hostname: Ours.
            max_age: Seconds that delivery is tried.
            render: Writes the mail's HTML.
            clock: Unix seconds, UTC.
            deliver: Given the jobs right behind the commit.
        """
        self._store = store
        self._settings = settings
        self._hostname = hostname
        self._max_age = max_age
        self._render = render
        self._clock = clock
        self._deliver = deliver
        self._zone = ZoneInfo(settings.digest.zone)
        self._did_you_mean = DidYouMean(store.domains)

    async def run(self) -> None:
        """Send each day until cancelled."""
        if not self._settings.digest.to:
            return
        while True:
            try:
                await self.send()
            except StoreError as error:
                _log.error("the digest waits for the store: %s", error)
            await asyncio.sleep(_LOOK)

    async def send(self) -> bool:
        """Send it where it is due and was not sent; give whether a mail went out."""
        now, digest = self._clock(), self._settings.digest
        today = due_day(now, digest.at, self._zone)
        seen = await self._store.letters.begun(NAME, today)
        if seen >= today:
            return False
        page = await self._store.queries.chase.invoices(
            sent_before=now - self._settings.chase_after, since=now - _SINCE, limit=MOST
        )
        letters = await self._letters(page.items, now, more=page.next is not None) if page.items else []
        jobs = await self._store.letters.send(NAME, seen, today, letters)
        for job in jobs or ():
            content = next(letter.content for letter in letters if letter.message.id == job.message_id)
            self._deliver([job], content)
        return bool(jobs)

    async def _letters(self, lines: Sequence[ChaseLine], now: float, *, more: bool) -> list[Letter]:
        language = self._settings.digest.language
        told: list[_Line] = [
            (
                line,
                [
                    (row, tell(row, now, meant=await self._did_you_mean(row), language=language))
                    for row in line.recipients
                ],
                datetime.fromtimestamp(line.first_sent_at, self._zone).date(),
            )
            for line in lines
        ]
        address = self._settings.base_url.rstrip("/")
        html = self._render.text("digest.html", language, lines=told, more=more, address=address)
        text = _text(told, language, more=more, address=address)
        subject = say_count("{count} invoice to chase", "{count} invoices to chase", len(lines), language)
        return [self._letter(to, subject, text, html, now) for to in self._settings.digest.to]

    def _letter(self, to: str, subject: str, text: str, html: str, now: float) -> Letter:
        sender = self._settings.digest.sender or self._settings.digest.to[0]
        message_id = self._store.ids.next()
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"], mail["Subject"] = f"Homing <{sender}>", to, subject
        mail["Date"] = format_datetime(datetime.fromtimestamp(int(now), UTC))
        mail["Message-ID"] = f"<{message_id}.digest@{self._hostname}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 section 5
        mail.set_content(text, cte="quoted-printable")
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
        return letter(
            self._store,
            mail.as_bytes(),
            message_id=message_id,
            name=NAME,
            sender=sender,
            to=to,
            hostname=self._hostname,
            now=now,
            max_age=self._max_age,
            tracking=TrackingMode.OFF,
            subject=subject,
            no_pixel_why="tracking off",
            header_message_id=f"{message_id}.digest@{self._hostname}",
        )


def _text(lines: Sequence[_Line], language: str, *, more: bool, address: str) -> str:
    parts: list[str] = []
    for line, recipients, day in lines:
        head = f"{line.invoice} · {day.isoformat()}"
        if line.customer:
            head += " · " + say("Customer {id}", language, id=line.customer)
        parts.append(head)
        for row, story in recipients:
            parts.append(f"  {row.forward_path}: {story.word}. {story.sentence} {story.advice}")
        parts.append("")
    if more:
        parts.append(say("There are more", language))
    if address:
        parts.append(f"{address}/chase")
    return "\n".join(parts) + "\n"
