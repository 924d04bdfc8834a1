"""Return paths: what we sign is ours again however it is mangled, and nothing else is (promise 7, B1 to B3)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounce.verp import ReturnPaths
from store.ids import Ids, made_at
from store.seal import Seal, derive_key

KEY = derive_key(b"k" * 32, "homing return path")
DOMAIN = "bounce.homing.example"
LIFETIME = 33 * 86_400.0
NOW = 1_790_000_000.0
PATHS = ReturnPaths(Seal(KEY, kind=2), DOMAIN, LIFETIME)
ID = Ids(5, lambda: NOW).next()
PATH = PATHS.encode(ID)
LOCAL = PATH.partition("@")[0]

# Ids as they are made, within the lifetime
FRESH = st.builds(
    lambda age, node, sequence: int((NOW - age - made_at(0)) * 1000) << 22 | node << 12 | sequence,
    st.floats(0, LIFETIME - 1),
    st.integers(0, 1023),
    st.integers(0, 4095),
)


def test_a_return_path_is_b_and_26_letters() -> None:
    """It fits the least any system allows (64 octets), in letters that survive a change of case."""
    assert re.fullmatch(r"b[a-z2-7]{26}@bounce\.homing\.example", PATH)


@given(FRESH)
def test_what_is_encoded_is_decoded(recipient_id: int) -> None:
    """Each id comes back from its return path, which is the same each time (D7: greylisting ends)."""
    path = PATHS.encode(recipient_id)
    assert PATHS.encode(recipient_id) == path
    assert PATHS.decode(path, NOW) == recipient_id


@given(FRESH, FRESH)
def test_two_recipients_have_two_return_paths(one: int, other: int) -> None:
    """A return path names one recipient."""
    assert (PATHS.encode(one) == PATHS.encode(other)) == (one == other)


MANGLED = [
    PATH.upper(),
    PATH.title(),
    f"{LOCAL}@BOUNCE.Homing.Example",
    f"{LOCAL}@{DOMAIN}.",
    f'"{LOCAL}"@{DOMAIN}',
    f"<{PATH}>",
    f"prvs=1234abcdef={LOCAL}@{DOMAIN}",  # BATV
    f"{LOCAL}=prvs=1234abcdef@{DOMAIN}",
    f"{LOCAL}+spam@{DOMAIN}",
    f"owner+{LOCAL}@{DOMAIN}",
    f"SRS0=HHH=TT=other.example={LOCAL}@{DOMAIN}",
    f'"prvs=1234abcdef={LOCAL.upper()}"@{DOMAIN}',
]


@pytest.mark.parametrize("address", MANGLED)
def test_b3_mangled_by_the_other_side_it_is_still_known(address: str) -> None:
    """B3: case folded, a prefix or suffix with "+" or "=", quoted."""
    assert PATHS.decode(address, NOW) == ID


REFUSED = [
    LOCAL,
    f"{LOCAL}@other.example",
    f"{LOCAL}@{DOMAIN}.other.example",
    f"{LOCAL}@sub.{DOMAIN}",
    f"x{LOCAL}@{DOMAIN}",
    f"{LOCAL}x@{DOMAIN}",
    f"{LOCAL[:-1]}@{DOMAIN}",
    f"{LOCAL[1:]}@{DOMAIN}",
    f"b{'a' * 26}@{DOMAIN}",
    f"b{'2' * 26}@{DOMAIN}",
    f"b@{DOMAIN}",
    f"@{DOMAIN}",
    f"{LOCAL}-x@{DOMAIN}",
    f"{'+' * 400}{LOCAL}@{DOMAIN}",
    PATH.replace("b", "\u0412", 1),
    "",
    "<>",
]


@pytest.mark.parametrize("address", REFUSED)
def test_b1_what_is_not_ours_is_nobodys(address: str) -> None:
    """B1: other domains, other forms, guesses."""
    assert PATHS.decode(address, NOW) is None


@given(st.integers(0, 25), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_b2_one_changed_letter_breaks_the_seal(place: int, letter: str) -> None:
    """B2: a return path that differs in any letter is a forgery, the padding included."""
    forged = LOCAL[: 1 + place] + letter + LOCAL[2 + place :]
    assert (PATHS.decode(f"{forged}@{DOMAIN}", NOW) == ID) == (forged == LOCAL)


def test_b2_a_return_path_ends() -> None:
    """B2: it is known to the last second of its lifetime, and not one later."""
    last = made_at(ID) + LIFETIME
    assert PATHS.decode(PATH, last) == ID
    assert PATHS.decode(PATH, last + 1) is None


def test_a_pixel_token_is_no_return_path() -> None:
    """Another key or another kind of seal makes another path."""
    other_key = ReturnPaths(Seal(derive_key(b"k" * 32, "homing pixel"), kind=2), DOMAIN, LIFETIME)
    other_kind = ReturnPaths(Seal(KEY, kind=1), DOMAIN, LIFETIME)
    assert PATHS.decode(other_key.encode(ID), NOW) is None
    assert PATHS.decode(other_kind.encode(ID), NOW) is None


def test_a_retired_key_still_opens() -> None:
    """Keys rotate: what the previous one sealed is known until it is past its time."""
    new = ReturnPaths(Seal(b"n" * 32, [KEY], kind=2), DOMAIN, LIFETIME)
    assert new.decode(PATH, NOW) == ID
    assert new.encode(ID) != PATH


def test_find_gives_each_signed_path_in_a_text_once() -> None:
    """For complaints: what is forged, expired or another's is not found."""
    other = Ids(6, lambda: NOW - 5).next()
    old = Ids(6, lambda: NOW - LIFETIME - 5).next()
    text = f"Original-Mail-From: <{PATH.upper()}>\r\nReturn-Path: <{PATH}> {PATHS.encode(old)} b{'a' * 26}@{DOMAIN}\r\n"
    assert PATHS.find(text, NOW) == {ID}
    assert PATHS.find(f"{text} {PATHS.encode(other)}", NOW) == {ID, other}
    assert PATHS.find(f"x{PATH} {PATH}x", NOW) == frozenset()


@given(st.text(max_size=400))
def test_any_text_is_survived(address: str) -> None:
    """Whatever stands at RCPT: None, and no exception."""
    assert PATHS.decode(address, NOW) is None
    assert PATHS.decode(f"{address}@{DOMAIN}", NOW) is None
