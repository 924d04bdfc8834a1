"""
Reports to the sender of a mail: ``[relay.notify]``, as RFC 3461 lets applications ask for them.

Every second the journal is looked through for failures, delays and deliveries that somebody wants to hear of. A report
is a mail of our own: it has the null reverse-path, so nothing comes back to it, and what had the null reverse-path
itself is never reported. It goes through the queue as any other and shows up there with the credential
``relay.notify``.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from relay.message.dsn import Dsn, DsnRecipient, write
from relay.message.received import received
from relay.settings import NotifySettings
from store.addresses import address_key, ascii_domain, split_address
from store.errors import ContentDamaged, StoreError
from store.events import Bounced, Deferred
from store.letters import Letter
from store.notices import FAILURES, NAME, Batch, Notice
from store.nouns import ContentRef, Job, NewMessage, NewRecipient, Reason, Status, TrackingMode
from store.reasons import text as reason_text

CREDENTIAL = "relay.notify"  # stands where other messages name the credential they came by
NO_PIXEL = "delivery report"
EVERY = 1.0  # seconds between two looks
MOST = 100  # recipients of one report
DAY = 86_400.0

_log = logging.getLogger(__name__)


class Ids(Protocol):
    """What is needed of ``store.ids``."""

    def next(self) -> int:
        """Make an id."""


class Notices(Protocol):
    """What is needed of ``store.notices``."""

    async def position(self) -> int:
        """Give the position up to which reports were made."""

    async def after(self, seen: int, start: int, *, unasked: bool, delay: float, since: float) -> Batch:
        """Look through the journal."""


class Letters(Protocol):
    """What is needed of ``store.letters``."""

    async def send(self, name: str, seen: int, to: int, letters: Sequence[Letter]) -> list[Job] | None:
        """Take letters into the queue."""


class Contents(Protocol):
    """What is needed of ``store.contents``."""

    async def read(self, ref: ContentRef) -> bytes:
        """Give a content as it was accepted."""


class Store(Protocol):
    """What is needed of the store."""

    @property
    def ids(self) -> Ids:
        """Makes ids of this process."""

    @property
    def notices(self) -> Notices:
        """Finds what is to be reported."""

    @property
    def letters(self) -> Letters:
        """Sends what we write."""

    @property
    def contents(self) -> Contents:
        """Reads mails."""


def action_of(notice: Notice, settings: NotifySettings, *, own_domains: Collection[str], forwards: bool) -> str:
    """
    Say which report a notice leads to: "failed", "delayed", "relayed"; "" for none.

    Args:
        notice: A failure, a delay or a delivery.
        settings: What is reported where the application did not say NOTIFY.
        own_domains: Of our return paths: nobody reads mail there.
        forwards: What came back is handed on as it is (``bounce.forward``), so that it need not be told again.
    """
    domain = split_address(notice.reverse_path)[1].rstrip(".").lower()
    if not domain or domain in own_domains:
        return ""
    asked = set(notice.notify.upper().split(","))
    if not notice.notify:  # RFC 3461 section 4.1 lets the server choose: FAILURE, or FAILURE and DELAY
        asked = {"failures": {"FAILURE"}, "all": {"FAILURE", "DELAY"}}.get(settings.reports, set())
    event = notice.event
    if event.kind in FAILURES:
        came_back = event.kind == Bounced.kind and event.attempt == 0
        return "failed" if "FAILURE" in asked and not (came_back and forwards) else ""
    if event.kind == Deferred.kind:
        return "delayed" if "DELAY" in asked else ""
    # Our return path has taken the place of the sender's, so what the next server reports does not reach the sender:
    # seen from there the mail left the world of reports here (RFC 3461 section 5.2.2).
    return "relayed" if "SUCCESS" in asked else ""


def told(notice: Notice, action: str) -> DsnRecipient:
    """Write what a report says of one recipient."""
    event = notice.event
    reason = text_for(event.reason) if event.reason and action != "relayed" else ""
    return DsnRecipient(
        final_recipient=notice.forward_path,
        action=action,
        status=_status(event.status, action),
        said=reason,
        original_recipient=notice.original_recipient,
        remote_mta=event.remote_host if event.reply else "",
        diagnostic=event.reply or ("" if action == "relayed" else event.note),
        replied=bool(event.reply),
        last_attempt_at=event.at if event.attempt else None,
        will_retry_until=notice.expires_at if action == "delayed" else None,
    )


def text_for(reason: Reason) -> str:
    """Give the sentence and the advice of a reason."""
    text = reason_text(reason)
    return f"{text.sentence} {text.advice}".strip()


def _status(said: str, action: str) -> str:
    """Give the enhanced status of a report; its class must fit the action (RFC 3464 section 2.3.4)."""
    if action == "relayed":
        return "2.0.0"
    status = Status.parse(said)
    if status is not None and (action == "failed" or status.category == 4):
        return said if status.category != 2 else "5.0.0"
    return "5.0.0" if action == "failed" else "4.0.0"


class Notify:
    """Makes reports, as ``[relay.notify]`` says."""

    def __init__(
        self,
        *,
        store: Store,
        settings: NotifySettings,
        own_domains: Collection[str],
        forwards: bool,
        hostname: str,
        max_age: float,
        clock: Callable[[], float],
        deliver: Callable[[Sequence[Job], bytes], None],
    ) -> None:
        """
        Keep what reports are made with.

        Args:
            store: Where events are read and reports are written.
            settings: ``[relay.notify]``.
            own_domains: Of our return paths.
            forwards: Bounces are handed on as they came.
            hostname: Ours.
            max_age: Seconds that delivery of a report is tried.
            clock: Unix seconds, UTC.
            deliver: Given the jobs of each report right behind the commit.
        """
        self._store = store
        self._settings = settings
        self._own_domains = own_domains
        self._forwards = forwards
        self._hostname = hostname
        self._max_age = max_age
        self._clock = clock
        self._deliver = deliver

    async def run(self) -> None:
        """Report until cancelled. Trouble of the store is waited for."""
        if self._settings.reports == "off":
            return
        failing = False
        seen = start = -1
        while True:
            try:
                if seen < 0:
                    seen = start = await self._store.notices.position()
                batch = await self._after(seen, start)
                start = batch.to
                if batch.notices:
                    await self._report(batch)
                    seen = start = -1
                failing = False
            except StoreError as error:
                if not failing:
                    _log.error("reports to senders wait for the store: %s", error)
                failing, seen = True, -1
            await asyncio.sleep(EVERY)

    async def _after(self, seen: int, start: int) -> Batch:
        return await self._store.notices.after(
            seen,
            start,
            unasked=self._settings.reports in ("failures", "all"),
            delay=self._settings.delay_after,
            since=self._clock() - DAY,
        )

    async def _report(self, batch: Batch) -> None:
        now = self._clock()
        letters = [await self._letter(action, notices, now) for action, notices in self._sorted(batch.notices)]
        jobs = await self._store.letters.send(NAME, batch.seen, batch.to, letters)
        for job in jobs or ():
            content = next(letter.content for letter in letters if letter.message.id == job.message_id)
            self._deliver([job], content)

    def _sorted(self, notices: Iterable[Notice]) -> Iterable[tuple[str, list[Notice]]]:
        """Give what one report tells together: of one mail, and of one action."""
        groups: dict[tuple[int, str], list[Notice]] = {}
        for notice in notices:
            action = action_of(notice, self._settings, own_domains=self._own_domains, forwards=self._forwards)
            if action:
                groups.setdefault((notice.event.message_id, action), []).append(notice)
        for (_, action), together in groups.items():
            for begin in range(0, len(together), MOST):
                yield action, together[begin : begin + MOST]

    async def _letter(self, action: str, notices: Sequence[Notice], now: float) -> Letter:
        first = notices[0]
        message_id = self._store.ids.next()
        returned, whole = await self._returned(first, action)
        content = write(
            Dsn(
                id=f"{message_id}.report",
                hostname=self._hostname,
                to=first.reverse_path,
                at=now,
                envelope_id=first.envelope_id,
                arrived_at=first.accepted_at,
                subject=first.subject,
                header_message_id=first.header_message_id,
                recipients=[told(notice, action) for notice in notices],
                returned=returned,
                whole=whole,
            )
        )
        return Letter(self._message(message_id, first, content, now), content, self._recipient(first))

    async def _returned(self, notice: Notice, action: str) -> tuple[bytes | None, bool]:
        """Give the mail, or its header: RET speaks of failures only (RFC 3461 section 4.3)."""
        if notice.content is None:
            return None, False
        try:
            content = await self._store.contents.read(notice.content)
        except ContentDamaged:
            return None, False
        if action == "failed" and notice.ret == "FULL" and len(content) <= self._settings.returned:
            return content, True
        header = content[: content.find(b"\r\n\r\n") + 2] if b"\r\n\r\n" in content else content
        return header[: self._settings.returned], False

    def _message(self, message_id: int, first: Notice, content: bytes, now: float) -> NewMessage:
        trace = received(
            helo=self._hostname,
            client_address="",
            hostname=self._hostname,
            protocol="ESMTP",
            queue_id=str(message_id),
            now=now,
        )
        return NewMessage(
            id=message_id,
            accepted_at=now,
            expires_at=now + self._max_age,
            credential=CREDENTIAL,
            reverse_path="",
            header_from=f"MAILER-DAEMON@{self._hostname}",
            subject=f"Report about: {first.subject}",
            header_message_id=f"{message_id}.report@{self._hostname}",
            size=len(content),
            smtputf8=not first.reverse_path.isascii(),
            eight_bit=not content.isascii(),
            no_pixel_why=NO_PIXEL,
            prepended=trace,
            client=f"report about message {first.event.message_id}",
        )

    def _recipient(self, notice: Notice) -> NewRecipient:
        sender = notice.reverse_path
        return NewRecipient(
            id=self._store.ids.next(),
            forward_path=sender,
            address_key=address_key(sender),
            domain=ascii_domain(split_address(sender)[1]),
            tracking=TrackingMode.OFF,
        )
