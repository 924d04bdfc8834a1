"""Tests of relay/message/header.py."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.message import header as headers

MAIL = b"From: a@b\r\nSUBJECT : one\r\n two\r\n\tthree\r\nBcc:\r\nX-Y:z\r\n\r\nbody: no\r\n"


def test_fields_lie_where_they_say() -> None:
    """Each field has its name in lower case and the offsets of its own lines, folds included."""
    found = headers.fields(MAIL)
    assert [field.name for field in found] == ["from", "subject", "bcc", "x-y"]
    assert [MAIL[field.start : field.end] for field in found] == [
        b"From: a@b\r\n",
        b"SUBJECT : one\r\n two\r\n\tthree\r\n",
        b"Bcc:\r\n",
        b"X-Y:z\r\n",
    ]
    assert headers.value(MAIL, found[1]) == b"one two\tthree"
    assert headers.value(MAIL, found[3]) == b"z"


def test_the_body_starts_behind_the_empty_line() -> None:
    """What looks like a field behind the empty line is none."""
    header = headers.scan(MAIL)
    assert MAIL[header.body :] == b"body: no\r\n"
    assert MAIL[header.end : header.body] == b"\r\n"
    assert not header.broken


@pytest.mark.parametrize(
    ("raw", "names", "broken"),
    [
        (b"", [], False),
        (b"\r\nbody", [], False),
        (b"A: b", ["a"], False),
        (b"A: b\r\n", ["a"], False),
        (b"A: b\r\n c", ["a"], False),
        (b"A: b\r\nno field\r\nBcc: c\r\n\r\n", ["a", "", "bcc"], True),
        (b" folded first\r\nA: b\r\n\r\n", ["", "a"], True),
        (b": x\r\nA: b\r\n\r\n", ["", "a"], True),
        (b"\xc3\xa9: x\r\nA: b\r\n\r\n", ["", "a"], True),
        (b"From me Mon Jan\r\nA: b\r\n\r\n", ["a"], False),
        (b">From me 10:00:00\r\nA: b\r\n\r\n", ["a"], False),
    ],
)
def test_odd_blocks(raw: bytes, names: list[str], broken: bool) -> None:  # noqa: FBT001 - a table
    """A line that is no field makes the block broken and does not hide the fields below it."""
    header = headers.scan(raw)
    assert [field.name for field in header.fields] == names
    assert header.broken is broken


def test_a_mailbox_mark_stays_first() -> None:
    """New fields go behind a mailbox file's "From " line."""
    assert headers.scan(b"From a b\r\nA: b\r\n\r\n").top == 10
    assert headers.scan(b"From: b\r\n\r\n").top == 0


def test_too_many_fields_are_only_measured() -> None:
    """A header over the limits is not listed, but its size and its number of fields are known."""
    bomb = b"A: b\r\n" * 30_000 + b"\r\n"
    header = headers.scan(bomb)
    assert header.fields == ()
    assert header.broken
    assert headers.measure(bomb) == (180_000, 30_000)
    assert headers.measure(MAIL) == (len(MAIL) - len(b"\r\nbody: no\r\n"), 4)
    assert headers.measure(bomb, 600) == (600, 100)
    assert headers.measure(MAIL, len(MAIL)) == headers.measure(MAIL)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?Q?R=C3=BCckstand_1?=", "Rückstand 1"),
        (b"=?UTF-8?B?UsO8Y2s=?=", "Rück"),
        (b"=?utf-8?b?UsO8Y2s?=", "Rück"),
        (b"=?utf-8*de?q?=C3=BC?=", "ü"),
        (b"=?iso-8859-1?q?=FC?= =?iso-8859-1?q?=E4?= x", "üä x"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        (b"a =?utf-8?q?b?= c =?utf-8?q?d?=", "a b c d"),
        (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        (b"=?x-unknown?q?abc?=", "=?x-unknown?q?abc?="),
        (b"=?utf-8?b?!!?=", ""),
        (b"=?utf-8?q?open", "=?utf-8?q?open"),
        ("größe".encode(), "größe"),
        (b"gr\xf6\xdfe", "größe"),
    ],
)
def test_encoded_words(written: bytes, read: str) -> None:
    """Encoded words are decoded, neighbours joined, and what is broken stays as it is."""
    assert headers.decode_words(written) == read


def test_text_is_one_line() -> None:
    """Control characters that hide in encoded words become blanks."""
    raw = b"Subject: =?utf-8?q?a=0D=0ABcc:_b=00c?=\r\n\r\n"
    assert headers.text(raw, headers.fields(raw)[0]) == "a  Bcc: b c"


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=60))
def test_what_python_encodes_is_read_back(subject: str) -> None:
    """A subject that the email package encoded and folded reads as it was."""
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = subject
    raw = message.as_bytes()
    assert headers.text(raw, headers.fields(raw)[0]) == subject


@given(st.binary(max_size=200))
def test_any_bytes_are_read(raw: bytes) -> None:
    """The fields cover the block without gaps or overlaps, whatever the bytes, and decoding never raises."""
    header = headers.scan(raw)
    at = header.top
    for field in header.fields:
        assert field.start == at
        assert field.start <= field.value_start <= field.end
        headers.text(raw, field).encode("utf-8")
        at = field.end
    assert at == header.end or not header.fields
