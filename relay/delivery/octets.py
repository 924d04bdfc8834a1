"""
How many octets of large mails are in memory at once, whatever the number of connections.

Who would take more waits for its turn, in the order of asking. One group of destinations has a quarter at most, so
that a provider that reads slowly does not keep the large mails of all others waiting.
"""

import asyncio
from collections import Counter

MOST = 256 * 1024**2  # octets
LARGE = 256 * 1024  # octets of a content, below which nobody asks


class Octets:
    """Gives out octets of memory. One that asks for more than there is gets it when it is alone."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()
        self._total = 0
        self._waiting: dict[asyncio.Future[None], tuple[str, int]] = {}

    @property
    def taken(self) -> int:
        """Octets that are given out."""
        return self._total

    async def take(self, group: str, octets: int) -> None:
        """Wait until a group may have so many; ``give`` them back."""
        if not self._waiting and self._fits(group, octets):
            self._note(group, octets)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = (group, octets)
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            self._waiting.pop(turn, None)
            if turn.done() and not turn.cancelled():  # its turn had just come
                self._note(group, -octets)
            self._serve()
            raise

    def give(self, group: str, octets: int) -> None:
        """Give octets back."""
        self._note(group, -octets)
        self._serve()

    def _note(self, group: str, octets: int) -> None:
        self._total += octets
        self._taken[group] += octets
        if not self._taken[group]:
            del self._taken[group]

    def _has_share(self, group: str, octets: int) -> bool:
        return not self._taken[group] or self._taken[group] + octets <= self._most // 4

    def _fits(self, group: str, octets: int) -> bool:
        return self._has_share(group, octets) and (not self._total or self._total + octets <= self._most)

    def _serve(self) -> None:
        """Let those take their turn who can, in order; only who waits for its own group is passed over."""
        for turn, (group, octets) in list(self._waiting.items()):
            if turn.done():  # it goes, and has not yet said so
                continue
            if self._fits(group, octets):
                del self._waiting[turn]
                self._note(group, octets)
                turn.set_result(None)
            elif self._has_share(group, octets):
                return
