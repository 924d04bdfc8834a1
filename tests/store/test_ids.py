"""Ids: 63 bits, ordered by time, unique across nodes."""

import pytest

from store.ids import Ids, first_at, made_at
from tests.conftest import Clock


def test_ordered_and_63_bits(clock: Clock) -> None:
    """More ids than a millisecond has room for still grow, and fit into a signed 64-bit integer."""
    ids = Ids(1023, clock)
    made = [ids.next() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert 0 < made[0] < made[-1] < 2**63


def test_never_backwards(clock: Clock) -> None:
    """A clock that jumps back, even to 1970, changes nothing about the order."""
    ids = Ids(1, clock)
    before = ids.next()
    clock.move(-3600)
    assert ids.next() > before
    clock.now = 0.0
    assert ids.next() > before
    assert Ids(1, clock).next() >= 0


def test_nodes_never_meet(clock: Clock) -> None:
    """Two nodes at the same millisecond make different ids."""
    first, second = Ids(1, clock), Ids(2, clock)
    assert not {first.next() for _ in range(5000)} & {second.next() for _ in range(5000)}


def test_when_made(clock: Clock) -> None:
    """The time of an id is its millisecond; first_at parts what was made before from the rest."""
    ids = Ids(7, clock)
    early = ids.next()
    assert made_at(early) == pytest.approx(clock(), abs=0.001)
    late_at = clock.move(10)
    assert early < first_at(late_at) <= ids.next()


@pytest.mark.parametrize("node", [-1, 1024])
def test_node_out_of_range(node: int, clock: Clock) -> None:
    """A node has ten bits."""
    with pytest.raises(ValueError, match="node must be 0 to 1023"):
        Ids(node, clock)


@pytest.mark.parametrize("count", [1, 2, 4_095, 4_096, 4_097, 10_000])
def test_many_at_once_are_those_that_come_one_by_one(count: int, clock: Clock) -> None:
    """``take`` makes the same ids as ``next``, over the end of a millisecond too, and both go on from there."""
    singly, together = Ids(5, clock), Ids(5, clock)
    for ids in (singly, together):
        ids.next()
    assert together.take(count) == [singly.next() for _ in range(count)]
    assert together.next() == singly.next()
    clock.move(1.0)
    assert together.take(3) == [singly.next() for _ in range(3)]
