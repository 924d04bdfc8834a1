"""
What comes back to a sender: a bounce as a mail server writes it, an out-of-office reply, a complaint.

Pure: no I/O, no clock, no chance.
"""

import hashlib
from dataclasses import dataclass
from email.utils import formatdate

from store.nouns import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail that comes back, with its envelope."""

    reverse_path: str  # "" is the null path
    forward_path: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What was taken, and from whom."""

    reverse_path: str
    forward_path: str
    header: bytes  # of the mail as it came, each line ended by CRLF
    arrived_at: float
    host: str  # the name of the server that writes


def bounce(about: About, reply: Reply, now: float) -> Letter:
    """Write a delivery status notification (RFC 3464 in RFC 6522), as the server behind refused with ``reply``."""
    boundary = _boundary(about)
    recipient = about.forward_path
    kind = "rfc822" if recipient.isascii() else "utf-8"  # RFC 6533 section 3
    diagnostic = f"{reply.code} {reply.status} <{recipient}>: {reply.text}"
    lines = [
        f"From: Mail Delivery System <MAILER-DAEMON@{about.host}>",
        f"To: {about.reverse_path}",
        "Subject: Undelivered Mail Returned to Sender",
        *_origin(about, now, "bounce"),
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
        "This is a MIME-encapsulated message.",
        "",
        f"--{boundary}",
        "Content-Description: Notification",
        "Content-Type: text/plain; charset=utf-8",
        "",
        f"This is the mail system at host {about.host}.",
        "",
        "Your message could not be delivered to one or more recipients.",
        "It is attached below.",
        "",
        f"<{recipient}>: host mailbox.{about.host} said:",
        f"    {diagnostic} (in reply to RCPT TO command)",
        "",
        f"--{boundary}",
        "Content-Description: Delivery report",
        f"Content-Type: message/{'delivery-status' if recipient.isascii() else 'global-delivery-status'}",
        "",
        f"Reporting-MTA: dns; {about.host}",
        f"Arrival-Date: {formatdate(about.arrived_at)}",
        "",
        f"Final-Recipient: {kind}; {recipient}",
        f"Original-Recipient: {kind}; {recipient}",
        "Action: failed",
        f"Status: {reply.status}",
        f"Remote-MTA: dns; mailbox.{about.host}",
        f"Diagnostic-Code: smtp; {diagnostic}",
        "",
        f"--{boundary}",
        "Content-Description: Undelivered Message Headers",
        "Content-Type: text/rfc822-headers",
        "",
    ]
    return Letter(
        reverse_path="",
        forward_path=about.reverse_path,
        content=_octets(lines) + about.header + _octets(["", f"--{boundary}--"]),
    )


def auto_reply(about: About, now: float) -> Letter:
    """Write an out-of-office reply (RFC 3834), to the return path as that asks."""
    lines = [
        f"From: <{about.forward_path}>",
        f"To: {about.reverse_path}",
        "Subject: Out of office: back on Monday",
        *_origin(about, now, "auto"),
        "Auto-Submitted: auto-replied",
        "Precedence: bulk",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Thank you for your message. I am out of the office until Monday and will answer then.",
    ]
    return Letter(reverse_path="", forward_path=about.reverse_path, content=_octets(lines))


def complaint(about: About, now: float) -> Letter:
    """Write a feedback report (RFC 5965): the recipient marked the mail as spam."""
    boundary = _boundary(about)
    lines = [
        f"From: <feedback@{about.host}>",
        f"To: {about.reverse_path}",
        "Subject: FW: complaint about a message",
        *_origin(about, now, "complaint"),
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=feedback-report; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "This is an email abuse report for a message received from your server.",
        "",
        f"--{boundary}",
        "Content-Type: message/feedback-report",
        "",
        "Feedback-Type: abuse",
        "User-Agent: HomingSandbox/1.0",
        "Version: 1",
        f"Original-Mail-From: <{about.reverse_path}>",
        f"Original-Rcpt-To: <{about.forward_path}>",
        f"Arrival-Date: {formatdate(about.arrived_at)}",
        f"Reporting-MTA: dns; {about.host}",
        "",
        f"--{boundary}",
        "Content-Type: text/rfc822-headers",
        "",
    ]
    return Letter(
        reverse_path=f"feedback@{about.host}",
        forward_path=about.reverse_path,
        content=_octets(lines) + about.header + _octets(["", f"--{boundary}--"]),
    )


def _origin(about: About, now: float, kind: str) -> list[str]:
    return [f"Date: {formatdate(now)}", f"Message-ID: <{_digest(about)}.{kind}@{about.host}>"]


def _boundary(about: About) -> str:
    return f"=_{_digest(about)}"


def _digest(about: About) -> str:
    what = f"{about.reverse_path}\0{about.forward_path}\0{about.arrived_at}"
    return hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _octets(lines: list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")
