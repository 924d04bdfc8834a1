"""Tests of relay/message/transfer.py."""

import base64
import binascii
import quopri

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.message import transfer

QP = st.lists(
    st.sampled_from(
        [b"=41", b"=3D", b"a", b"\r\n", b"=\r\n", b" ", b"\t", b"bcd" * 30, b"=C3=BC", b".", b"</b>", b"=3C/b>", b"<"]
    ),
    max_size=200,
).map(b"".join)
TEXT = st.lists(
    st.sampled_from([b"a", b"=", b"\r\n", b" ", b"\t", b"--b", b"x" * 200, b"\xc3\xbc", b".", b"\0", b"\x1b"]),
    max_size=60,
).map(b"".join)


@given(QP, st.floats(0, 1))
def test_each_offset_of_the_text_is_found(body: bytes, share: float) -> None:
    """What lies before and behind the found offset decodes to what lies before and behind in the text."""
    quoted = transfer.QuotedPrintable(body)
    assert quoted.text == binascii.a2b_qp(body)
    offset = int(share * len(quoted.text))
    at = quoted.offset_of(offset)
    assert binascii.a2b_qp(body[:at]) == quoted.text[:offset]
    assert binascii.a2b_qp(body[at:]) == quoted.text[offset:]
    assert not body[at:].startswith(b"=\r\n")


BROKEN_QP = [b"=", b"=4", b"==", b"= \r\n", b"a", b"=\r\n", b"\r\n", b"</b>", b"=3C"]


@given(st.lists(st.sampled_from(BROKEN_QP), max_size=60).map(b"".join))
def test_broken_escapes_are_told_or_harmless(body: bytes) -> None:
    """Between broken escapes an offset is -1, or a soft line break there changes nothing."""
    quoted = transfer.QuotedPrintable(body)
    for offset in range(len(quoted.text) + 1):
        at = quoted.offset_of(offset)
        if at >= 0:
            split = body[:at] + b"=\r\n<i>=\r\n" + body[at:]
            assert binascii.a2b_qp(split) == quoted.text[:offset] + b"<i>" + quoted.text[offset:]


@given(TEXT)
@example(b"aaa=====" + b"x" * 200 + b"\xc3\xbc \r\n")  # a blank at the end of a line that is just full
def test_text_survives_quoted_printable(text: bytes) -> None:
    """Encoded text decodes to itself, by an independent decoder too, in ASCII lines of at most 76 octets."""
    encoded = transfer.to_qp(text)
    assert binascii.a2b_qp(encoded) == text
    assert quopri.decodestring(encoded.replace(b"\r\n", b"\n")) == text.replace(b"\r\n", b"\n")
    assert encoded.isascii()
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    assert not any(line.startswith(b"--") for line in encoded.split(b"\r\n")[1:])


@given(st.binary(max_size=400))
def test_octets_survive_base64(octets: bytes) -> None:
    """Encoded octets decode to themselves, in lines of at most 76 octets."""
    encoded = transfer.to_base64(octets)
    assert transfer.from_base64(encoded) == octets
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))


@pytest.mark.parametrize("body", [b"PGk+\r\nPGk+\r\n", b"PGk+ \r\n\tPGk+", b"PGk+PGk+"])
def test_white_space_in_base64_means_nothing(body: bytes) -> None:
    """Line ends, blanks and tabs are passed over."""
    assert transfer.from_base64(body) == b"<i><i>"


@pytest.mark.parametrize("body", [b"PGk", b"PG!+", b"PA==PA==", b"=", b"PGk+\r\n-- \r\nfooter", b"PGk-"])
def test_base64_is_strict(body: bytes) -> None:
    """What is not all base64 is left alone."""
    assert transfer.from_base64(body) is None


@given(st.binary(max_size=300), st.sampled_from([4, 60, 76, 77, 1000]), st.floats(0, 1))
def test_the_line_before_an_offset(octets: bytes, width: int, share: float) -> None:
    """A line is found that starts at a whole group, not behind the offset, for lines of any length."""
    plain = base64.b64encode(octets)
    body = b"\r\n".join(plain[at : at + width] for at in range(0, len(plain), width))
    offset = int(share * len(octets))
    line, decoded = transfer.base64_line_before(body, offset)
    assert decoded <= offset
    assert line == 0 or body[line - 2 : line] == b"\r\n"
    assert base64.b64decode(body[line:]) == octets[decoded:]


@given(QP)
def test_long_lines_of_quoted_printable(body: bytes) -> None:
    """Long lines are broken by soft line breaks alone."""
    done = transfer.shorten_qp(body, 76)
    assert binascii.a2b_qp(done) == binascii.a2b_qp(body)
    assert all(len(line) <= 76 for line in done.split(b"\r\n"))


def test_long_lines_of_base64() -> None:
    """Long lines are folded, short ones stay, and what is no base64 is left alone."""
    body = b"PGk+\r\n" + b"PGk+" * 300
    done = transfer.shorten_base64(body, 998)
    assert done is not None
    assert done.replace(b"\r\n", b"") == body.replace(b"\r\n", b"")
    assert done.startswith(b"PGk+\r\n")
    assert max(map(len, done.split(b"\r\n"))) == 76
    assert transfer.shorten_base64(b"-" * 999, 998) is None
