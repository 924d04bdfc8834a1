"""bounce/take_out.py: nobody who is handed a report can read our return path in it."""

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounce.take_out import take_out
from bounce.verp import ReturnPaths
from store.ids import Ids
from store.seal import Seal

DOMAIN = "bounce.homing.example"
PATHS = ReturnPaths(Seal(b"k" * 32, kind=2), DOMAIN, 60.0, aligned=("bounce.club.example",))
RECIPIENT = Ids(1, lambda: 1_790_000_000.0).next()
PATH = PATHS.encode(RECIPIENT)
WORD = PATH.partition("@")[0]
SENDER = "office@club.example"
ELSEWHERE = ReturnPaths(Seal(b"other" + b"k" * 27, kind=2), DOMAIN, 60.0).encode(RECIPIENT)


@pytest.mark.parametrize(
    ("written", "handed_on"),
    [
        (f"To: <{PATH}>", f"To: <{SENDER}>"),
        (f"Final-Recipient: rfc822;{PATH.upper()}", f"Final-Recipient: rfc822;{SENDER}"),
        (f"Return-Path: <{WORD}@bounce.club.example>", f"Return-Path: <{SENDER}>"),
        (f"<prvs=0123abcdef={PATH}>", f"<prvs=0123abcdef={SENDER}>"),
        (f"<SRS0=x1=yz={DOMAIN}={WORD}@forwarder.example>", f"<SRS0=x1=yz={DOMAIN}=office@forwarder.example>"),
        (f"{PATH} {PATH}", f"{SENDER} {SENDER}"),
        (f"prvs=3D0123=3D{WORD}=40{DOMAIN}", f"prvs=3D0123=3D{SENDER}"),
        (f"{WORD[:9]}=\r\n{WORD[9:]}@bounce=\r\n.homing.example", SENDER),
        (f"{WORD}=\n@{DOMAIN}", SENDER),
        (ELSEWHERE, ELSEWHERE),
        (f"x{PATH}", f"x{PATH}"),
        (f"b{'a' * 26}@{DOMAIN}", f"b{'a' * 26}@{DOMAIN}"),
        ("Nothing of ours.", "Nothing of ours."),
    ],
)
def test_where_it_stands_the_sender_stands_then(written: str, handed_on: str) -> None:
    """In headers and text, mangled by others, broken by quoted-printable; only what we signed, and nothing else."""
    assert take_out(written.encode(), PATHS, SENDER).decode() == handed_on


def test_in_base64() -> None:
    """A text in base64, with a last line that is short: it is decoded, changed and encoded anew."""
    for more in range(80):
        text = f"Your message from <{PATH}> came back.{'.' * more}".encode()
        for ends in ("\r\n", "\n"):
            body = base64.encodebytes(text).decode().strip().replace("\n", ends)
            mail = f"Content-Transfer-Encoding: base64{ends}{ends}{body}{ends}--b--{ends}".encode()
            changed = take_out(mail, PATHS, SENDER)
            encoded = changed.partition(f"{ends}{ends}".encode())[2].partition(b"--b--")[0]
            assert base64.b64decode(encoded) == text.replace(PATH.encode(), SENDER.encode())
            assert changed.endswith(f"{ends}--b--{ends}".encode())
            assert all(len(line) <= 998 for line in changed.splitlines())


def test_in_quoted_printable_of_any_width() -> None:
    """Wherever the encoder broke the line, nothing of the signed word is left."""
    for before in range(90):
        text = (b"x" * before) + b" =" + PATH.encode() + b" and more text that goes on and on and on and on."
        changed = take_out(quopri.encodestring(text), PATHS, SENDER)
        assert quopri.decodestring(changed) == text.replace(PATH.encode(), SENDER.encode())


@given(st.binary(max_size=2_000), st.binary(max_size=200))
def test_what_is_not_ours_stays(before: bytes, behind: bytes) -> None:
    """Whatever stands around it: no exception, and a mail without our word is not touched."""
    assert take_out(before + behind, PATHS, SENDER) == before + behind
    assert WORD.encode() not in take_out(before + b" " + PATH.encode() + b" " + behind, PATHS, SENDER)


@pytest.mark.parametrize(
    "octets",
    [
        b"b" * 1_000_000,
        b"b=\r\n" * 250_000,
        b"A" * 1_000_000,
        (b"A" * 76 + b"\r\n") * 13_000,
        (b"A" * 19 + b"\r\n") * 50_000,
        b"=3D" * 330_000,
        binascii.b2a_base64(b"b" * 700_000),
    ],
    ids=["b", "breaks", "one line", "base64", "short lines", "equals", "base64 of b"],
)
def test_a_mail_made_to_be_slow_is_not(octets: bytes) -> None:
    """A megabyte of what the patterns look for ends; it would take hours if the cost were not linear."""
    assert take_out(octets, PATHS, SENDER) == octets
