"""
A delivery status notification: the report that tells a sender what became of a mail (RFC 3464, RFC 6522).

The mail it is about stands in it byte for byte, so the parts are put together here and not by a library that writes
trees out again. Whatever a peer said is made printable and folded: it can end no line and begin no field.

Pure: no I/O, no clock, no chance.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8

from relay.message.received import date_time

_PRINTABLE = re.compile(r"[^ -~]+")
_HEXCHAR = re.compile(r"\+([0-9A-F]{2})")
_LONGEST_FIELD = 900  # characters of one field of the report
_LINE = 76


@dataclass(frozen=True, slots=True, kw_only=True)
class DsnRecipient:
    """One per-recipient block (RFC 3464 section 2.3). "" and None leave a field out."""

    final_recipient: str  # addr-spec
    action: str  # "failed", "delayed", "relayed"
    status: str  # "5.1.1"
    said: str  # for people: what happened, and what to do; one line
    original_recipient: str = ""  # ORCPT as it was given, in xtext
    remote_mta: str = ""
    diagnostic: str = ""  # the peer's reply, or our own words where there was none
    replied: bool = True  # the diagnostic is an SMTP reply
    last_attempt_at: float | None = None
    will_retry_until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dsn:
    """One report. Times are Unix seconds."""

    id: str  # left side of its Message-ID
    hostname: str  # ours
    to: str  # addr-spec of the sender of the mail
    at: float
    envelope_id: str  # ENVID, decoded; "" when there was none
    arrived_at: float
    subject: str  # of the mail, decoded
    header_message_id: str  # of the mail, without its angle brackets
    recipients: Sequence[DsnRecipient]  # of one action
    returned: bytes | None  # the mail itself or its header, CRLF line ends; None: neither is kept any more
    whole: bool  # ``returned`` is the whole mail

    @property
    def action(self) -> str:
        """What is told of all its recipients."""
        return self.recipients[0].action


_SUBJECTS = {"failed": "Not delivered", "delayed": "Not delivered yet", "relayed": "Delivered"}
_FIRST_WORDS = {
    "failed": "Your mail could not be delivered to:",
    "delayed": "Your mail has not been delivered yet to:",
    "relayed": "Your mail was taken by the mail server of:",
}
_LAST_WORDS = {
    "failed": "It will not be tried again.",
    "delayed": "You need not send it again: we go on trying, and tell you if that ends without success.",
    "relayed": "What becomes of it there, this server is not told.",
}


def write(dsn: Dsn) -> bytes:
    """Write a report as it is sent, with CRLF line ends. Its header has UTF-8 only where the sender's address does."""
    boundary = _boundary(dsn)
    delimiter = f"--{boundary}\r\n".encode()
    parts = [_text_part(dsn), _status_part(dsn)]
    if dsn.returned is not None:
        kind = "message/rfc822" if dsn.whole else "text/rfc822-headers"
        parts.append(_part(kind, dsn.returned))
    body = b"".join(delimiter + part for part in parts)
    return _header(dsn, boundary) + b"\r\n" + body + f"--{boundary}--\r\n".encode()


def original_recipient(given: str) -> str:
    """Give Original-Recipient's value for an ORCPT (RFC 3461 section 4.2): ``rfc822; ann@example.org``, or ""."""
    kind, semicolon, address = given.partition(";")
    if not semicolon:
        return ""
    return f"{_plain(kind)}; {_plain(_HEXCHAR.sub(lambda found: chr(int(found[1], 16)), address))}"


def _header(dsn: Dsn, boundary: str) -> bytes:
    utf8 = not dsn.to.isascii()
    mail = EmailMessage(policy=SMTPUTF8 if utf8 else SMTP)
    mail["From"] = Address("Mail Delivery System", "MAILER-DAEMON", dsn.hostname)
    mail["Subject"] = ": ".join(filter(None, (_SUBJECTS[dsn.action], _one_line(dsn.subject)[:200])))
    mail["Date"] = date_time(dsn.at)
    mail["Message-ID"] = f"<{dsn.id}@{dsn.hostname}>"
    mail["Auto-Submitted"] = "auto-replied"  # RFC 3834 section 5: nothing automatic answers it
    mail["MIME-Version"] = "1.0"
    written = mail.as_bytes().removesuffix(b"\r\n")
    lines = [f"To: <{dsn.to}>"]
    if dsn.header_message_id:
        about = _plain(dsn.header_message_id)[:_LONGEST_FIELD].strip("<> ")
        lines += [f"In-Reply-To: <{about}>", f"References: <{about}>"]
    lines.append(f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"')
    return written + "".join(f"{line}\r\n" for line in lines).encode()


def _text_part(dsn: Dsn) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail.set_content(_words(dsn), cte="quoted-printable")
    del mail["MIME-Version"]
    return mail.as_bytes()


def _words(dsn: Dsn) -> str:
    about = [f"  Subject: {_one_line(dsn.subject)}"] if dsn.subject else []
    about.append(f"  Sent:    {date_time(dsn.arrived_at)}")
    blocks = [_FIRST_WORDS[dsn.action], "\n\n".join(_told(each) for each in dsn.recipients), _LAST_WORDS[dsn.action]]
    if dsn.action == "delayed" and (until := dsn.recipients[0].will_retry_until) is not None:
        blocks.append(f"We give up at {date_time(until)}.")
    return "\n\n".join(
        [f"This is the mail server {dsn.hostname}.", *blocks, "It is about this mail:", "\n".join(about)]
    )


def _told(recipient: DsnRecipient) -> str:
    lines = [f"  <{_one_line(recipient.final_recipient)}>"]
    if recipient.said:
        lines.append(f"  {recipient.said}")
    if recipient.diagnostic:
        said = _one_line(recipient.diagnostic)
        lines.append(f"  {recipient.remote_mta} said: {said}" if recipient.remote_mta else f"  {said}")
    return "\n".join(lines)


def _status_part(dsn: Dsn) -> bytes:
    whole = [("Reporting-MTA", f"dns; {dsn.hostname}")]
    if dsn.envelope_id:
        whole.append(("Original-Envelope-Id", dsn.envelope_id))
    whole.append(("Arrival-Date", date_time(dsn.arrived_at)))
    blocks = [whole, *(_recipient_fields(recipient) for recipient in dsn.recipients)]
    content = "\r\n".join("".join(_field(name, value) for name, value in block) for block in blocks)
    return _part("message/delivery-status", content.encode("ascii"))


def _recipient_fields(recipient: DsnRecipient) -> list[tuple[str, str]]:
    fields = [
        ("Original-Recipient", original_recipient(recipient.original_recipient)),
        ("Final-Recipient", _final_recipient(recipient.final_recipient)),
        ("Action", recipient.action),
        ("Status", recipient.status),
        ("Remote-MTA", f"dns; {recipient.remote_mta}" if recipient.remote_mta else ""),
        ("Diagnostic-Code", _diagnostic(recipient)),
        ("Last-Attempt-Date", "" if recipient.last_attempt_at is None else date_time(recipient.last_attempt_at)),
        ("Will-Retry-Until", "" if recipient.will_retry_until is None else date_time(recipient.will_retry_until)),
    ]
    return [(name, value) for name, value in fields if value]


def _diagnostic(recipient: DsnRecipient) -> str:
    if not recipient.diagnostic:
        return ""
    return f"{'smtp' if recipient.replied else 'x-homing'}; {recipient.diagnostic}"


def _final_recipient(address: str) -> str:
    """Say an address outside ASCII as utf-8-addr-xtext (RFC 6533 section 3), which every reader of reports can pass."""
    if address.isascii():
        return f"rfc822; {address}"
    plain = "".join(char if "!" <= char <= "~" and char not in "\\+=" else f"\\x{{{ord(char):X}}}" for char in address)
    return f"utf-8; {plain}"


def _field(name: str, value: str) -> str:
    """Write one field of the report, folded at blanks."""
    lines = [f"{name}:"]
    for word in _plain(value)[:_LONGEST_FIELD].split(" "):
        if len(lines[-1]) + 1 + len(word) > _LINE and lines[-1].strip() and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines) + "\r\n"


def _part(kind: str, content: bytes) -> bytes:
    encoding = "" if content.isascii() else "Content-Transfer-Encoding: 8bit\r\n"
    # The line end before a delimiter is the delimiter's (RFC 2046 section 5.1.1).
    return f"Content-Type: {kind}\r\n{encoding}\r\n".encode() + content + b"\r\n"


def _boundary(dsn: Dsn) -> str:
    """Make a boundary that stands nowhere in the mail."""
    number, boundary = 0, f"=_{dsn.id}"
    while dsn.returned is not None and boundary.encode() in dsn.returned:
        number += 1
        boundary = f"=_{dsn.id}.{number}"
    return boundary


def _plain(text: str) -> str:
    return _PRINTABLE.sub("?", text).strip()


def _one_line(text: str) -> str:
    return " ".join(text.split())
