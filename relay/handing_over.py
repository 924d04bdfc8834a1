"""
Mail that comes by the API, and mail that is sent again: both go through the very acceptance of SMTP.

A token stands in for a credential, with its own domains and rate. What is sent again keeps the name of what it came by
first, and is a message of its own: its Message-ID is made anew, unless the application has signed over it, and an
idempotency key of the first sending is taken out, or nothing would be sent.
"""

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from admin.api.outside import Envelope, Handed, Outcome
from relay.message import header as headers
from relay.submission import replies
from relay.submission.acceptance import Acceptance, Ids, Queue
from relay.submission.handler import Session
from store.contents import Contents
from store.credentials import Credential
from store.errors import ContentDamaged, StoreUnavailable
from store.nouns import ContentRef, Reply
from store.queries.recipients import Recipients
from store.token_nouns import Token

_OUTCOMES = {replies.SENDER_NOT_ALLOWED: Outcome.FORBIDDEN, replies.RATE_SPENT: Outcome.TOO_OFTEN}
_QUEUED = re.compile(r"queued as ([0-9]+)")
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_NOT_AGAIN = frozenset({"x-homing-idempotency-key"})


class TokenStore(Protocol):
    """What is needed of ``store.tokens``."""

    async def named(self, name: str) -> Token | None:
        """Give a token that is in force."""


class Counting(Protocol):
    """What is needed of ``store.credentials``."""

    async def taken_since(self, name: str, since: float) -> int:
        """Count the messages of a credential."""


class TokenSenders:
    """Who sends by the API: tokens in the place of credentials."""

    def __init__(self, tokens: TokenStore, counting: Counting) -> None:
        self._tokens = tokens
        self._counting = counting

    async def check(self, user: str, password: str, client: str) -> Credential | None:  # noqa: ARG002 - no log-in here
        """No password is a token's."""
        return None

    async def current(self, user: str) -> Credential | None:
        """Give what the token of this name may send; None: it is no longer in force."""
        token = await self._tokens.named(user)
        return None if token is None else as_credential(token)

    async def of_network(self, client: str) -> Credential | None:  # noqa: ARG002 - a token is always asked for
        """No network stands in for a token."""
        return None

    async def taken_since(self, name: str, since: float) -> int:
        """Count the messages of a token."""
        return await self._counting.taken_since(name, since)


def as_credential(token: Token) -> Credential:
    """Give a token as acceptance knows senders."""
    return Credential(name=f"token:{token.name}", user=token.name, from_domains=token.from_domains, rate=token.rate)


class FirstSenders(TokenSenders):
    """Who sends again: whoever sent first, with no limit, since a person or a token with a right to it asks."""

    async def current(self, user: str) -> Credential | None:
        """Give the name as it is."""
        return Credential(name=user, user=user)


class Handing:
    """Hands mail of the API to acceptance."""

    def __init__(self, acceptance: Acceptance) -> None:
        self._acceptance = acceptance

    async def __call__(self, envelope: Envelope, content: bytes) -> Handed:
        """Do as SMTP does: MAIL, RCPT, DATA."""
        session = _session(as_credential(envelope.token), envelope.address, content)
        return await _hand_over(self._acceptance, session, envelope.reverse_path, envelope.forward_paths, content)


class SendAgain:
    """Sends mails again to some of their recipients."""

    def __init__(self, acceptance: Acceptance, recipients: Recipients, contents: Contents) -> None:
        self._acceptance = acceptance
        self._recipients = recipients
        self._contents = contents

    async def __call__(self, recipient_ids: Sequence[int]) -> list[int]:
        """
        Send again, one new message for each that they belong to; give the ids of the new ones.

        A mail whose content is no longer kept is left out, and so is one that acceptance does not take now.
        """
        groups: dict[int, list[tuple[str, str, str]]] = {}
        for row in await self._recipients.get(list(recipient_ids)):
            groups.setdefault(row.message_id, []).append((row.forward_path, row.reverse_path, row.credential))
        made = []
        for message_id, people in groups.items():
            handed = await self._again(message_id, people)
            if handed is not None and handed.outcome is Outcome.TAKEN:
                made.append(handed.message_id)
        return made

    async def _again(self, message_id: int, people: Sequence[tuple[str, str, str]]) -> Handed | None:
        ref: ContentRef | None = await self._contents.ref(message_id)
        if ref is None:
            return None
        try:
            content = once_more(await self._contents.read(ref))
        except ContentDamaged:
            return None
        _, reverse_path, credential = people[0]
        session = _session(Credential(name=credential, user=credential), "", content)
        paths = [path for path, _, _ in people]
        return await _hand_over(self._acceptance, session, reverse_path, paths, content)


def once_more(content: bytes) -> bytes:
    """Give a mail as it is sent again: without its idempotency key, and without a Message-ID that nobody signed."""
    header = headers.scan(content)
    signed = header.first("dkim-signature") is not None
    out = [it for it in header.fields if it.name in _NOT_AGAIN or (it.name == "message-id" and not signed)]
    for field in reversed(out):
        content = content[: field.start] + content[field.end :]
    return content


def _session(credential: Credential, address: str, content: bytes) -> Session:
    return Session(
        client_address=address or "unknown",
        client_name="api",
        via="HTTP",
        credential=credential,
        bare_newlines=_BARE.search(content) is not None,
        nul=b"\0" in content,
    )


async def _hand_over(
    acceptance: Acceptance, session: Session, reverse_path: str, forward_paths: Sequence[str], content: bytes
) -> Handed:
    session.smtputf8 = not (reverse_path + "".join(forward_paths)).isascii()
    try:
        refusal = await acceptance.mail(session, reverse_path, {})
        session.reverse_path = reverse_path
        for path in forward_paths:
            refusal = refusal or await acceptance.rcpt(session, path, {})
            session.forward_paths.append((path, {}))
        reply = refusal or await acceptance.data(session, content)
    except StoreUnavailable as error:
        reply = replies.STORE_FULL if error.full else replies.LOCAL_ERROR
    return _handed(reply)


def _handed(reply: Reply) -> Handed:
    queued = _QUEUED.search(reply.text)
    if reply.positive and queued is not None:
        return Handed(Outcome.TAKEN, reply.text, int(queued[1]))
    known: Outcome | None = _OUTCOMES.get(reply)
    return Handed(known or (Outcome.REFUSED if reply.permanent else Outcome.LATER), f"{reply.text}.")


class AcceptingStore:
    """The store as acceptance sees it, with other senders than those of SMTP."""

    def __init__(self, *, ids: Callable[[], Ids], queue: Queue, credentials: TokenSenders) -> None:
        self._ids = ids
        self.queue = queue
        self.credentials = credentials

    @property
    def ids(self) -> Ids:
        """Makes ids of this process."""
        return self._ids()
