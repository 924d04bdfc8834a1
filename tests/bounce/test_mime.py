"""bounce/mime.py: parts and fields of mails that nobody vouches for, within limits."""

# ruff: noqa: E501 mails and header lines are easier to compare unfolded, and speak many languages

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounce import mime
from bounce.mime import content_type, decode_words, parse


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_any_kind(end: str) -> None:
    """Fields and parts are the same whatever ends the lines."""
    raw = end.join(["Subject: a", " b", "Content-Type: multipart/mixed; boundary=x", "", "--x", "", "one", "--x--", ""])
    part = parse(raw.encode())
    assert part.headers.get("subject") == "a b"
    assert [p.text() for p in part.parts] == ["one"]


def test_delimiter_that_begins_like_another() -> None:
    """The boundary "b" does not end at the line "--bb"."""
    part = parse(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--bb\ntwo\n--b--\n")
    assert [p.text() for p in part.parts] == ["one\n--bb\ntwo"]


def test_missing_last_delimiter() -> None:
    """What is left is the last part."""
    part = parse(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n")
    assert [p.text().strip() for p in part.parts] == ["one", "two"]


def test_boundary_that_the_header_does_not_name() -> None:
    """The first line that looks like a delimiter is taken for one."""
    part = parse(b"Content-Type: multipart/mixed\n\n--=_abcdef\n\none\n--=_abcdef--\n")
    assert [p.text() for p in part.parts] == ["one"]


def test_returned_mails_are_not_descended_into() -> None:
    """A message/rfc822 part has a header to read, and no parts."""
    part = parse(
        b"Content-Type: message/rfc822\n\nTo: ann@customer.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n"
    )
    assert part.parts == []
    assert part.inner_headers().get("to") == "ann@customer.example"


def test_depth_at_the_limit_and_past_it() -> None:
    """Multiparts are opened up to MAX_DEPTH inside one another; deeper ones are leaves."""

    def nested(depth: int) -> bytes:
        return (
            b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth))
            + b"\nx\n"
        )

    assert len(parse(nested(mime.MAX_DEPTH)).walk()) == mime.MAX_DEPTH + 1
    assert len(parse(nested(mime.MAX_DEPTH + 1)).walk()) == mime.MAX_DEPTH + 1
    assert len(parse(nested(400)).walk()) == mime.MAX_DEPTH + 1


def test_parts_at_the_limit_and_past_it() -> None:
    """No more than MAX_PARTS parts are opened, whoever sends a thousand."""
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 1_000
    assert len(parse(raw).walk()) == mime.MAX_PARTS


def test_fields_at_the_limit() -> None:
    """Fields past MAX_FIELDS and octets past MAX_VALUE are not seen."""
    headers = parse(b"".join(b"X-%d: a\n" % n for n in range(mime.MAX_FIELDS + 9)) + b"\n").headers
    assert len(headers.fields) == mime.MAX_FIELDS
    assert len(parse(b"Subject:" + b"a" * 99_999 + b"\n\n").headers.get("subject")) == mime.MAX_VALUE


def test_texts_at_the_limit() -> None:
    """A text of twelve megabytes is decoded up to MAX_TEXT."""
    assert len(parse(b"\n" + b"a" * 12_000_000).text()) == mime.MAX_TEXT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('Text/Plain; charset="utf-8"', ("text/plain", {"charset": "utf-8"})),
        (
            'multipart/report; report-type=delivery-status; boundary="a;b"',
            ("multipart/report", {"report-type": "delivery-status", "boundary": "a;b"}),
        ),
        ("text", ("text/plain", {})),
        ("", ("text/plain", {})),
        ("text/html (comment); charset = x", ("text/html", {"charset": "x"})),
    ],
)
def test_content_type(value: str, expected: tuple[str, dict[str, str]]) -> None:
    """RFC 2045, read leniently."""
    assert content_type(value, "text/plain") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=?utf-8?q?caf=C3=A9_x?=", "café x"),
        ("=?utf-8?B?Y2Fmw6k=?= =?utf-8?B?Y2Fmw6k=?=", "cafécafé"),
        ("=?no-such-charset?Q?abc?=", "abc"),
        ("=?utf-8?B?Y2Fmw6k?=", "café"),
        ("=?utf-8?B?Y?=", ""),
        ("plain =? text", "plain =? text"),
    ],
)
def test_encoded_words(value: str, expected: str) -> None:
    """RFC 2047; what cannot be decoded stays."""
    assert decode_words(value) == expected


@given(st.binary(max_size=2_000))
def test_any_octets_give_a_part(raw: bytes) -> None:
    """Whatever the octets: a part, all of whose texts can be read."""
    for part in parse(raw).walk():
        part.text()
        part.inner_headers()
