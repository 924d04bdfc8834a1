"""
The mails of ``homing demo``: what a school's program sends, HTML with a logo inside and a PDF attached.

Pure: no I/O, no clock, no chance.
"""

import struct
import zlib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from relay.sandbox.cast import Person

SENDER = "office@riverbank-music.test"
_LOGO_ID = "logo@riverbank-music.test"
_SUBJECTS = {"invoice": "Your music lessons in November", "reminder": "Reminder: your music lessons in November"}
_HTML = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{subject}</title></head>
<body style="margin:0;background:#f2f4f7;font-family:Arial,Helvetica,sans-serif;color:#1d2433">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" style="padding:24px">
<table role="presentation" width="600" cellpadding="0" cellspacing="0" style="background:#fff;border-radius:8px">
<tr><td style="padding:24px"><img src="cid:{logo}" width="96" height="32" alt="Riverbank Music School"></td></tr>
<tr><td style="padding:0 24px"><h1 style="font-size:20px">{heading}</h1>
<p>Dear {name},</p>
<p>{opening} The amount of <b>&euro;&nbsp;{amount}</b> is due on {due}.</p></td></tr>
<tr><td style="padding:8px 24px"><table role="presentation" width="100%" style="border-collapse:collapse">
<tr><td style="border-bottom:1px solid #dde2ea;padding:6px 0">{lessons} lessons, piano</td>
<td align="right" style="border-bottom:1px solid #dde2ea">{fees}</td></tr>
<tr><td style="border-bottom:1px solid #dde2ea;padding:6px 0">Sheet music</td>
<td align="right" style="border-bottom:1px solid #dde2ea">{sheets}</td></tr>
<tr><td style="padding:6px 0"><b>Total</b></td><td align="right"><b>{amount}</b></td></tr>
</table></td></tr>
<tr><td style="padding:16px 24px 24px"><p>Invoice {invoice} is attached as a PDF.</p>
<p>Kind regards<br>Riverbank Music School</p></td></tr>
</table></td></tr></table>
</body>
</html>
"""
_TEXT = """\
Dear {name},

{opening} The amount of EUR {amount} is due on {due}.

Invoice {invoice} is attached as a PDF.

Kind regards
Riverbank Music School
"""


def invoice_of(person: Person) -> str:
    """Give the invoice's number."""
    return f"INV-{1_000 + person.number}"


def invoice_mail(person: Person, kind: str, now: float) -> bytes:
    """
    Write one mail, each line ended by CRLF.

    Args:
        person: To whom.
        kind: "invoice" or "reminder".
        now: Unix seconds.
    """
    words = _words(person, kind, now)
    mail = EmailMessage()
    mail["From"] = f"Riverbank Music School <{SENDER}>"
    mail["To"] = f"{person.name} <{person.address}>"
    mail["Subject"] = f"{words['invoice']} · {_SUBJECTS[kind]}"
    mail["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    mail["Message-ID"] = f"<{words['invoice'].lower()}.{kind}.{int(now)}@riverbank-music.test>"
    mail["X-Homing-Customer"] = person.customer
    mail["X-Homing-Invoice"] = words["invoice"]
    mail["X-Homing-Tag"] = kind
    mail.set_content(_TEXT.format(**words))
    mail.add_alternative(_HTML.format(**words), subtype="html")
    html = mail.get_payload(1)
    assert isinstance(html, EmailMessage)
    html.add_related(_LOGO, "image", "png", cid=f"<{_LOGO_ID}>", filename="logo.png", disposition="inline")
    mail.add_attachment(_pdf(words), "application", "pdf", filename=f"{words['invoice']}.pdf")
    for number, part in enumerate(mail.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_{words['invoice']}_{kind}_{number}")
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _words(person: Person, kind: str, now: float) -> dict[str, str]:
    lessons = 3 + person.number % 4
    sheets = person.number % 5 * 350
    fees = lessons * 2_400
    opening = {
        "invoice": "here is the invoice for this month's lessons.",
        "reminder": "we have not received your payment for this month's lessons yet.",
    }[kind]
    return {
        "name": person.name,
        "subject": _SUBJECTS[kind],
        "heading": _SUBJECTS[kind],
        "opening": opening.capitalize(),
        "invoice": invoice_of(person),
        "lessons": str(lessons),
        "fees": f"{fees / 100:.2f}",
        "sheets": f"{sheets / 100:.2f}",
        "amount": f"{(fees + sheets) / 100:.2f}",
        "due": f"{datetime.fromtimestamp(now, UTC) + timedelta(days=14):%d %B %Y}",
        "logo": _LOGO_ID,
    }


def _png(width: int, height: int) -> bytes:
    """Draw a small picture: a blue wave on white."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)  # no filter (PNG section 6.2)
        for x in range(width):
            wave = height / 2 + (height / 4) * (1 - abs((x % 32) - 16) / 8)
            rows += b"\x2a\x5b\xd7" if y > wave else b"\xff\xff\xff"
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    )


def _pdf(words: dict[str, str]) -> bytes:
    """Write a PDF of one page with three lines of text (ISO 32000-1 section 7.5)."""
    lines = (f"Invoice {words['invoice']}", words["name"], f"Total EUR {words['amount']}, due on {words['due']}")
    shown = " T* ".join(f"({_pdf_text(line)}) Tj" for line in lines)
    stream = f"BT /F1 14 Tf 18 TL 72 760 Td {shown} ET".encode("latin-1")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Font << /F1 5 0 R >> >>",
    )
    out = bytearray(b"%PDF-1.4\n")
    offsets: list[int] = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def _pdf_text(text: str) -> str:
    ascii_text = text.encode("latin-1", "replace").decode("latin-1")
    return ascii_text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


_LOGO = _png(96, 32)
