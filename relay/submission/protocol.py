"""
The verbs that hand over mail: MAIL, RCPT, DATA, BDAT; each gives the reply as a value.

RFC 5321, 1870 (SIZE), 3030 (CHUNKING, without BINARYMIME), 3461 (DSN), 6152 (8BITMIME), 6409 (submission), 6531
(SMTPUTF8). The other verbs, and the session around all of them, are in ``relay/submission/session.py``.
"""

from dataclasses import dataclass

from relay.submission import replies
from relay.submission.commands import PathCommand, parse_bdat, parse_mail, parse_rcpt
from relay.submission.connection import CutOffError
from relay.submission.data import ChunkReader, DataReader
from relay.submission.session import Shared, SmtpSession
from store.nouns import Reply


@dataclass(slots=True)
class _Chunks:
    """The content of one message as it comes by BDAT, or, once it is refused, as it is thrown away."""

    reader: ChunkReader
    began: float  # loop time
    refusal: (
        Reply | None
    )  # said to each further chunk: who pipelines many and looks at the last reply learns the reason
    received: int = 0  # octets, those thrown away too


class SmtpProtocol(SmtpSession):
    """A session that takes mail."""

    def __init__(self, shared: Shared, client_address: str) -> None:
        super().__init__(shared, client_address)
        self._messages = 0
        self._refused = 0  # recipients, in the whole session
        self._refused_now = 0  # recipients, of this message
        self._seen_forward_paths: set[str] = set()
        self._chunks: _Chunks | None = None  # between the first BDAT of a message and its last one
        self.verbs |= {"MAIL": self.mail, "RCPT": self.rcpt, "DATA": self.data, "BDAT": self.bdat}

    async def mail(self, argument: bytes) -> Reply:
        """MAIL FROM (RFC 5321 section 4.1.1.2): begin a message."""
        if not self.talk.client_name:
            return replies.EHLO_FIRST
        if self.talk.reverse_path is not None:
            return replies.NESTED_MAIL
        if self._messages >= self.limits.messages_per_connection:
            return replies.TOO_MANY_MESSAGES
        command = parse_mail(
            argument,
            extended=self.talk.extended,
            dsn=self.shared.offers.dsn,
            max_size=self.limits.max_message_size,
        )
        if isinstance(command, Reply):
            return command
        self._chunks = None
        self.talk.smtputf8 = "SMTPUTF8" in command.parameters
        refusal = await self.ask(self.shared.handler.mail(self.talk, command.path, command.parameters))
        if refusal is not None:
            self.forget_message()
            return refusal
        self.talk.reverse_path, self.talk.mail_parameters = command.path, command.parameters
        return replies.SENDER_OK

    async def rcpt(self, argument: bytes) -> Reply:
        """RCPT TO (RFC 5321 section 4.1.1.3): note one more recipient, each once."""
        if self.talk.reverse_path is None:
            return replies.MAIL_FIRST
        if self._chunks is not None:
            return replies.CONTENT_BEGUN
        command = parse_rcpt(
            argument, extended=self.talk.extended, dsn=self.shared.offers.dsn, smtputf8=self.talk.smtputf8
        )
        refusal = command if isinstance(command, Reply) else await self._add(command)
        if refusal is None:
            return replies.RECIPIENT_OK
        self._refused_now += 1
        self._refused += 1
        if self.limits.refused_recipients is not None and self._refused > self.limits.refused_recipients:
            return replies.TOO_MANY_REFUSED
        return refusal

    async def _add(self, command: PathCommand) -> Reply | None:
        """Keep a recipient that was not named before; None, or the reply that refuses it."""
        local, _, domain = command.path.rpartition("@")
        key = f"{local}@{domain.lower()}"
        if key in self._seen_forward_paths:
            return None
        if len(self.talk.forward_paths) >= self.limits.max_recipients:
            return replies.TOO_MANY_RECIPIENTS
        refusal = await self.ask(self.shared.handler.rcpt(self.talk, command.path, command.parameters))
        if refusal is None:
            self._seen_forward_paths.add(key)
            self.talk.forward_paths.append((command.path, command.parameters))
        return refusal

    async def data(self, argument: bytes) -> Reply:
        """DATA (RFC 5321 section 4.1.1.4): take the content, hand it over, answer for it."""
        if argument:
            return replies.BAD_ARGUMENT
        refusal = replies.CONTENT_BEGUN if self._chunks is not None else self._not_yet()
        if refusal is not None:
            return refusal
        self.say(replies.START_DATA)
        reader = DataReader(max_size=self.limits.max_message_size, max_line=self.limits.max_line)
        await self._receive(reader)
        reply = await self._hand_over(reader)
        self.forget_message()
        return reply

    async def bdat(self, argument: bytes) -> Reply:
        """
        BDAT (RFC 3030 section 2): take a chunk, and with the last one hand the content over.

        The octets of a chunk are read whatever the reply is, so the session stays in step; where their number cannot be
        told it ends. After a refusal the rest of the chunks is thrown away, up to LAST, RSET or EHLO.
        """
        command = parse_bdat(argument)
        if command is None:
            return replies.CHUNK_LOST
        if not command.size and not command.last and self.too_idle():
            return replies.TOO_IDLE
        chunks = self._chunks = self._chunks or self._first_chunk()
        if not command.good:
            chunks.refusal = chunks.refusal or replies.BAD_ARGUMENT
        if chunks.reader.size + command.size > self.limits.max_message_size:
            chunks.refusal = chunks.refusal or replies.TOO_LARGE
        await self._receive_chunk(command.size, chunks)
        if not command.last:
            return chunks.refusal or replies.CHUNK_OK
        chunks.reader.finish()
        reply = chunks.refusal or await self._hand_over(chunks.reader)
        self.forget_message()
        return reply

    def _first_chunk(self) -> _Chunks:
        reader = ChunkReader(max_size=self.limits.max_message_size, max_line=self.limits.max_line)
        return _Chunks(reader, self.loop.time(), self._not_yet())

    async def _receive_chunk(self, size: int, chunks: _Chunks) -> None:
        """Read the octets of a chunk. CutOffError as in DATA; the time is that of all chunks, with what is between."""
        if chunks.received + size > self._far_too_large:
            raise CutOffError(replies.FAR_TOO_LARGE)
        if self._content_due(chunks.began, chunks.received) <= self.loop.time():
            raise CutOffError(replies.WAITED_TOO_LONG)
        missing = size
        while missing:
            block = await self.read_block(self._content_due(chunks.began, chunks.received), most=missing)
            missing -= len(block)
            chunks.received += len(block)
            if chunks.refusal is None:
                chunks.reader.feed(block)
                chunks.refusal = self._refusal_of(chunks.reader)

    def _not_yet(self) -> Reply | None:
        """Why there can be no content now, or None."""
        if self.talk.reverse_path is None:
            return replies.MAIL_FIRST
        if not self.talk.forward_paths:
            return replies.NO_VALID_RECIPIENTS if self._refused_now else replies.RCPT_FIRST
        return None

    @property
    def _far_too_large(self) -> int:
        """Octets of a refused content that are still read; whoever sends more is cut off."""
        return 2 * self.limits.max_message_size + self.limits.max_line

    def _content_due(self, began: float, received: int) -> float:
        """Loop time by which more of a content must come."""
        in_all = began + self.limits.content_grace + received / self.limits.content_rate
        return min(in_all, self.loop.time() + self.limits.idle)

    async def _receive(self, reader: DataReader) -> None:
        """Read up to the end of data. CutOffError for a sender that is too slow, or sends far too much."""
        began = self.loop.time()
        rest = None
        while rest is None:
            rest = reader.feed(await self.read_block(self._content_due(began, reader.received)))
            if reader.received > self._far_too_large:
                raise CutOffError(replies.FAR_TOO_LARGE)
        self.put_back(rest)

    def _refusal_of(self, reader: DataReader | ChunkReader) -> Reply | None:
        """What a reader has against its content, or None."""
        if reader.too_large:
            return replies.TOO_LARGE
        return replies.TEXT_LINE_TOO_LONG if reader.long_line else None

    async def _hand_over(self, reader: DataReader | ChunkReader) -> Reply:
        """Give the content to the handler. The client may hang up meanwhile: that changes nothing."""
        refusal = self._refusal_of(reader)
        if refusal is not None:
            return refusal
        self.talk.bare_newlines, self.talk.nul = reader.bare, reader.nul
        reply = await self.ask(self.shared.handler.data(self.talk, reader.content)) or replies.OK
        if reply.positive:
            self._messages += 1
            self.count_anew()
        return reply

    def forget_message(self) -> None:
        """Drop the message that was begun, if any."""
        super().forget_message()
        self._chunks = None
        self._seen_forward_paths.clear()
        self._refused_now = 0

    @property
    def discarding(self) -> bool:
        """Chunks behind a refused one may have been on their way when it was refused (RFC 3030 section 3)."""
        return self._chunks is not None and self._chunks.refusal is not None
