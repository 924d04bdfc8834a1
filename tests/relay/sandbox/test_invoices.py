"""relay/sandbox/invoices.py."""

import struct
import zlib
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from relay.sandbox.cast import cast
from relay.sandbox.invoices import invoice_mail

NOW = 1_800_000_000.0
PERSON = cast(5)[2]


def parsed(kind: str = "invoice") -> EmailMessage:
    mail = message_from_bytes(invoice_mail(PERSON, kind, NOW), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert not any(part.defects for part in mail.walk())
    return mail


@pytest.mark.parametrize("kind", ["invoice", "reminder"])
def test_mail_as_an_application_sends_it(kind: str) -> None:
    """Text and HTML, a logo that the HTML refers to, a PDF; the ids in headers; CRLF and no line over 998."""
    mail = parsed(kind)
    assert [part.get_content_type() for part in mail.walk() if not part.is_multipart()] == [
        "text/plain",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    assert (mail["X-Homing-Customer"], mail["X-Homing-Tag"]) == (PERSON.customer, kind)
    html = mail.get_body(("html",))
    assert html is not None
    assert mail["X-Homing-Invoice"] in html.get_content()
    assert "cid:logo@riverbank-music.test" in html.get_content()
    raw = invoice_mail(PERSON, kind, NOW)
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_same_each_time() -> None:
    """No chance in it: the same person, kind and time give the same octets."""
    assert invoice_mail(PERSON, "invoice", NOW) == invoice_mail(PERSON, "invoice", NOW)


def test_logo_is_a_picture() -> None:
    """A PNG whose blocks are whole."""
    logo = next(part for part in parsed().walk() if part.get_content_type() == "image/png").get_content()
    assert logo.startswith(b"\x89PNG\r\n\x1a\n")
    at, kinds = 8, []
    while at < len(logo):
        (length,) = struct.unpack(">I", logo[at : at + 4])
        block = logo[at + 4 : at + 8 + length]
        kinds.append(block[:4])
        assert struct.unpack(">I", logo[at + 8 + length : at + 12 + length]) == (zlib.crc32(block),)
        at += 12 + length
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]


def test_pdf_finds_its_objects() -> None:
    """Each offset of the cross-reference table leads to its object."""
    pdf = next(part for part in parsed().walk() if part.get_content_type() == "application/pdf").get_content()
    assert pdf.startswith(b"%PDF-1.4")
    start = int(pdf.rsplit(b"startxref\n", 1)[1].split()[0])
    rows = pdf[start:].split(b"\n")[3:]
    for number, row in enumerate(rows[:6], 1):
        assert pdf[int(row[:10]) :].startswith(b"%d 0 obj" % number)
