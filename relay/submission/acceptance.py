"""
Taking a message over: who may send as whom, what is in it, and one transaction before the 250 (promise 1).

A message's way: ``mail`` and ``rcpt`` check the envelope; ``data`` looks at the content, makes message and recipients
out of both, has the store write them, says 250, and hands the jobs on. Nothing here is undone by a client that leaves.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from relay.config import Config
from relay.message.control import Controls
from relay.message.copy import CopyPlan
from relay.message.header import fields, measure, value
from relay.message.intake import Intake, examine
from relay.message.line_ends import normalise
from relay.message.received import received
from relay.submission import replies
from relay.submission.admission import Admission, Credentials, Sender
from relay.submission.commands import decode_xtext
from relay.submission.handler import Credential, Session
from relay.submission.sender import from_addresses
from store.accept import Acceptance as Taken
from store.addresses import address_key, ascii_domain, split_address
from store.errors import StoreUnavailable
from store.nouns import Job, NewMessage, NewRecipient, Reply, TrackingMode

_TELL_EVERY = 60.0  # seconds between two lines of the log about a store that takes nothing
_LARGE = 256 * 1024  # octets from which a content is looked at in a thread, so that the loop goes on
_STRICTEST_FIRST = tuple(TrackingMode)


class Ids(Protocol):
    """What is needed of ``store.ids``."""

    def next(self) -> int:
        """Make an id."""


class Queue(Protocol):
    """What is needed of ``store.queue``."""

    async def accept(
        self,
        message: NewMessage,
        content: bytes,
        recipients: Sequence[NewRecipient],
        *,
        hold: bool = True,
        within: float | None = None,
    ) -> Taken:
        """Write a message down; when this returns, it is on disk. ``within`` seconds, or not at all."""


class Store(Protocol):
    """What is needed of the store."""

    @property
    def ids(self) -> Ids:
        """Makes ids of this process."""

    @property
    def queue(self) -> Queue:
        """Takes messages."""

    @property
    def credentials(self) -> Credentials:
        """Knows passwords."""


class Acceptance:
    """
    The handler of the submission server. It takes mail only from who authenticated, or comes from a trusted network.

    Args:
        store: Where messages go.
        config: ``relay`` and its tables, and ``pixel.tracking``.
        deliver: Given the jobs of each message with its content, right behind the commit. Must not block or raise.
        clock: Unix seconds, UTC.
        log: For faults of ours, and mails refused for their content.
        signs_for: Says whether mail from a domain (A-labels) is DKIM-signed when it leaves. Mail that is not gets a
            warning; mail that the application has signed already gets a pixel only if it is. None: nothing is signed.
        planned: Told how the copies of a message are made, so that nobody need read it a second time.
        measure: Told how many seconds each message took, from its final dot to our reply.
    """

    def __init__(
        self,
        *,
        store: Store,
        config: Config,
        deliver: Callable[[Sequence[Job], bytes], None],
        clock: Callable[[], float],
        log: logging.Logger,
        signs_for: Callable[[str], bool] | None = None,
        planned: Callable[[int, CopyPlan], None] | None = None,
        measure: Callable[[float], None] | None = None,
    ) -> None:
        self._measure = measure
        self._store = store
        self._signs_for = signs_for
        self._planned = planned
        self._hostname = config.relay.hostname
        self._settings = config.relay.submission
        self._metadata = config.relay.metadata
        self._max_age = config.relay.delivery.max_age
        self._tracking = config.pixel.tracking
        self._admission = Admission(store.credentials, self._settings.trusted_networks, clock)
        self._deliver = deliver
        self._clock = clock
        self._log = log
        self._put_off = 0  # messages since that was told last
        self._put_off_told_at = float("-inf")

    async def auth(self, session: Session, user: str, password: str) -> Credential | None:
        """Ask the store whose password it is."""
        return await self._store.credentials.check(user, password, session.client_address)

    async def mail(
        self,
        session: Session,
        reverse_path: str,
        parameters: dict[str, str],  # noqa: ARG002 - the server's contract; the session keeps them
    ) -> Reply | None:
        """MAIL FROM: never from a stranger, only from the sender's own domains, and not over its rate."""
        sender = await self._admission.sender(session)
        if isinstance(sender, Reply):
            return sender
        return None if sender.domains.allow(reverse_path) else replies.SENDER_NOT_ALLOWED

    async def rcpt(
        self,
        session: Session,  # noqa: ARG002 - the server's contract
        forward_path: str,
        parameters: dict[str, str],  # noqa: ARG002 - the server's contract; the session keeps them
    ) -> Reply | None:
        """RCPT TO: any address with a domain; what becomes of it is told by its status, not at the door."""
        return None if split_address(forward_path)[1] else replies.BAD_FORWARD_PATH

    async def data(self, session: Session, content: bytes) -> Reply:
        """DATA: look at the content, write the message down, say 250."""
        if self._measure is None:
            return await self._data(session, content)
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        reply = await self._data(session, content)
        self._measure(loop.time() - begun_at)
        return reply

    async def _data(self, session: Session, content: bytes) -> Reply:
        sender = await self._admission.sender(session)
        if isinstance(sender, Reply):
            return sender
        if session.bare_newlines and self._settings.bare_newlines == "normalise":
            content = normalise(content) if len(content) < _LARGE else await asyncio.to_thread(normalise, content)
        refusal = self._refuse_form(session, content)
        if refusal is None:
            message_id, now = self._store.ids.next(), self._clock()
            intake = await self._examine(content, message_id, now)
            refusal = self._refuse_content(intake, sender, content)
        if refusal is not None:
            self._log.info("%s, %s: message refused: %s", session.client_address, sender.name, refusal)
            return refusal
        message = self._message(session, sender, content, intake, message_id=message_id, now=now)
        if self._planned is not None:
            self._planned(message_id, intake.plan)
        self._admission.take(sender)
        reply = await self._take(message, content, self._recipients(session, intake.controls))
        if not reply.positive:
            self._admission.give_back(sender)
        return reply

    def _refuse_form(self, session: Session, content: bytes) -> Reply | None:
        """What can be said against a content without reading it."""
        if session.nul:
            return replies.NUL_IN_MESSAGE
        if session.bare_newlines and self._settings.bare_newlines == "reject":
            return replies.BARE_NEWLINES
        # What lies behind the largest header need not be measured: in a mail of 25 MiB that took a tenth of a second.
        octets, count = measure(content, self._settings.limits.max_header + 4)
        if octets > self._settings.limits.max_header or count > self._settings.limits.max_header_fields:
            return replies.HEADER_TOO_LARGE
        return None

    async def _examine(self, content: bytes, message_id: int, now: float) -> Intake:
        def look() -> Intake:
            return examine(
                content,
                now=now,
                make_id=str(message_id),
                hostname=self._hostname,
                metadata=self._metadata,
                signs_for=self._signs_for,
            )

        return look() if len(content) < _LARGE else await asyncio.to_thread(look)

    def _refuse_content(self, intake: Intake, sender: Sender, content: bytes) -> Reply | None:
        """What must not be sent on: loops, no From or several, and a From that is not the sender's own."""
        if intake.hops > self._settings.limits.max_hops:
            return replies.LOOP
        if intake.from_count != 1 or not intake.header_from:
            return replies.NOT_ONE_FROM
        if not sender.domains.any and not all(map(sender.domains.allow, _header_from(content) or ["nobody"])):
            return replies.SENDER_NOT_ALLOWED
        return None

    def _message(
        self, session: Session, sender: Sender, content: bytes, intake: Intake, *, message_id: int, now: float
    ) -> NewMessage:
        controls, said = intake.controls, session.mail_parameters
        line = received(
            helo=session.client_name,
            client_address=session.client_address,
            hostname=self._hostname,
            protocol=session.protocol,
            queue_id=str(message_id),
            now=now,
            tls=session.tls,
            hide_client=self._settings.hide_client,
        )
        return NewMessage(
            id=message_id,
            accepted_at=now,
            expires_at=now + self._max_age,
            credential=sender.name,
            reverse_path=session.reverse_path or "",
            header_from=intake.header_from,
            header_to=intake.header_to,
            subject=intake.subject,
            header_message_id=intake.header_message_id,
            size=len(content),
            smtputf8=session.smtputf8,
            eight_bit=intake.eight_bit,
            envelope_id=decode_xtext(said.get("ENVID", "")) or "" if said else "",
            ret=said.get("RET", "").upper(),
            customer=controls.customer,
            invoice=controls.invoice,
            tags=controls.tags,
            metadata=controls.metadata,
            warnings=intake.warnings + self._unsigned(intake),
            no_pixel_why=intake.no_pixel_why,
            idempotency_key=controls.idempotency_key,
            prepended=line + intake.added_fields,
            client=f"{session.client_name} [{session.client_address}]",
        )

    def _unsigned(self, intake: Intake) -> tuple[str, ...]:
        """Warn of mail that leaves without a DKIM signature: many receivers refuse it."""
        domain = ascii_domain(split_address(intake.header_from)[1])
        if self._signs_for is None or self._signs_for(domain):
            return ()
        return (f"{domain or 'the sender'} has no DKIM key: the mail leaves unsigned",)

    def _recipients(self, session: Session, controls: Controls) -> list[NewRecipient]:
        tracking = self._tracking if controls.track is None else strictest(self._tracking, controls.track)
        return [
            NewRecipient(
                id=self._store.ids.next(),
                forward_path=path,
                address_key=address_key(path),
                domain=ascii_domain(split_address(path)[1]),
                tracking=tracking,
                notify=parameters.get("NOTIFY", "").upper(),
                original_recipient=parameters.get("ORCPT", ""),
                ignore_suppression=controls.ignore_suppression,
            )
            for path, parameters in session.forward_paths
        ]

    async def _take(self, message: NewMessage, content: bytes, recipients: Sequence[NewRecipient]) -> Reply:
        """
        Have it written down, in time; only then 250.

        Past the deadline it is withdrawn. Only where its very commit is under way, which takes one sync of the disk,
        may it be taken although the client hears 451: when that sends it again, the event says "possible duplicate".
        """
        deadline = self._settings.limits.accept_deadline
        try:
            taken = await self._store.queue.accept(message, content, recipients, within=deadline)
        except StoreUnavailable as fault:
            self._note_put_off(fault)
            return replies.STORE_FULL if fault.full else replies.LOCAL_ERROR
        if taken.jobs:
            self._deliver(taken.jobs, content)
        return replies.queued(taken.message_id)

    def _note_put_off(self, fault: StoreUnavailable) -> None:
        """Log that mail is put off, once a minute: senders try again at once, and the log may lie on the full disk."""
        now = self._clock()
        self._put_off += 1
        if not 0 <= now - self._put_off_told_at < _TELL_EVERY:
            self._log.warning("mail is put off (%d messages): %s", self._put_off, fault)
            self._put_off, self._put_off_told_at = 0, now


def strictest(*modes: TrackingMode) -> TrackingMode:
    """Give the mode that keeps least."""
    return min(modes, key=_STRICTEST_FIRST.index)


def _header_from(content: bytes) -> list[str]:
    """All addresses in the From field, as they are written."""
    field = next((field for field in fields(content) if field.name == "from"), None)
    return from_addresses(value(content, field).decode("utf-8", "replace")) if field else []
