"""relay/message/dkim_body.py: the hash of a body, whole or piece by piece."""

import hashlib

import pytest
from dkim.canonicalization import Relaxed, Simple
from hypothesis import given
from hypothesis import strategies as st

from relay.message.dkim_body import BodyHash, Canonicalization

BOTH: list[Canonicalization] = ["simple", "relaxed"]
# What canonicalization looks at, in every order; CRLF line ends only, as in all that is signed.
BODIES = st.lists(st.sampled_from([b"\r\n", b" ", b"\t", b"a", b"b.c", b"\xff", b"  \r\n", b"x\r\n"]), max_size=30).map(
    b"".join
)


def judged(body: bytes, canonicalization: Canonicalization) -> bytes:
    """The hash by dkimpy, of the body as it arrives: SMTP ends the last line."""
    arrived = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    by = Relaxed if canonicalization == "relaxed" else Simple
    return hashlib.sha256(by.canonicalize_body(arrived)).digest()


@pytest.mark.parametrize(
    ("canonicalization", "body", "canonical"),
    [
        ("simple", b"", b"\r\n"),
        ("simple", b"\r\n", b"\r\n"),
        ("simple", b"\r\n\r\n", b"\r\n"),
        ("simple", b"a", b"a\r\n"),
        ("simple", b"a\r\n\r\n\r\n", b"a\r\n"),
        ("simple", b"\r\n\r\na\r\n\r\nb \r\n\r\n", b"\r\n\r\na\r\n\r\nb \r\n"),
        ("simple", b"a \t\r\n \r\n", b"a \t\r\n \r\n"),
        ("relaxed", b"", b""),
        ("relaxed", b"\r\n\r\n", b""),
        ("relaxed", b" \t\r\n \r\n", b""),
        ("relaxed", b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),
        ("relaxed", b"a  ", b"a\r\n"),
        ("relaxed", b"a\r\n \t", b"a\r\n"),
    ],
)
def test_the_rules(canonicalization: Canonicalization, body: bytes, canonical: bytes) -> None:
    """RFC 6376 section 3.4.3 to 3.4.5, with the cases at the end of a body."""
    assert BodyHash(canonicalization).update(body).digest() == hashlib.sha256(canonical).digest()


@pytest.mark.parametrize("canonicalization", BOTH)
@given(body=BODIES)
def test_any_body_hashes_as_dkimpy_has_it(canonicalization: Canonicalization, body: bytes) -> None:
    """Whatever the white space and line ends."""
    assert BodyHash(canonicalization).update(body).digest() == judged(body, canonicalization)


@pytest.mark.parametrize("canonicalization", BOTH)
@given(pieces=st.lists(st.binary(max_size=20) | BODIES, max_size=8))
def test_pieces_hash_as_the_whole(canonicalization: Canonicalization, pieces: list[bytes]) -> None:
    """However a body is cut, between CR and LF too, and whatever its bytes; and part of an object is as the part."""
    whole = b"".join(pieces)
    piecewise, by_slices = BodyHash(canonicalization), BodyHash(canonicalization)
    at = 0
    for piece in pieces:
        piecewise.update(piece)
        by_slices.update(whole, at, at + len(piece))
        at += len(piece)
    assert piecewise.digest() == BodyHash(canonicalization).update(whole).digest() == by_slices.digest()


@pytest.mark.parametrize("canonicalization", BOTH)
@given(body=BODIES, data=st.data())
def test_one_byte_at_a_time(canonicalization: Canonicalization, body: bytes, data: st.DataObject) -> None:
    """The hash of a prefix can be asked for, and a copy taken, at any place; each then goes its own way."""
    cut = data.draw(st.integers(0, len(body)))
    grown = BodyHash(canonicalization)
    for octet in body[:cut]:
        grown.update(bytes([octet]))
    assert grown.digest() == BodyHash(canonicalization).update(body[:cut]).digest()
    other = grown.copy().update(b"something else\r\n")
    assert grown.update(body[cut:]).digest() == BodyHash(canonicalization).update(body).digest()
    assert other.digest() == BodyHash(canonicalization).update(body[:cut] + b"something else\r\n").digest()


@pytest.mark.parametrize("canonicalization", BOTH)
def test_a_million_empty_lines(canonicalization: Canonicalization) -> None:
    """They are counted in blocks, and count only where something follows; each more costs the same as the last."""
    empty = b"\r\n" * 1_000_000
    body = BodyHash(canonicalization).update(b"a" + empty)
    assert body.digest() == hashlib.sha256(b"a\r\n").digest()
    assert body.update(b"b").digest() == hashlib.sha256(b"a" + empty + b"b\r\n").digest()
