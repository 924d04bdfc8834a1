"""Tests of relay/message/body.py: which part is the body, and why there is none."""

import pytest

from relay.message.copy import plan


def multipart(kind: bytes, *parts: bytes, boundary: bytes = b"b", more: bytes = b"") -> bytes:
    inside = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return (
        b"Content-Type: multipart/"
        + kind
        + b"; boundary="
        + boundary
        + more
        + b"\r\n\r\n"
        + inside
        + b"--"
        + boundary
        + b"--"
    )


PLAIN = b"Content-Type: text/plain\r\n\r\nhello"
HTML = b"Content-Type: text/html\r\n\r\n<p>hello</p>"
EMPTY = b"Content-Type: text/html\r\n\r\n \r\n"
FILE = b'Content-Type: text/html; name="a.html"\r\n\r\n<p>file</p>'
ATTACHED = b"Content-Type: text/html\r\nContent-Disposition: attachment\r\n\r\n<p>file</p>"
IMAGE = b"Content-Type: image/png\r\nContent-ID: <logo>\r\n\r\nxx"
NAMED = b"Content-Type: text/html\r\nContent-ID: <root>\r\n\r\n<p>hello</p>"
AMP = b"Content-Type: text/x-amp-html\r\n\r\n<html amp4email></html>"
CALENDAR = b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR"
FORWARDED = b"Content-Type: message/rfc822\r\n\r\n" + HTML


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        (HTML, "1"),
        (multipart(b"alternative", PLAIN, HTML), "2"),
        (multipart(b"alternative", PLAIN, AMP, HTML), "3"),
        (multipart(b"alternative", PLAIN, HTML, CALENDAR), "2"),
        (multipart(b"alternative", HTML, PLAIN), "1"),
        (multipart(b"alternative", PLAIN, HTML, HTML), "3"),
        (multipart(b"mixed", PLAIN, HTML), "2"),
        (multipart(b"mixed", HTML, IMAGE, HTML), "1"),
        (multipart(b"mixed", EMPTY, IMAGE, HTML), "3"),
        (multipart(b"mixed", FILE, ATTACHED, HTML), "3"),
        (multipart(b"mixed", FORWARDED, HTML), "2"),
        (multipart(b"unknown", PLAIN, HTML), "2"),
        (multipart(b"related", HTML, IMAGE), "1"),
        (multipart(b"related", IMAGE, NAMED, more=b'; start="<root>"'), "2"),
        (multipart(b"related", NAMED, IMAGE, more=b'; start="<gone>"'), "1"),
        (multipart(b"mixed", multipart(b"alternative", PLAIN, HTML, boundary=b"c"), IMAGE), "1.2"),
        (
            multipart(
                b"mixed",
                multipart(b"alternative", PLAIN, multipart(b"related", HTML, IMAGE, boundary=b"d"), boundary=b"c"),
            ),
            "1.2.1",
        ),
        (multipart(b"mixed", multipart(b"digest", HTML, boundary=b"c"), HTML), "2"),
        (b"mime-version: 1.0\r\nCONTENT-TYPE: Text/HTML\r\n\r\n<p>x", "1"),
    ],
)
def test_the_body(raw: bytes, part: str) -> None:
    """The pixel goes into the HTML that a mail program shows first, never into a file or a forwarded mail."""
    made = plan(raw)
    assert (made.why, made.part) == ("", part)


SIGNED = multipart(b"signed", HTML, b"Content-Type: application/pgp-signature\r\n\r\nx", boundary=b"s")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "plain text only"),
        (PLAIN, "plain text only"),
        (multipart(b"mixed", PLAIN, IMAGE), "plain text only"),
        (multipart(b"mixed", PLAIN, FILE), "plain text only"),
        (multipart(b"mixed", PLAIN, FORWARDED), "plain text only"),
        (IMAGE, "no html body"),
        (ATTACHED, "no html body"),
        (CALENDAR, "no html body"),
        (SIGNED, "signed mail"),
        (multipart(b"mixed", SIGNED, HTML), "signed mail"),
        (multipart(b"mixed", HTML, SIGNED), "signed mail"),
        (multipart(b"encrypted", HTML), "encrypted"),
        (b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nx", "encrypted"),
        (b"Content-Type: application/x-pkcs7-mime; smime-type=signed-data\r\n\r\nx", "signed mail"),
        (multipart(b"mixed", HTML, b"Content-Type: application/pkcs7-mime\r\n\r\nx"), "encrypted"),
        (b"Content-Type: text/html\r\n\r\n<pre>-----BEGIN PGP MESSAGE-----", "encrypted"),
        (multipart(b"report", HTML, more=b"; report-type=delivery-status"), "bounce report"),
        (b"Content-Type: message/partial; id=x\r\n\r\n" + HTML, "part of a split mail"),
        (multipart(b"mixed", HTML)[:-4], "broken mime structure"),
        (b"Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\n<p>", "broken mime structure"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: 7bit\r\ncontent-transfer-encoding: 8bit\r\n\r\n<p>",
         "broken mime structure"),
        (b"Content-Type: text/html\r\nwhat is this\r\n\r\n<p>", "broken mime structure"),
        (b"DKIM-Signature: v=1; d=example.org; s=x\r\n" + HTML, "already DKIM-signed"),
        (b"ARC-Message-Signature: i=1; d=example.org\r\n" + HTML, "already DKIM-signed"),
        (b"DKIM-Signature: v=1; d=example.org; s=x\r\n" + PLAIN, "plain text only"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: binary\r\n\r\n<p>", "unknown transfer encoding"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n<p>", "unknown transfer encoding"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n<p>", "broken base64"),
        (b"Content-Type: text/html; charset=utf-7\r\n\r\n<p>", "unknown character set"),
        (b"Content-Type: text/html; charset=utf-16\r\n\r\n<p>", "unknown character set"),
        (b"Content-Type: text/html; charset=iso-2022-jp\r\n\r\n<p>\x1b$BF|", "unknown character set"),
        (b"Content-Type: text/html\r\n\r\n<!-- x", "no visible place in the html"),
        (EMPTY, "no html body"),
    ],
)  # fmt: skip
def test_why_not(raw: bytes, why: str) -> None:
    """What must not be touched is not, and the reason is said in plain words."""
    made = plan(raw)
    assert (made.why, made.part, made.spot) == (why, "", None)


@pytest.mark.parametrize(
    ("domains", "why"),
    [({"example.org"}, "already DKIM-signed"), ({"example.org", "example.net"}, ""), (set(), "already DKIM-signed")],
)
def test_signed_mail_is_tracked_when_all_signers_are_ours(domains: set[str], why: str) -> None:
    """A mail that is DKIM-signed already gets a pixel only where Homing signs again for each of its signers."""
    raw = b"DKIM-Signature: v=1; a=rsa-sha256;\r\n d=Example.ORG ; s=x\r\nDKIM-Signature: d=example.net\r\n" + HTML
    assert plan(raw, signs_for=domains.__contains__).why == why
