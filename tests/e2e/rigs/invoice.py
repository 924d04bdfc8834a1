"""The mail that the tests send: an HTML invoice with an inline logo and a PDF, as clubs mail them."""

import binascii
import random
import struct
import zlib
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid

TEXT = "Liebe Anna,\n\nIhr Beitrag für November beträgt 42,00 €.\n\nDer Vorstand\n"
HTML = """\
<!DOCTYPE html>
<html lang="de"><head><meta charset="utf-8"><title>Rechnung</title>
<!-- </body> in a comment is no body's end -->
</head>
<body style="font-family: sans-serif">
<p><img src="cid:logo@club.test" width="64" height="64" alt="Logo"></p>
<h1>Rechnung INV-1042</h1>
<p>Liebe Anna,</p>
<p>Ihr Beitrag für November beträgt <b>42,00&nbsp;€</b> (fällig am 30.&nbsp;11.).</p>
<p>Der Vorstand</p>
</body>
</html>
"""


def logo() -> bytes:
    """Draw a PNG of 64 x 64 pixels that does not compress to nothing."""
    noise = random.Random(42)
    rows = b"".join(b"\0" + noise.randbytes(64 * 3) for _ in range(64))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", binascii.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pdf() -> bytes:
    """Write a PDF of one empty page and 30 kB of content that no reader shows."""
    filler = b"%" + random.Random(1042).randbytes(30_000).hex().encode() + b"\n"
    objects = (
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    )
    return b"%PDF-1.4\n" + objects + filler + b"trailer<</Root 1 0 R>>\n%%EOF\n"


def invoice(recipient: str, *, sender: str = "office@club.test", subject: str = "Rechnung für November") -> bytes:
    """
    Make the mail with Python's email package, with the line ends of SMTP.

    Text and HTML in multipart/alternative, the HTML with its logo in multipart/related, the PDF attached to all.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"Verein Nordlicht <{sender}>"
    mail["To"] = recipient
    mail["Subject"] = subject
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = make_msgid(domain="club.test")
    mail.set_content(TEXT)
    mail.add_alternative(HTML, subtype="html")
    parts = mail.get_payload()
    assert isinstance(parts, list)
    html = parts[1]
    assert isinstance(html, EmailMessage)
    html.add_related(logo(), "image", "png", cid="<logo@club.test>", filename="logo.png", disposition="inline")
    mail.add_attachment(pdf(), maintype="application", subtype="pdf", filename="Rechnung INV-1042.pdf")
    return mail.as_bytes()
