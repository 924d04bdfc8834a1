"""Tests of relay/message/charset.py."""

import codecs

import pytest

from relay.message import charset
from relay.message.charset import MASK, known_codec, shadow

SYNTAX = b"<>\"'-/!= \t\r\n"


@pytest.mark.parametrize("codec", sorted(set(charset._SUPERSETS.values()) - {""}))
def test_what_is_called_a_superset_is_one(codec: str) -> None:
    """In each listed set HTML's own characters are the ASCII octets, and never the second octet of a character."""
    for octet in SYNTAX:
        assert bytes([octet]).decode(codec) == chr(octet)
        for lead in range(0x80, 0x100):
            pair = bytes([lead, octet]).decode(codec, "ignore")
            assert not pair or pair.endswith(chr(octet))


def test_every_codec_exists() -> None:
    """Each codec in the tables is one of Python's."""
    for table in (charset._SUPERSETS, charset._ISO_2022):
        for codec in filter(None, table.values()):
            codecs.lookup(codec)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("UTF-8", "utf-8"), ("utf8", "utf-8"), ("Windows-1252", "cp1252"), ("ISO_8859-15", "iso8859-15"), ("rot13", ""),
     ("", ""), ("x" * 10_000, ""), ("base64", ""), ("idna", ""), ("UTF-16LE", "utf-16-le")],
)  # fmt: skip
def test_names_are_a_closed_list(name: str, codec: str) -> None:
    """Names are read without punctuation and case; others than listed are unknown."""
    assert known_codec(name) == codec


HTML = "<p>日本語</p></body>"


@pytest.mark.parametrize(
    ("name", "text", "unit"),
    [
        ("utf-8", HTML.encode(), 1),
        ("", HTML.encode(), 1),
        ("utf-8", b"\xef\xbb\xbf<p>", 1),
        ("utf-16", HTML.encode("utf-16"), 2),
        ("utf-16", HTML.encode("utf-16-be"), 2),
        ("utf-16le", HTML.encode("utf-16-le"), 2),
        ("utf-16be", "<p>x".encode("utf-16-be"), 2),
        ("utf-32", HTML.encode("utf-32"), 4),
        ("utf-32be", HTML.encode("utf-32-be"), 4),
    ],
)
def test_the_shadow_shows_ascii(name: str, text: bytes, unit: int) -> None:
    """The shadow has the ASCII characters where the text has them, one octet to a unit."""
    found = shadow(text, name)
    assert found is not None
    assert found.unit == unit
    assert len(found.octets) * unit == len(text)
    for tag in ("<p>", "</body>"):
        at = found.octets.find(tag.encode())
        if at >= 0:
            codec = found.codec if unit > 1 else "ascii"
            assert text[at * unit : (at + len(tag)) * unit].decode(codec) == tag


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("utf-7", b"<p>"),
        ("hz-gb-2312", b"<p>"),
        ("x-unknown", b"<p>"),
        ("cp037", b"<p>"),
        ("utf-8", HTML.encode("utf-16")),
        ("iso-8859-1", b"\xef\xbb\xbf<p>"),
        ("utf-16le", HTML.encode("utf-16-be").join([b"\xfe\xff", b""])),
        ("utf-16", b"a\0b\0"),
        ("utf-16le", b"abc"),
        ("utf-16", b"\xef\xbb\xbf<p>"),
        ("", b"<\0p\0>\0"),
    ],
)
def test_what_is_unsafe_has_no_shadow(name: str, text: bytes) -> None:
    """Unknown and stateful sets, contradicting marks and NULs are refused."""
    assert shadow(text, name) is None


def test_iso_2022_is_shown_in_its_ascii_state_only() -> None:
    """Japanese text in ISO-2022-JP whose octets look like tags is hidden, and the tags around it are not."""
    # 0x3C is "<": these characters are written with it.
    text = "<p>日常、ゼ</p>".encode("iso-2022-jp")
    found = shadow(text, "iso-2022-jp")
    assert found is not None
    assert len(found.octets) == len(text)
    assert found.octets.startswith(b"<p>" + MASK)
    assert found.octets.endswith(b"\x1b(B</p>")
    assert found.octets.count(b"<") == 2
    korean = shadow("<p>한</p>".encode("iso-2022-kr"), "iso-2022-kr")
    assert korean is not None
    assert korean.octets.endswith(b"\x0f</p>")
