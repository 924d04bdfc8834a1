"""relay/sandbox/reading.py."""

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.sandbox.reading import header_of, pixel_paths

IMAGE = '<img src="https://track.test/o/abcDEF-_1234567890abcd.gif" width="1" height="1" alt="" style="border:0">'
PATH = "/o/abcDEF-_1234567890abcd.gif"


def html_mail(html: bytes, *headers: str) -> bytes:
    fields = ["MIME-Version: 1.0", *(headers or ("Content-Type: text/html; charset=utf-8",))]
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + html


@pytest.mark.parametrize(
    "mail",
    [
        html_mail(f"<p>x</p>{IMAGE}".encode()),
        html_mail(
            quopri.encodestring(f"<p>é</p>{IMAGE}".encode()),
            "Content-Type: text/html; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
        ),
        html_mail(base64.encodebytes(IMAGE.encode()), "Content-Type: text/html", "Content-Transfer-Encoding: base64"),
        html_mail(IMAGE.replace('"', "'").replace("img", "IMG").encode(), "Content-Type: text/html; charset=nonsense"),
        html_mail(IMAGE.encode("utf-16"), "Content-Type: text/html; charset=utf-16"),
        html_mail(
            f"--x\r\nContent-Type: text/plain\r\n\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n{IMAGE}\r\n--x".encode(),
            'Content-Type: multipart/alternative; boundary="x"',
        ),
    ],
)
def test_pixel_is_found(mail: bytes) -> None:
    """In each encoding and place a mail program would find it."""
    assert pixel_paths(mail) == [PATH]


@pytest.mark.parametrize(
    "mail",
    [
        html_mail(b"<p>no picture</p>"),
        html_mail(IMAGE.encode(), "Content-Type: text/plain"),
        html_mail(IMAGE.encode(), "Content-Type: text/html", "Content-Disposition: attachment; filename=x.html"),
        html_mail(b'<img src="https://track.test/logo.gif"><a href="https://track.test/o/abc.gif">x</a>'),
        html_mail(b'<img src="file:///o/abc.gif"><img src="cid:o/abc.gif">'),
        b"",
        b"no header at all",
    ],
)
def test_nothing_to_load(mail: bytes) -> None:
    """Plain text, attachments, links and other pictures hold no pixel."""
    assert pixel_paths(mail) == []


@given(st.binary(max_size=500))
def test_any_octets(octets: bytes) -> None:
    """Whatever the mail: a list, and no exception."""
    assert isinstance(pixel_paths(octets), list)
    assert isinstance(pixel_paths(html_mail(octets)), list)
    assert octets.startswith(header_of(octets))


def test_header_ends_at_the_empty_line_and_is_bounded() -> None:
    """The header with its last line end, whole lines only."""
    assert header_of(b"A: 1\r\nB: 2\r\n\r\nbody") == b"A: 1\r\nB: 2\r\n"
    assert header_of(b"A: 1\r\n" * 20_000 + b"\r\n").count(b"A: 1\r\n") == 65_536 // 6
