"""
The verbs that hand over mail: MAIL, RCPT, DATA; each gives the reply as a value.

RFC 5321, 1870 (SIZE), 3461 (DSN), 6152 (8BITMIME), 6409 (submission), 6531 (SMTPUTF8). The other verbs, and the
session around all of them, are in ``relay/submission/session.py``.
"""

from relay.submission import replies
from relay.submission.commands import PathCommand, parse_mail, parse_rcpt
from relay.submission.connection import CutOffError
from relay.submission.data import DataReader
from relay.submission.session import Shared, SmtpSession
from store.nouns import Reply


class SmtpProtocol(SmtpSession):
    """A session that takes mail."""

    def __init__(self, shared: Shared, client_address: str) -> None:
        super().__init__(shared, client_address)
        self._messages = 0
        self._refused = 0  # recipients, in the whole session
        self._refused_now = 0  # recipients, of this message
        self._seen_forward_paths: set[str] = set()
        self.verbs |= {"MAIL": self.mail, "RCPT": self.rcpt, "DATA": self.data}

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
        if self.talk.reverse_path is None:
            return replies.MAIL_FIRST
        if not self.talk.forward_paths:
            return replies.NO_VALID_RECIPIENTS if self._refused_now else replies.RCPT_FIRST
        self.say(replies.START_DATA)
        reader = DataReader(max_size=self.limits.max_message_size, max_line=self.limits.max_line)
        await self._receive(reader)
        reply = await self._hand_over(reader)
        self.forget_message()
        return reply

    async def _receive(self, reader: DataReader) -> None:
        """Read up to the end of data. CutOffError for a sender that is too slow, or sends far too much."""
        began = self.loop.time()
        rest = None
        while rest is None:
            in_all = began + self.limits.content_grace + reader.received / self.limits.content_rate
            block = await self.read_block(min(in_all, self.loop.time() + self.limits.idle))
            rest = reader.feed(block)
            if reader.received > 2 * self.limits.max_message_size + self.limits.max_line:
                raise CutOffError(replies.FAR_TOO_LARGE)
        self.put_back(rest)

    async def _hand_over(self, reader: DataReader) -> Reply:
        """Give the content to the handler. The client may hang up meanwhile: that changes nothing."""
        if reader.too_large:
            return replies.TOO_LARGE
        if reader.long_line:
            return replies.TEXT_LINE_TOO_LONG
        self.talk.bare_newlines, self.talk.nul = reader.bare, reader.nul
        reply = await self.ask(self.shared.handler.data(self.talk, reader.content)) or replies.OK
        if reply.positive:
            self._messages += 1
            self.count_anew()
        return reply

    def forget_message(self) -> None:
        """Drop the message that was begun, if any."""
        super().forget_message()
        self._seen_forward_paths.clear()
        self._refused_now = 0
