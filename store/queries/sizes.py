"""How much is kept, and how fast it grows."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import BigInteger, Connection, bindparam, func, select, text

from store.engine import Reader
from store.ids import first_at
from store.schema import event, message, recipient, suppression

DAYS = 7  # whose mail says how fast the store grows

_COUNTED = {"messages": message, "recipients": recipient, "events": event, "suppressions": suppression}
_CONTENTS = select(func.coalesce(func.sum(message.c.content_length), 0)).where(message.c.content_erased_at.is_(None))
# Served by the primary key.
_LATELY = select(func.count(), func.coalesce(func.sum(message.c.size), 0)).where(
    message.c.id >= bindparam("since", type_=BigInteger)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What is kept."""

    rows: dict[str, int]  # messages, recipients, events, suppressions
    database_octets: int
    contents_octets: int  # of mails whose content is still kept
    messages_a_day: float  # of the last seven days
    octets_a_day: float  # of their contents


class SizesOf:
    """Measures the store."""

    def __init__(self, reader: Reader, file: Path | None) -> None:
        self._reader = reader
        self._file = file

    async def now(self, now: float) -> Sizes:
        """Measure; counts every row, so ask now and then, not for each page."""

        def read(connection: Connection) -> Sizes:
            lately = connection.execute(_LATELY, {"since": first_at(now - DAYS * 86_400)}).one()
            return Sizes(
                rows={name: _rows(connection, table) for name, table in _COUNTED.items()},
                database_octets=_database(connection, self._file),
                contents_octets=int(connection.execute(_CONTENTS).scalar_one()),
                messages_a_day=lately[0] / DAYS,
                octets_a_day=float(lately[1]) / DAYS,
            )

        return await self._reader.run(read)


def _rows(connection: Connection, table: object) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def _database(connection: Connection, file: Path | None) -> int:
    if file is None:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    return sum(_size(file.with_name(file.name + end)) for end in ("", "-wal"))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
