"""Sealed ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.seal import Seal, derive_key

MASTER = bytes(range(32))
OLD, NEW = derive_key(MASTER, "homing pixel"), derive_key(MASTER, "homing return path")


@given(st.integers(0, 2**63 - 1))
def test_what_is_sealed_opens(id_: int) -> None:
    """Each id opens to itself, the same each time, and only for its kind and key."""
    seal = Seal(NEW, kind=1)
    block = seal.seal(id_)
    assert len(block) == 16
    assert seal.open(block) == id_
    assert seal.seal(id_) == block
    assert Seal(NEW, kind=2).open(block) is None
    assert Seal(OLD, kind=1).open(block) is None


@given(st.binary(max_size=40))
def test_a_guess_does_not_open(guess: bytes) -> None:
    """Whatever the bytes: None."""
    assert Seal(NEW, kind=1).open(guess) is None


def test_one_flipped_bit() -> None:
    """Any change of a block makes it a guess."""
    seal = Seal(NEW, kind=1)
    block = seal.seal(42)
    for bit in range(128):
        changed = (int.from_bytes(block, "big") ^ 1 << bit).to_bytes(16, "big")
        assert seal.open(changed) is None


def test_keys_rotate() -> None:
    """What was sealed under the previous key opens; new ones are sealed under the current."""
    old, new = Seal(OLD, kind=1), Seal(NEW, (OLD,), kind=1)
    assert new.open(old.seal(7)) == 7
    assert old.open(new.seal(7)) is None


def test_derived_keys_are_fixed() -> None:
    """A key never changes with a version: mails that are out carry its seals."""
    assert (
        derive_key(MASTER, "homing pixel").hex() == "a8453f208c9a50679117ab9ce517333280054272eebbbcbefd00e7f21ca74e5b"
    )
    assert (
        derive_key(MASTER, "homing return path").hex()
        == "bc443aef3b258320a9dcb24e06fb93f300cb5f6fd43e8eea0cd2f0d66d3f5470"
    )
    assert Seal(OLD, kind=1).seal(1).hex() == "dbfe4ce584e0e2669d6bdd10699716de"


@pytest.mark.parametrize("id_", [-1, 2**64])
def test_no_id(id_: int) -> None:
    """What is no 64-bit id is not sealed."""
    with pytest.raises(OverflowError):
        Seal(NEW, kind=1).seal(id_)
