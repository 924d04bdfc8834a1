"""
How many connections come in: in all, and of one address.

Pure: no I/O, no clock, no chance.
"""

from collections import Counter

from relay.submission.auth import address_block


class Gate:
    """
    Counts open connections. Several servers may share one.

    A client that proved who it is no longer counts against its address: the limit per address is for strangers, and an
    application may hold more.
    """

    def __init__(self, *, connections: int, per_address: int) -> None:
        self._connections = connections
        self._per_address = per_address
        self._blocks: Counter[str] = Counter()
        self.open = 0

    def enter(self, address: str) -> bool:
        """Count one connection in; False, and nothing is counted, when it is one too many."""
        block = address_block(address)
        if self.open >= self._connections or self._blocks[block] >= self._per_address:
            self._tidy(block)
            return False
        self.open += 1
        self._blocks[block] += 1
        return True

    def known(self, address: str) -> None:
        """One connection of this address authenticated."""
        block = address_block(address)
        self._blocks[block] -= 1
        self._tidy(block)

    def leave(self, address: str, *, known: bool) -> None:
        """One connection ended; ``known`` says whether it had authenticated."""
        self.open -= 1
        if not known:
            self.known(address)

    def _tidy(self, block: str) -> None:
        if self._blocks[block] <= 0:
            del self._blocks[block]
