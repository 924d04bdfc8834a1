"""How the store stands: what waits, how far webhooks are behind, how much disk is taken. Quick enough to be scraped."""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, bindparam, func, select, text

from store.engine import Reader
from store.nouns import State
from store.schema import event, recipient, suppression
from store.sql import CLAIMED, DUE, HELD
from store.webhook_calls import WebhookCalls
from store.webhooks import Webhooks

# Each is served by a partial index; what is settled is counted by its events.
_WAITING = {
    state: select(func.count()).select_from(recipient).where(recipient.c.state == literal)
    for state, literal in ((State.DUE, DUE), (State.CLAIMED, CLAIMED), (State.HELD, HELD))
}
_SUPPRESSED = select(func.count()).select_from(suppression)
_NEXT_EVENT = select(event.c.at).where(event.c.position > bindparam("position")).order_by(event.c.position).limit(1)
_POSTGRESQL_SIZE = text("SELECT pg_database_size(current_database())")


@dataclass(frozen=True, slots=True)
class WebhookFigures:
    """How one endpoint stands."""

    id: int
    state: str  # "on", "failing", "off"
    waiting: int  # calls
    lag: float  # seconds since the oldest event that it was not told of; 0.0: it was told of all


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """How the store stands. Sizes are octets; None: not ours to know."""

    queue: dict[State, int]
    suppressions: int
    webhooks: tuple[WebhookFigures, ...]
    database: int
    contents: int | None
    free: int | None  # on the disk of the database


class Figures:
    """Reads how the store stands."""

    def __init__(
        self, reader: Reader, webhooks: Webhooks, calls: WebhookCalls, *, file: Path | None, contents: Path | None
    ) -> None:
        """Build it. ``file`` and ``contents``: where SQLite lies, and the segments beside it; None on PostgreSQL."""
        self._reader = reader
        self._webhooks = webhooks
        self._calls = calls
        self._file = file
        self._folder = contents

    async def read(self, now: float) -> StoreFigures:
        """Read all. Raises StoreUnavailable for our trouble."""
        waiting = await self._calls.waiting_of_each()
        webhooks = []
        for it in await self._webhooks.list():
            count, oldest = waiting.get(it.id, (0, now))
            if it.enabled:
                oldest = min(oldest, await self._next_event(it.position) or now)
            state = "off" if not it.enabled else "failing" if it.failing_since is not None else "on"
            webhooks.append(WebhookFigures(it.id, state, count, max(0.0, now - oldest)))

        def read(connection: Connection) -> StoreFigures:
            execute = connection.execute
            return StoreFigures(
                queue={state: int(execute(count).scalar_one()) for state, count in _WAITING.items()},
                suppressions=int(execute(_SUPPRESSED).scalar_one()),
                webhooks=tuple(webhooks),
                database=_file_size(self._file) if self._file else int(execute(_POSTGRESQL_SIZE).scalar_one()),
                contents=_folder_size(self._folder) if self._folder else None,
                free=_free(self._file.parent) if self._file else None,
            )

        return await self._reader.run(read)

    async def _next_event(self, position: int) -> float | None:
        """Give the time of the first event behind a position."""
        return await self._reader.run(lambda c: c.execute(_NEXT_EVENT, {"position": position}).scalar())


def _file_size(file: Path) -> int:
    """Give the size of a SQLite file with its log."""
    return sum(_size(file.with_name(file.name + end)) for end in ("", "-wal"))


def _folder_size(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(_size(Path(entry.path)) for entry in entries if entry.is_file())
    except FileNotFoundError:
        return 0


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _free(folder: Path) -> int:
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize
