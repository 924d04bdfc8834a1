"""pixel/token.py."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel.token import Tokens
from store.seal import Seal, derive_key

KEY = derive_key(b"m" * 32, "homing pixel")
TOKENS = Tokens(Seal(KEY, kind=1))
URL_SAFE = string.ascii_letters + string.digits + "-_"
IDS = st.integers(0, 2**63 - 1)


@given(IDS)
def test_token_opens_to_its_recipient(recipient_id: int) -> None:
    """22 characters that are safe in a URL open to the id they were made of."""
    token = TOKENS.encode(recipient_id)
    assert len(token) == 22
    assert set(token) <= set(URL_SAFE)
    assert TOKENS.decode(token) == recipient_id


@given(IDS, st.integers(0, 21), st.sampled_from(URL_SAFE))
def test_altered_token_opens_to_nothing(recipient_id: int, at: int, other: str) -> None:
    """P1: one other character anywhere, and it is nobody's token; also one that carries the same bits."""
    token = TOKENS.encode(recipient_id)
    altered = token[:at] + other + token[at + 1 :]
    assert TOKENS.decode(altered) == (recipient_id if altered == token else None)


@given(st.text(max_size=40))
def test_any_text_opens_to_nothing(text: str) -> None:
    """Whatever the text: None, and no exception."""
    assert TOKENS.decode(text) is None


@pytest.mark.parametrize("changed", ["{}=", "{}==", " {}", "{}\n", "{}A", ""])
def test_token_has_one_spelling(changed: str) -> None:
    """Padding, blanks and line ends around a good token make it a bad one."""
    assert TOKENS.decode(changed.format(TOKENS.encode(7))) is None


def test_ids_in_a_row_have_nothing_in_common() -> None:
    """P8: tokens cannot be counted: two recipients beside each other share no prefix that tells so."""
    tokens = [TOKENS.encode(recipient_id) for recipient_id in range(100)]
    assert len({token[:4] for token in tokens}) > 95


def test_key_of_another_purpose_opens_nothing() -> None:
    """A return path's key, and the same key with another kind, do not open a pixel's token."""
    token = TOKENS.encode(7)
    assert Tokens(Seal(derive_key(b"m" * 32, "homing return path"), kind=1)).decode(token) is None
    assert Tokens(Seal(KEY, kind=2)).decode(token) is None


def test_keys_rotate() -> None:
    """A token of the key before still opens; new ones are of the current key."""
    new = Tokens(Seal(derive_key(b"n" * 32, "homing pixel"), [KEY], kind=1))
    assert new.decode(TOKENS.encode(7)) == 7
    assert TOKENS.decode(new.encode(7)) is None
