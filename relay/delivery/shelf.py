"""
Contents in memory: once per message, whatever the number of its recipients, and within a bound.

A content that finds no room is read from the store when its turn comes. Waiting mail holds none.
"""

import asyncio
from collections.abc import Iterable

from relay.delivery.ports import Contents
from store.nouns import Job

ROOM = 64 * 1024**2  # octets


class Shelf:
    """Holds the contents of messages whose jobs are in hand."""

    def __init__(self, contents: Contents, *, room: int = ROOM) -> None:
        self._contents = contents
        self._room = room
        self._kept: dict[int, bytes] = {}
        self._wanted: dict[int, int] = {}  # message id -> jobs in hand
        self._reading: dict[int, asyncio.Task[bytes]] = {}

    @property
    def room(self) -> int:
        """Octets that are free."""
        return self._room

    def expect(self, jobs: Iterable[Job]) -> None:
        """Jobs came in hand: each will be ``done`` some time."""
        for job in jobs:
            self._wanted[job.message_id] = self._wanted.get(job.message_id, 0) + 1

    def put(self, message_id: int, content: bytes) -> None:
        """Keep a content until the last job of its message is done, if there is room."""
        if len(content) <= self._room and message_id not in self._kept and message_id in self._wanted:
            self._room -= len(content)
            self._kept[message_id] = content

    def done(self, job: Job) -> None:
        """A job will not ask any more."""
        left = self._wanted.pop(job.message_id, 0) - 1
        if left > 0:
            self._wanted[job.message_id] = left
        else:
            self._room += len(self._kept.pop(job.message_id, b""))

    async def get(self, job: Job) -> bytes:
        """
        Give a job's content; jobs of one message that ask at the same time share one reading.

        Raises whatever the store raises.
        """
        kept = self._kept.get(job.message_id)
        if kept is not None:
            return kept
        reading = self._reading.get(job.message_id)
        if reading is None:
            reading = self._reading[job.message_id] = asyncio.create_task(self._contents.read(job.content))
            reading.add_done_callback(lambda _: self._reading.pop(job.message_id, None))
        content = await asyncio.shield(reading)
        if self._wanted.get(job.message_id, 0) > 1:
            self.put(job.message_id, content)
        return content
