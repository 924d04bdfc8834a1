"""
What one transaction says to the other side, given what that side offers, or why it cannot be said.

Two decisions that the RFCs leave open:

- A mail with the null reverse-path is itself a notification (RFC 5321 section 4.5.5). It leaves with ``MAIL FROM:<>``
  and never with a return path of ours, so that no bounce of a bounce can come into being.
- Our return path takes the place of the sender's, so reports come to us and not to the sender. NOTIFY=NEVER is the
  sender's wish about its own mailbox; it is kept there (``[relay.notify]``), while the next hop is asked for FAILURE,
  without which a later bounce would never be known. Other wishes are passed on beside it (RFC 3461 section 5.2.7.1
  allows a relay that becomes the new originator to choose).

Pure: no I/O, no clock, no chance.
"""

import re

from store.nouns import Job, Reason, Reply
from store.plain import dataclass

# What may stand between the angle brackets of RCPT TO. The grammar of RFC 5321 is the door's affair
# (relay/submission); this only makes sure that an address can never be more than an address on the wire.
_PATH = re.compile(
    r"""(?:"(?:\\[^\x00-\x1f\x7f]|[^"\\\x00-\x1f\x7f])*"|[^"<>\s\x00-\x1f\x7f@]+)@[^"<>\s\x00-\x1f\x7f@]+"""
)
_XTEXT_PLAIN = re.compile(r"[!-*,-<>-~]")  # RFC 3461 section 4: xchar, all printable ASCII but "+" and "="
_ORCPT = re.compile(r"[A-Za-z0-9-]+;[!-~]+")
_SIZE = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something we found out by ourselves, without asking the other side."""

    reason: Reason
    permanent: bool
    status: str  # enhanced status code, "5.3.4"
    why: str  # for the log and the page; may name hosts


@dataclass(frozen=True, slots=True)
class Offers:
    """What an EHLO reply offers (RFC 5321 section 4.1.1.1). All False after HELO."""

    pipelining: bool = False  # RFC 2920
    eight_bit: bool = False  # RFC 6152
    smtputf8: bool = False  # RFC 6531
    dsn: bool = False  # RFC 3461
    chunking: bool = False  # RFC 3030
    starttls: bool = False  # RFC 3207
    size: int | None = None  # octets; 0: no limit stated; None: SIZE is not offered (RFC 1870)
    auth: frozenset[str] = frozenset()  # RFC 4954


def read_offers(reply: Reply) -> Offers:
    """Read an EHLO reply. Unknown keywords and wrong parameters are passed over."""
    words = [line.upper().replace("AUTH=", "AUTH ", 1).split() for line in reply.lines[1:]]
    offered = {line[0]: line[1:] for line in words if line}
    size = offered.get("SIZE")
    return Offers(
        pipelining="PIPELINING" in offered,
        eight_bit="8BITMIME" in offered,
        smtputf8="SMTPUTF8" in offered,
        dsn="DSN" in offered,
        chunking="CHUNKING" in offered,
        starttls="STARTTLS" in offered,
        size=None if size is None else int(size[0]) if size and _SIZE.fullmatch(size[0]) else 0,
        auth=frozenset(word for line in words if line and line[0] == "AUTH" for word in line[1:]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One mail to one recipient, as far as the commands before DATA tell it."""

    reverse_path: str  # "": the null path
    forward_path: str
    size: int  # octets of the content, dots not stuffed (RFC 1870 section 5)
    eight_bit: bool = False  # the content has octets over 127
    eight_bit_body: bool = False  # and not in its header alone
    utf8_address: bool = False  # the forward-path cannot be said in ASCII
    utf8_header: bool = False  # the header has UTF-8 that SMTPUTF8 allows
    ret: str = ""
    envelope_id: str = ""
    notify: str = ""
    original_recipient: str = ""


def checked_path(job: Job) -> str | Finding:
    """
    Give the forward-path as it goes on the wire: in ASCII where A-labels for the domain are enough.

    A Finding when it cannot be one. A domain that DNS cannot know leads to no look-up (5.1.2).
    """
    path = job.forward_path
    if not _PATH.fullmatch(path):
        return Finding(
            Reason.ADDRESS_INVALID, permanent=True, status="5.1.3", why="the address is not written correctly"
        )
    local, _, domain = path.rpartition("@")
    if not job.domain and not domain.startswith("["):
        return Finding(
            Reason.ADDRESS_INVALID, permanent=True, status="5.1.2", why="the domain is not written correctly"
        )
    return f"{local}@{job.domain}" if local.isascii() and not domain.isascii() else path


def envelope(job: Job, copy: bytes, *, forward_path: str, return_path: str) -> Envelope:
    """
    Describe the transaction for ``copy``, the very bytes that will be sent.

    ``forward_path`` comes from ``checked_path``; ``return_path`` is ours, and is left out for a null reverse-path.
    """
    ascii_only = copy.isascii()
    header = copy[: copy.find(b"\r\n\r\n") + 1] if job.smtputf8 and not ascii_only else b""
    return Envelope(
        reverse_path=return_path if job.reverse_path else "",
        forward_path=forward_path,
        size=len(copy),
        eight_bit=not ascii_only,
        eight_bit_body=not ascii_only and not copy[max(0, copy.find(b"\r\n\r\n")) :].isascii(),
        utf8_address=not forward_path.isascii(),
        utf8_header=not header.isascii(),
        ret=job.ret,
        envelope_id=job.envelope_id,
        notify=_notify(job),
        original_recipient=job.original_recipient if _ORCPT.fullmatch(job.original_recipient) else "",
    )


def _notify(job: Job) -> str:
    if not job.notify or not job.reverse_path:
        return job.notify  # nobody gets a report of a null reverse-path: say it as it was said
    asked = {word for word in job.notify.upper().split(",") if word in ("SUCCESS", "DELAY")}
    return ",".join(("FAILURE", *sorted(asked)))


def objection(mail: Envelope, offers: Offers, *, by_route: bool) -> Finding | None:
    """
    Say why this mail cannot be sent to a server that offers this; None when it can.

    ``by_route``: the server is one that our operator chose, not the domain's own. What such a server lacks says
    nothing about the address. A domain's own server without SMTPUTF8 cannot have a mailbox with a UTF-8 name, so
    there the address is the cause; UTF-8 in the header alone is a matter of the content. RFC 6531 section 3.1.1.
    """
    if offers.size and mail.size > offers.size:
        why = f"the mail has {mail.size} octets, the server takes {offers.size}"
        return Finding(Reason.MESSAGE_TOO_LARGE, permanent=True, status="5.3.4", why=why)
    if mail.utf8_address and not offers.smtputf8:
        reason = Reason.POLICY_REJECTED if by_route else Reason.ADDRESS_INVALID
        why = "the server does not take addresses with letters outside ASCII"
        return Finding(reason, permanent=True, status="5.6.7", why=why)
    if mail.utf8_header and not offers.smtputf8:
        why = "the server does not take header fields with letters outside ASCII"
        return Finding(Reason.CONTENT_REJECTED, permanent=True, status="5.6.7", why=why)
    # A header field that is not as RFC 5322 wants it goes as it came, as with other servers: no reason for a bounce.
    if mail.eight_bit_body and not offers.eight_bit:
        why = "the mail has 8-bit text that could not be converted, and the server takes 7-bit text only"
        return Finding(Reason.CONTENT_REJECTED, permanent=True, status="5.6.3", why=why)
    return None


def mail_command(mail: Envelope, offers: Offers) -> bytes:
    """Write MAIL FROM with the parameters that the other side knows."""
    words = [f"MAIL FROM:<{mail.reverse_path}>"]
    if offers.size is not None:
        words.append(f"SIZE={mail.size}")
    if mail.eight_bit and offers.eight_bit:
        words.append("BODY=8BITMIME")
    if (mail.utf8_address or mail.utf8_header) and offers.smtputf8:
        words.append("SMTPUTF8")
    if offers.dsn and mail.ret in ("FULL", "HDRS"):
        words.append(f"RET={mail.ret}")
    if offers.dsn and mail.envelope_id:
        words.append(f"ENVID={xtext(mail.envelope_id)}")
    return " ".join(words).encode() + b"\r\n"


def rcpt_command(mail: Envelope, offers: Offers) -> bytes:
    """Write RCPT TO with the parameters that the other side knows."""
    words = [f"RCPT TO:<{mail.forward_path}>"]
    if offers.dsn and mail.notify:
        words.append(f"NOTIFY={mail.notify}")
    if offers.dsn and mail.original_recipient:
        words.append(f"ORCPT={mail.original_recipient}")
    return " ".join(words).encode() + b"\r\n"


def xtext(text: str) -> str:
    """Write a value as xtext (RFC 3461 section 4)."""
    return "".join(char if _XTEXT_PLAIN.match(char) else "".join(f"+{o:02X}" for o in char.encode()) for char in text)


FINAL_DOT = b".\r\n"
_DOT = re.compile(rb"\r\n\.")  # finds that there is none in half the time of bytes.find and bytes.replace
_LOOK = 32 * 1024  # octets


def stuff(copy: bytes) -> bytes:
    """
    Give the content as it goes over the wire behind 354, up to the final dot (RFC 5321 section 4.5.2).

    Every line that begins with a dot gets one more, in bulk. ``copy`` has CRLF line ends only; a last line without
    one gets it, since the final dot needs a line of its own.
    """
    stuffed = copy.replace(b"\r\n.", b"\r\n..") if _has_dots(copy) else copy
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed if stuffed.endswith(b"\r\n") or not stuffed else stuffed + b"\r\n"


def _has_dots(copy: bytes) -> bool:
    """
    Whether a line behind the first begins with a dot.

    Only what stands round dots is looked at: base64 has none, so a file of 200 KB costs a sixth of a look at its lines.
    """
    dot = copy.find(b".")
    while dot >= 0:
        if _DOT.search(copy, max(0, dot - 2), dot + _LOOK):
            return True
        dot = copy.find(b".", dot + _LOOK - 2)
    return False
