"""Mail of our own as it goes into the queue: the digest, and the test mail of the pages."""

from collections.abc import Callable, Sequence
from typing import Any

from relay.message.received import received
from relay.send_test import invoice
from store.addresses import address_key, ascii_domain, split_address
from store.letters import Letter
from store.nouns import Job, NewMessage, NewRecipient, TrackingMode
from store.open import Store

TEST = "test-mail"  # of the test mails' place, and in the stead of a credential


def letter(
    store: Store,
    content: bytes,
    *,
    message_id: int,
    name: str,
    sender: str,
    to: str,
    hostname: str,
    now: float,
    max_age: float,
    tracking: TrackingMode,
    **more: Any,
) -> Letter:
    """
    Make a letter.

    Args:
        store: Makes ids.
        content: The mail.
        message_id: Of ``store.ids``; it is in the mail's own Message-ID.
        name: Stands where other messages name their credential.
        sender: Its reverse-path, which is in From too.
        to: Who gets it.
        hostname: Ours.
        now: Unix seconds.
        max_age: Seconds that delivery is tried.
        tracking: How much of opens is kept.
        more: Other fields of ``NewMessage``.
    """
    message = NewMessage(
        id=message_id,
        accepted_at=now,
        expires_at=now + max_age,
        credential=name,
        reverse_path=sender,
        header_from=sender,
        header_to=to,
        size=len(content),
        eight_bit=not content.isascii(),
        prepended=received(
            helo=hostname, client_address="", hostname=hostname, protocol="ESMTP", queue_id=str(message_id), now=now
        ),
        **more,
    )
    recipient = NewRecipient(
        id=store.ids.next(),
        forward_path=to,
        address_key=address_key(to),
        domain=ascii_domain(split_address(to)[1]),
        tracking=tracking,
    )
    return Letter(message, content, recipient)


class TestMail:
    """Sends the small invoice of ``homing send-test`` into the sandbox, at a click on the pages."""

    __test__ = False  # pytest takes it for one of its own

    def __init__(
        self,
        store: Store,
        *,
        to: str,
        hostname: str,
        max_age: float,
        clock: Callable[[], float],
        deliver: Callable[[Sequence[Job], bytes], None],
    ) -> None:
        self._store = store
        self._to = to
        self._hostname = hostname
        self._max_age = max_age
        self._clock = clock
        self._deliver = deliver

    async def __call__(self) -> None:
        """Send one. StoreError where it cannot be taken."""
        now, sender = self._clock(), f"office@{split_address(self._to)[1]}"
        await self._store.join()
        message_id = self._store.ids.next()
        mail = invoice(sender, self._to)
        name = f"{message_id}.test@{self._hostname}"
        mail["Message-ID"] = f"<{name}>"
        made = letter(
            self._store,
            mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
            message_id=message_id,
            name=TEST,
            sender=sender,
            to=self._to,
            hostname=self._hostname,
            now=now,
            max_age=self._max_age,
            tracking=TrackingMode.VERDICT,
            subject=str(mail["Subject"]),
            customer=str(mail["X-Homing-Customer"]),
            invoice=str(mail["X-Homing-Invoice"]),
            header_message_id=name,
        )
        jobs = None
        while jobs is None:  # another click moved the place on: once more from where it is now
            seen = await self._store.letters.begun(TEST, 0)
            jobs = await self._store.letters.send(TEST, seen, seen + 1, [made])
        self._deliver(jobs, made.content)
