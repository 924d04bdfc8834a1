"""
The replies of an SMTP server, from bytes.

A stranger writes them, so there are caps: 64 KiB for one reply, 2 kB of it kept; bytes that are no UTF-8 and
characters that are not printable are replaced. Anything that is no reply ends the session.

Pure: no I/O, no clock, no chance.
"""

import re
from functools import lru_cache

from store.nouns import Reply, Status

MAX_REPLY = 64 * 1024  # octets of one reply, line ends included
MAX_KEPT = 2048  # octets of text that are stored and shown
_CUT = " [cut]"
_USUAL = 80  # octets of a line that may be remembered
_BLANK = ord(" ")

# RFC 5321 section 4.2:  Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
#   Reply-code = %x32-35 %x30-35 %x30-39      (the second digit is taken up to 9: some servers do)
_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
# RFC 2034 section 4: the enhanced code stands first in the text.
_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])")


class BadReply(Exception):
    """The other side said something that is no reply. The text says what, without its bytes."""


@lru_cache(256)
def _usual(line: bytes) -> Reply | None:
    """Read a reply of one line; None for what is none. Servers say the same few in every mail."""
    match = _LINE.fullmatch(line)
    if match is None or b"\n" in line or b"\r" in line:
        return None
    text = _readable(match[3] or b"")
    found = _STATUS.match(text)
    return Reply(int(match[1]), Status.parse(found[1] if found else ""), (text,))


class ReplyParser:
    """Takes bytes as they come and gives whole replies."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0  # octets of the buffer known to hold no line end
        self._lines: list[str] = []
        self._octets = 0  # of the lines of the unfinished reply

    @property
    def empty(self) -> bool:
        """Whether nothing is left over: no byte, no half reply."""
        return not self._buffer and not self._lines

    def feed(self, data: bytes) -> None:
        """Add what was received."""
        self._buffer += data

    def next(self) -> Reply | None:
        """
        Take the next whole reply; None when more bytes are needed.

        Where the lines of one reply differ in their code, the last line's is taken.

        Raises:
            BadReply: A line without a code, or a reply over MAX_REPLY. The parser is of no use after it.
        """
        buffer = self._buffer
        if not self._lines:
            end = buffer.find(b"\r\n")
            if 3 < end <= _USUAL and buffer[3] == _BLANK and (reply := _usual(bytes(buffer[:end]))) is not None:
                del buffer[: end + 2]
                self._scanned = 0
                return reply
        while (end := buffer.find(b"\n", self._scanned)) >= 0:
            line = bytes(buffer[:end])
            del buffer[: end + 1]
            self._scanned = 0
            self._octets += end + 1
            if self._octets > MAX_REPLY:
                raise BadReply("a reply without an end")
            match = _LINE.fullmatch(line.rstrip(b"\r"))
            if match is None:
                raise BadReply("an answer that is no SMTP reply")
            self._lines.append(_readable(match[3] or b""))
            if match[2] != b"-":
                return self._finish(int(match[1]))
        self._scanned = len(buffer)
        if self._octets + len(buffer) > MAX_REPLY:
            raise BadReply("a reply without an end")
        return None

    def _finish(self, code: int) -> Reply:
        lines = tuple(self._lines)
        self._lines = []
        self._octets = 0
        found = next((match[1] for match in map(_STATUS.match, lines) if match), "")
        return Reply(code, Status.parse(found), lines)


def shorten(reply: Reply) -> Reply:
    """Cut a reply to MAX_KEPT octets of text, saying so; a shorter one is given back as it is."""
    if sum(map(len, reply.lines)) * 4 + len(reply.lines) <= MAX_KEPT:  # no character has more than four octets
        return reply
    room = MAX_KEPT - len(_CUT)
    kept: list[str] = []
    for line in reply.lines:
        octets = line.encode()
        if len(octets) >= room:  # a line end counts as one
            fits = octets[:room].decode("utf-8", "ignore")
            kept.append(fits + _CUT)
            break
        kept.append(line)
        room -= len(octets) + 1
    return Reply(reply.code, reply.status, tuple(kept))


def _readable(text: bytes) -> str:
    """Decode a line so that it can be stored and shown: no control, no line separator, no change of direction."""
    decoded = text.decode("utf-8", "replace")
    if decoded.isprintable():
        return decoded
    return "".join(char if char.isprintable() else " " if char in "\t\xa0" else "?" for char in decoded)
