"""
What was said in attempts to deliver: kept for a while, for people who want to see it.

Nothing waits for them: they are written with whatever is being committed at the time, mostly the outcome they
belong to, and where the store cannot be written they are lost.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select

from store.engine import Reader
from store.errors import StoreUnavailable
from store.nodes import Nodes
from store.schema import transcript
from store.writer import Kind, Transaction, Writer

_INSERT = insert(transcript)
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


def _keep(transaction: Transaction, wishes: Sequence[dict[str, object]]) -> list[None]:
    transaction.connection.execute(_INSERT, list(wishes))
    return [None] * len(wishes)


_KEEP = Kind("keep transcripts", _keep)


class Transcripts:
    """Keeps and gives transcripts."""

    def __init__(self, reader: Reader, writer: Writer, nodes: Nodes) -> None:
        self._reader = reader
        self._writer = writer
        self._nodes = nodes

    def keep(self, recipient_id: int, at: float, dialogue: str) -> None:
        """Have a transcript written with the next transaction. Never waits, never raises."""
        if self._writer.trouble is not None:
            return
        with contextlib.suppress(StoreUnavailable):
            row = {"id": self._nodes.ids.next(), "recipient_id": recipient_id, "at": at, "dialogue": dialogue}
            self._writer.enqueue(_KEEP, row)

    async def of(self, recipient_id: int) -> list[Transcript]:
        """Give those of a recipient that are still kept, oldest first."""
        given = {"recipient_id": recipient_id}
        rows = await self._reader.run(lambda connection: connection.execute(_OF, given).all())
        return [Transcript(row.at, row.dialogue) for row in rows]
