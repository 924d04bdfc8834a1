"""
A case of the torture table: what is sent, and exactly what must come back.

A step is what the client writes at once, and the replies that must follow: code and enhanced code of each, in order.
After the last one the session must be in step (NOOP is answered 250 2.0.0) or closed, and the handler must have taken
just the contents named. No step may bring any other reply.
"""

from base64 import b64encode
from dataclasses import dataclass

MAIL = b"MAIL FROM:<ann@club.test>\r\n"
RCPT = b"RCPT TO:<bob@example.org>\r\n"
DATA = b"DATA\r\n"
END = b"\r\n.\r\n"
HELLO = b"Subject: hello\r\n\r\nHi"
GOOD = b64encode(b"\0app\0correct horse")
BAD = b64encode(b"\0app\0wrong")
HIDDEN = MAIL + RCPT + DATA + b"Subject: smuggled\r\n\r\nx\r\n.\r\n"  # 250 250 354 250 if it were obeyed


@dataclass(frozen=True)
class Case:
    """One conversation."""

    name: str
    steps: tuple[tuple[bytes, str], ...]  # what is sent; replies that follow, parted by " | "
    taken: tuple[bytes, ...] = ()  # contents
    closed: bool = False  # the server closes
    begin: str = "ready"  # "greeted", "hello" (EHLO was said), "ready" (authenticated)


def _mail(content: bytes, reply: str, *taken: bytes) -> tuple[tuple[tuple[bytes, str], ...], tuple[bytes, ...]]:
    """One mail sent step by step, and what must be taken of it."""
    return (
        (MAIL, "250 2.1.0"),
        (RCPT, "250 2.1.5"),
        (DATA, "354"),
        (content + END, reply),
    ), taken


def content(name: str, text: bytes, reply: str, *taken: bytes) -> Case:
    """One mail with this content, and the reply to it."""
    steps, kept = _mail(text, reply, *taken)
    return Case(name, steps, kept)


def one(name: str, line: bytes, reply: str, begin: str = "ready") -> Case:
    """One line, and the reply to it."""
    return Case(name, ((line, reply),), begin=begin)


def not_an_end(name: str, end: bytes) -> Case:
    """Octets that some servers take for the end of a content, with a whole mail hidden behind."""
    text = b"Subject: a\r\n\r\nbody" + end
    # Line by line, as RFC 5321 section 4.5.2 says it: all of HIDDEN but its last three octets is content.
    content = (text + HIDDEN).removesuffix(b".\r\n").replace(b"\r\n.", b"\r\n")
    return Case(
        f"smuggle: {name}",
        ((MAIL, "250 2.1.0"), (RCPT, "250 2.1.5"), (DATA, "354"), (text + HIDDEN, "250 2.0.0")),
        (content,),
    )
