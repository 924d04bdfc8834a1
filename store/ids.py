"""
Ids of messages, recipients and all else: 63 bits, ordered by time, unique across processes and nodes.

    41 bits  milliseconds since 2025-01-01T00:00Z (until 2094)
    10 bits  number of the node
    12 bits  sequence within the millisecond

They are made by the application, so that nothing must be read back after an insert.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Callable

_EPOCH = 1_735_689_600.0  # 2025-01-01T00:00:00Z
_SEQUENCE_BITS = 12
_NODE_BITS = 10
_MILLISECOND_SHIFT = _SEQUENCE_BITS + _NODE_BITS
_LAST_SEQUENCE = (1 << _SEQUENCE_BITS) - 1
NODES = 1 << _NODE_BITS


def made_at(id: int) -> float:  # noqa: A002 - the word of the domain
    """Unix seconds at which an id was made, to the millisecond."""
    return _EPOCH + (id >> _MILLISECOND_SHIFT) / 1000


def first_at(at: float) -> int:
    """Give the lowest id that can be made at ``at`` or later: all smaller ones were made before."""
    return max(0, int((at - _EPOCH) * 1000)) << _MILLISECOND_SHIFT


class Ids:
    """Makes the ids of one node. Not for several threads."""

    made_at = staticmethod(made_at)

    def __init__(self, node: int, clock: Callable[[], float]) -> None:
        if not 0 <= node < NODES:
            raise ValueError(f"node must be 0 to {NODES - 1}, not {node}")
        self.node = node
        self._clock = clock
        self._millisecond = 0
        self._sequence = -1

    def next(self) -> int:
        """Make an id that is greater than all before. A clock that jumps back is waited for by counting on."""
        now = int((self._clock() - _EPOCH) * 1000)
        if now > self._millisecond:
            self._millisecond, self._sequence = now, 0
        elif self._sequence < _LAST_SEQUENCE:
            self._sequence += 1
        else:  # 4,096 ids in one millisecond: borrow the next one
            self._millisecond, self._sequence = self._millisecond + 1, 0
        return self._millisecond << _MILLISECOND_SHIFT | self.node << _SEQUENCE_BITS | self._sequence

    def take(self, count: int) -> list[int]:
        """Make ``count`` ids as ``next`` does, with one look at the clock; at least one."""
        first = self.next()
        room = _LAST_SEQUENCE - self._sequence
        if count - 1 <= room:
            self._sequence += count - 1
            return list(range(first, first + count))
        self._sequence = _LAST_SEQUENCE
        return [*range(first, first + room + 1), *self.take(count - room - 1)]
