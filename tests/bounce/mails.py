"""Build small mails for the tests of the readers."""

from collections.abc import Sequence

OURS = "bounces+k7f3q9@relay.example"


def mail(
    body: str,
    *fields: str,
    sender: str = "Mail Delivery System <MAILER-DAEMON@mx.customer.example>",
    subject: str = "Undelivered Mail Returned to Sender",
    path: str = "<>",
) -> bytes:
    """Build a mail with CRLF line ends; ``fields`` are further header lines."""
    head = [f"Return-Path: {path}", f"From: {sender}", f"To: <{OURS}>", f"Subject: {subject}", *fields]
    return ("\n".join(head) + "\n\n" + body).replace("\n", "\r\n").encode()


def multipart(*parts: str, kind: str = "report; report-type=delivery-status", **header: str) -> bytes:
    """Build a multipart mail of parts, each with its own header."""
    body = "".join(f"--=_b\n{part}\n" for part in parts) + "--=_b--\n"
    return mail(body, "MIME-Version: 1.0", f'Content-Type: multipart/{kind}; boundary="=_b"', **header)


def status(*blocks: str, kind: str = "message/delivery-status") -> str:
    """Build a status part of per-recipient blocks."""
    return f"Content-Type: {kind}\n\nReporting-MTA: dns; mx.customer.example\n\n" + "\n".join(
        block + "\n" for block in blocks
    )


def block(address: str, action: str = "failed", code: str = "5.1.1", diagnostic: str = "") -> str:
    """Build one per-recipient block."""
    lines = [f"Final-Recipient: rfc822; {address}", f"Action: {action}", f"Status: {code}"]
    return "\n".join(lines + ([f"Diagnostic-Code: smtp; {diagnostic}"] if diagnostic else []))


def words(text: str) -> str:
    """Build the part for people."""
    return f"Content-Type: text/plain; charset=utf-8\n\n{text}"


def returned(to: str = "ann@customer.example", extra: Sequence[str] = ()) -> str:
    """Build the returned mail."""
    head = ["Message-ID: <inv-1042@relay.example>", "From: Office <office@school.example>", f"To: {to}", *extra]
    return "Content-Type: message/rfc822\n\n" + "\n".join(head) + "\nSubject: Invoice 1042\n\nDear parent ...\n"
