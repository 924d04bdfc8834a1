"""
The mails of the benchmarks: invoices as clubs mail them, text and HTML, with or without a PDF.

A letter has a number, in its header and in its recipients' addresses: ``r17-0@members.test`` is the first recipient of
letter 17. Sixteen bodies of 14 to 30 kB are made once and taken in turn; what differs from letter to letter is small,
so that the sender spends no time on composing.
"""

import random
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP

SENDER = "office@club.test"
DOMAIN = "members.test"
BODIES = 16
PDF_OCTETS = 150_000  # before base64

_ROW = (
    '<tr style="border-bottom:1px solid #d8dee4"><td style="padding:8px 12px;font-family:Arial,Helvetica,sans-serif;'
    'font-size:14px;color:#24292f">{number}</td><td style="padding:8px 12px;font-family:Arial,Helvetica,sans-serif;'
    'font-size:14px;color:#24292f">Trainingsgruppe {group}, Übungsleiter {coach}</td><td align="right" '
    'style="padding:8px 12px;font-family:Arial,Helvetica,sans-serif;font-size:14px">{amount} €</td></tr>\n'
)
_COACHES = ("Jürgen Weiß", "Anna Köhler", "Łukasz Nowak", "Zoë Müller", "Peter Schmidt")


def _pdf(dice: random.Random) -> bytes:
    return b"%PDF-1.4\n%" + dice.randbytes(PDF_OCTETS) + b"\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def _body(serial: int, *, pdf: bool) -> bytes:
    """Make MIME fields and body of one letter; what stands above them is made for each number."""
    dice = random.Random(serial)  # noqa: S311  the same letters in each run
    rows: list[str] = []
    octets = 12_000 + serial * 16_000 // BODIES
    while sum(len(row) for row in rows) < octets:
        group, coach, amount = dice.randrange(99), dice.choice(_COACHES), f"{dice.randrange(5, 90)},00"
        rows.append(_ROW.format(number=len(rows) + 1, group=group, coach=coach, amount=amount))
    mail = EmailMessage(policy=SMTP)
    mail.set_content("Liebe Mitglieder,\n\nIhr Beitrag für November ist fällig.\n\nDer Vorstand\n")
    mail.add_alternative(
        '<!DOCTYPE html>\n<html lang="de"><head><meta charset="utf-8"><title>Rechnung</title></head>\n<body>\n'
        f"<h1>Rechnung</h1>\n<table>\n{''.join(rows)}</table>\n<p>Der Vorstand</p>\n</body>\n</html>\n",
        subtype="html",
        cte="quoted-printable",
    )
    if pdf:
        mail.add_attachment(_pdf(dice), maintype="application", subtype="pdf", filename="Rechnung.pdf")
    return mail.as_bytes()


def bodies(*, pdf: bool) -> list[bytes]:
    """Make the sixteen bodies; each ends with its closing boundary and CRLF, and has no line that begins with a dot."""
    return [b"\r\n".join(_unstuffed(_body(serial, pdf=pdf))) for serial in range(BODIES)]


def _unstuffed(body: bytes) -> list[bytes]:
    return [b" " + line[1:] if line.startswith(b".") else line for line in body.split(b"\r\n")]


def head(number: int, to: str) -> bytes:
    """Write the fields that differ from letter to letter."""
    return (
        f"From: Verein Nordlicht <{SENDER}>\r\nTo: {to}\r\nSubject: Rechnung INV-{number}\r\n"
        f"Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{number}.bench@club.test>\r\nX-Number: {number}\r\n"
    ).encode()


def recipients(number: int, count: int, domains: Sequence[str]) -> list[str]:
    """Give the addresses that a letter goes to."""
    return [f"r{number}-{serial}@{domains[(number + serial) % len(domains)]}" for serial in range(count)]
