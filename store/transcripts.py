"""
What was said in attempts to deliver: kept for a while, for people who want to see it.

Nothing waits for them: they are written with whatever is being committed at the time, mostly the outcome they
belong to, and where the store cannot be written they are lost.
"""

from collections import deque
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from store.engine import Reader
from store.many import ManyRows
from store.nodes import Nodes
from store.prepared import Row
from store.schema import transcript
from store.writer import Transaction, Writer

_MOST_WAITING = 10_000  # while nothing is committed
_INSERT = ManyRows(transcript, "id", "recipient_id", "at", "dialogue")
# Served by transcript_recipient.
_OF = (
    select(transcript.c.at, transcript.c.dialogue)
    .where(transcript.c.recipient_id == bindparam("recipient_id"))
    .order_by(transcript.c.id)
)


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said in one attempt; ``at`` is when it ended."""

    at: float
    dialogue: str


class Transcripts:
    """Keeps and gives transcripts."""

    def __init__(self, reader: Reader, writer: Writer, nodes: Nodes) -> None:
        self._reader = reader
        self._writer = writer
        self._nodes = nodes
        self._waiting: deque[Row] = deque()  # filled in the event loop, emptied in the writer's thread
        writer.beside(self._write)

    def keep(self, recipient_id: int, at: float, dialogue: str) -> None:
        """Have a transcript written with the next transaction. Never waits, never raises."""
        if self._writer.trouble is None and self._nodes.life and len(self._waiting) < _MOST_WAITING:
            self._waiting.append((self._nodes.ids.next(), recipient_id, at, _storable(dialogue)))

    def _write(self, transaction: Transaction) -> None:
        rows = [self._waiting.popleft() for _ in range(len(self._waiting))]
        _INSERT.execute(transaction.connection, rows)

    async def of(self, recipient_id: int) -> list[Transcript]:
        """Give those of a recipient that are still kept, oldest first."""
        given = {"recipient_id": recipient_id}
        rows = await self._reader.run(lambda connection: connection.execute(_OF, given).all())
        return [Transcript(row.at, row.dialogue) for row in rows]


def _storable(text: str) -> str:
    """Leave out what a database does not take in a text: it must not be the reason that an outcome is not written."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\0", "")
