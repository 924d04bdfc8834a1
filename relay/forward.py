"""
A copy of what came back, for the original sender: ``bounce.forward``.

The copy goes through our own queue, with the null reverse-path, so that nothing can come back to it, and with our
signed return path taken out of it, so that whoever reads it cannot make up reports. Loops are excluded: never for a
mail that had the null reverse-path itself, never to our own bounce domain, never what was such a copy before, and no
more than ``bounce.forwards_per_recipient`` a day.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from bounce.decide_report import REPLY, kind_for
from bounce.report import Report
from bounce.settings import BounceSettings
from bounce.take_out import take_out
from bounce.verp import ReturnPaths
from relay.message.header import fields, text, value
from relay.message.intake import addresses_in
from relay.message.line_ends import normalise
from relay.message.received import received
from store.accept import Acceptance
from store.addresses import address_key, ascii_domain, split_address
from store.nouns import Job, NewMessage, NewRecipient, TrackingMode
from store.rows import Found, RecipientRow

DAY = 86_400.0
CREDENTIAL = "bounce.forward"  # stands where other messages name the credential they came by
LOOP_FIELD = "X-Loop"
NO_PIXEL = "bounce report"

_TOLD = frozenset({"from", "subject", "message-id"})
_LONGEST = 1_000  # characters of one of these

_WANTED = {
    "none": frozenset[str](),
    "bounces": frozenset({"bounce"}),
    "all": frozenset({"bounce", "delayed", "autoreply", "not-a-bounce", REPLY}),
}
_NOTIFICATIONS = frozenset({"bounce", "delayed"})  # what NOTIFY=NEVER is about (RFC 3461 section 4.1)


class Ids(Protocol):
    """What is needed of ``store.ids``."""

    def next(self) -> int:
        """Make an id."""


class Queue(Protocol):
    """What is needed of ``store.queue``."""

    async def accept(
        self, message: NewMessage, content: bytes, recipients: Sequence[NewRecipient], *, hold: bool = True
    ) -> Acceptance:
        """Write a message down."""


class Find(Protocol):
    """What is needed of ``store.find``."""

    async def recipient(self, recipient_id: int) -> Found | None:
        """Give one recipient."""


class Reports(Protocol):
    """What is needed of ``store.reports``."""

    async def count_since(self, recipient_id: int, at: float) -> int:
        """How many reports came for the recipient since then."""


class Store(Protocol):
    """What is needed of the store."""

    @property
    def ids(self) -> Ids:
        """Makes ids of this process."""

    @property
    def queue(self) -> Queue:
        """Takes messages."""

    @property
    def find(self) -> Find:
        """Finds recipients."""

    @property
    def reports(self) -> Reports:
        """Counts reports."""


def wanted(setting: str, kind: str, row: RecipientRow, bounce_domains: Collection[str]) -> bool:
    """Say whether the sender of a recipient's mail gets a copy of a report of this kind; a day's number aside."""
    domain = split_address(row.reverse_path)[1].rstrip(".").lower()
    if kind not in _WANTED[setting] or not domain or domain in bounce_domains:
        return False
    return not (kind in _NOTIFICATIONS and "NEVER" in row.notify.upper())


class Forward:
    """Hands copies on to the original sender, as ``bounce.forward`` says."""

    def __init__(
        self,
        *,
        store: Store,
        return_paths: ReturnPaths,
        settings: BounceSettings,
        hostname: str,
        max_age: float,
        deliver: Callable[[Sequence[Job], bytes], None],
        log: logging.Logger,
    ) -> None:
        """
        Keep what copies are made with.

        Args:
            store: Where they are written down.
            return_paths: Ours, which are taken out.
            settings: ``[bounce]``.
            hostname: Ours, for the trace field.
            max_age: Seconds that delivery is tried.
            deliver: Given the jobs of each copy right behind the commit.
            log: For what is not handed on because of a loop.
        """
        self._store = store
        self._return_paths = return_paths
        self._settings = settings
        self._hostname = hostname
        self._max_age = max_age
        self._deliver = deliver
        self._log = log

    async def __call__(
        self, recipient_id: int, report: Report, content: bytes, now: float, *, null_reverse_path: bool
    ) -> None:
        """
        Hand a copy of a report on, where it is wanted.

        The report is kept already. Again with the same report: within a day no second copy is sent.

        Raises:
            StoreUnavailable: It could not be written down.
        """
        if self._settings.forward == "none":
            return
        found = await self._store.find.recipient(recipient_id)
        if found is None:
            return
        row = found.recipient
        kind = kind_for(report, row.forward_path, null_reverse_path=null_reverse_path)
        if not wanted(self._settings.forward, kind, row, self._return_paths.domains):
            return
        came = await self._store.reports.count_since(recipient_id, now - DAY)
        if came > self._settings.forwards_per_recipient or self._was_ours(content):
            self._log.info("no copy of a %s about recipient %d: enough for today, or a loop", kind, recipient_id)
            return
        copy = await asyncio.to_thread(self._copy, content, row.reverse_path)
        message, recipient = self._message(copy, row, now)
        taken = await self._store.queue.accept(message, copy, [recipient])
        if taken.jobs:
            self._deliver(taken.jobs, copy)

    def _was_ours(self, content: bytes) -> bool:
        loops = (value(content, field) for field in fields(content) if field.name == LOOP_FIELD.lower())
        return any(self._return_paths.domain.encode() in loop.lower() for loop in loops)

    def _copy(self, content: bytes, reverse_path: str) -> bytes:
        return normalise(take_out(content, self._return_paths, reverse_path))

    def _message(self, copy: bytes, row: RecipientRow, now: float) -> tuple[NewMessage, NewRecipient]:
        message_id = self._store.ids.next()
        trace = received(
            helo=self._hostname,
            client_address="",
            hostname=self._hostname,
            protocol="ESMTP",
            queue_id=str(message_id),
            now=now,
        )
        header = {field.name: field for field in reversed(fields(copy)) if field.name in _TOLD}
        said = {name: text(copy, field)[:_LONGEST] for name, field in header.items()}
        senders = addresses_in(value(copy, header["from"])) if "from" in header else []
        message = NewMessage(
            id=message_id,
            accepted_at=now,
            expires_at=now + self._max_age,
            credential=CREDENTIAL,
            reverse_path="",
            header_from=next(iter(senders), ""),
            subject=said.get("subject", ""),
            header_message_id=said.get("message-id", "").strip("<> \t"),
            size=len(copy),
            eight_bit=not copy.isascii(),
            no_pixel_why=NO_PIXEL,
            # One report about several mails of one sender is handed on once.
            idempotency_key=hashlib.sha256(copy + b"\0" + row.reverse_path.encode()).hexdigest(),
            prepended=trace + f"{LOOP_FIELD}: {self._return_paths.domain}\r\n".encode("ascii", "replace"),
            client=f"report about recipient {row.recipient_id}",
        )
        recipient = NewRecipient(
            id=self._store.ids.next(),
            forward_path=row.reverse_path,
            address_key=address_key(row.reverse_path),
            domain=ascii_domain(split_address(row.reverse_path)[1]),
            tracking=TrackingMode.OFF,
        )
        return message, recipient
