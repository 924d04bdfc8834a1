"""Tests of relay/message/mime.py."""

import pytest

from relay.message import header as headers
from relay.message import mime

NESTED = (
    b"Content-Type: multipart/mixed; boundary=out\r\n\r\npreamble\r\n"
    b"--out\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n"
    b"--in\r\n\r\nplain\r\n"
    b"--in  \t\r\nContent-Type: text/html\r\n\r\n<p>\r\n--in--\r\n"
    b"--out\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Content-Type: multipart/mixed; boundary=far\r\n\r\n--far\r\n\r\nx\r\n--far--\r\n"
    b"--out--\r\nepilogue --out\r\n"
)


def test_parts_have_their_numbers_and_bytes() -> None:
    """Parts are numbered as IMAP does, and each body ends before the CRLF of the delimiter behind it."""
    structure = mime.scan(NESTED)
    assert structure.trouble == ""
    assert [(part.number, part.kind.essence) for part in structure.parts] == [
        ("", "multipart/mixed"),
        ("1", "multipart/alternative"),
        ("1.1", "text/plain"),
        ("1.2", "text/html"),
        ("2", "message/rfc822"),
    ]
    assert [NESTED[part.body : part.end] for part in structure.parts[2:4]] == [b"plain", b"<p>"]
    assert NESTED[structure.parts[4].body : structure.parts[4].end].endswith(b"--far--")


def test_a_single_part_is_number_one() -> None:
    """A mail without parts is its own part 1, up to the end."""
    (part,) = mime.scan(b"A: b\r\n\r\nhello\r\n").parts
    assert (part.number, part.kind.essence, part.encoding) == ("1", "text/plain", "7bit")
    assert part.end == 15


@pytest.mark.parametrize("limit", [70, 71])
def test_boundary_at_the_limit_and_one_past_it(limit: int) -> None:
    """A boundary has up to 70 octets."""
    boundary = b"b" * limit
    raw = b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n--%s\r\n\r\nx\r\n--%s--' % (
        boundary,
        boundary,
        boundary,
    )
    assert mime.scan(raw).trouble == ("" if limit == 70 else "boundary too long")


@pytest.mark.parametrize("depth", [mime.MAX_DEPTH, mime.MAX_DEPTH + 1])
def test_depth_at_the_limit_and_one_past_it(depth: int) -> None:
    """Fifty multiparts may be nested."""
    opening = b"".join(b"Content-Type: multipart/mixed; boundary=b%d-\r\n\r\n--b%d-\r\n" % (n, n) for n in range(depth))
    closing = b"".join(b"\r\n--b%d---" % n for n in reversed(range(depth)))
    assert mime.scan(opening + b"\r\nx" + closing).trouble == ("" if depth == mime.MAX_DEPTH else mime.TOO_DEEP)


@pytest.mark.parametrize("parts", [mime.MAX_PARTS - 1, mime.MAX_PARTS])
def test_parts_at_the_limit_and_one_past_it(parts: int) -> None:
    """Five thousand parts may be there, the root among them."""
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * parts + b"--b--"
    assert mime.scan(raw).trouble == ("" if parts < mime.MAX_PARTS else mime.TOO_MANY)


HEAD = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx\r\n--b--",
        b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\nx\r\n----',
        b"Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n--b\r\n\r\nx\r\n--b--",
        HEAD + b"no delimiter at all",
        HEAD + b"--b\r\n\r\nnever closed\r\n",
        HEAD + b"--b\r\n" + HEAD + b"--b\r\n\r\nsame boundary inside\r\n--b--\r\n--b--",
        HEAD + b"--b\r\nContent-Type: multipart/mixed; boundary=b--\r\n\r\n--b--\r\n\r\nx\r\n--b----\r\n--b--",
        HEAD + b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nopen\r\n--b--",
    ],
)
def test_doubtful_structures_are_told(raw: bytes) -> None:
    """Boundaries that are missing, not closed or the same at two levels are trouble."""
    assert mime.scan(raw).trouble == mime.BROKEN


@pytest.mark.parametrize(
    ("part", "doubtful"),
    [
        (b"Content-Type: text/html\r\n\r\nx", False),
        (b"Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\nx", True),
        (b"Content-Type: text/html\r\nno field\r\n\r\nx", True),
        (b"Content-Type: text/html\r\n--c\r\n\r\nx", True),
        (b"Content-Type: text/html", False),
        (b"", False),
        (b"\r\nx", False),
    ],
)
def test_headers_of_parts(part: bytes, doubtful: bool) -> None:  # noqa: FBT001 - a table
    """A part whose header contradicts itself or has lines that are no fields is doubtful."""
    structure = mime.scan(HEAD + b"--b\r\n" + part + b"\r\n--b--\r\n")
    assert structure.trouble == ""
    assert structure.parts[1].doubtful is doubtful
    assert structure.parts[1].body <= structure.parts[1].end


def test_the_same_header_is_found_wherever_it_stands() -> None:
    """A header that is known from another part, or another mail, lies where this one's does."""
    part = b"--b\r\nContent-Type: text/html; charset=x\r\nX-Folded: a\r\n b\r\n\r\n<p>\r\n"
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 3 + b"--b--\r\n"
    structure = mime.scan(raw)
    for one in structure.parts[1:]:
        assert one.header == headers.scan(raw, one.header.start, one.body)
        assert raw[one.header.fields[1].start : one.header.end] == b"X-Folded: a\r\n b\r\n"
        assert (raw[one.body : one.end], one.kind.parameters) == (b"<p>", {"charset": "x"})
    (forwarded,) = mime.scan(b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\nX: y\r\n\r\n--b--\r\n").parts[
        1:
    ]
    assert forwarded.kind.essence == "message/rfc822"


def test_a_longer_boundary_is_another_one() -> None:
    """A line that only begins like a delimiter is text."""
    structure = mime.scan(HEAD + b"--b\r\n\r\none\r\n--bb\r\n--b x\r\n--b\r\n\r\ntwo\r\n--b--")
    assert len(structure.parts) == 3


def test_each_byte_count_of_a_mail_is_scanned() -> None:
    """Cut off after any octet, a mail is scanned without an exception, and parts stay inside it."""
    for size in range(len(NESTED)):
        for part in mime.scan(NESTED[:size]).parts:
            assert 0 <= part.body <= part.end <= size
