"""
Many rows at once, with as little as possible between them and the database.

SQLAlchemy's own ``executemany`` turns a dictionary into parameters for each row, which costs more than the row. And on
SQLite each row of an ``executemany`` gives Python's lock away and takes it back: beside a busy event loop that costs
more than all else together. So a statement there carries up to 64 rows. PostgreSQL gets them in one pipeline.
"""

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import BigInteger, Connection, Double, Select, Table, bindparam, cast, func, insert, select, update

from store.prepared import execute

# Rows of one statement on SQLite: few sizes, so that all their statements stay prepared. 26 columns of the largest are
# 1,664 parameters, which may be 32,766.
SIZES = (64, 16, 4, 1)


class ManyRows:
    """
    Inserts rows of a table, or updates them by its key.

    Values go to the driver as they are, so the columns must be numbers, texts, octets or truth values, and nothing
    that a type of SQLAlchemy would have to translate.
    """

    def __init__(self, table: Table, *columns: str, key: str = "") -> None:
        """``columns`` in the order in which rows give them. With ``key``, which comes last in a row: an update."""
        self._columns = (*columns, key) if key else columns
        self._key = key
        self._table = table
        if key:
            changes = {name: bindparam(f"b_{name}", type_=table.c[name].type) for name in columns}
            self._statement: Any = update(table).where(table.c[key] == bindparam(f"b_{key}")).values(changes)
        else:
            self._statement = insert(table)
        self._compiled: dict[tuple[str, int], tuple[str, tuple[int, ...]]] = {}

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Carry it out for all rows, each a value for each column; no rows: do nothing."""
        if connection.dialect.name == "sqlite":
            begin = 0
            while begin < len(rows):
                size = next(size for size in SIZES if size <= len(rows) - begin)
                chunk = rows[begin : begin + size]
                execute(connection, self._for_sqlite(size), tuple(chain.from_iterable(chunk)))
                begin += size
        elif rows:
            sql, order = self._for_others(connection)
            connection.exec_driver_sql(sql, [tuple(row[n] for n in order) for row in rows])

    def _for_sqlite(self, count: int) -> str:
        found = self._compiled.get(("sqlite", count))
        if found is None:
            one = f"({', '.join('?' * len(self._columns))})"
            rows = ", ".join([one] * count)
            name = f'"{self._table.name}"'
            if self._key:  # SQLite calls the columns of VALUES so
                changes = ", ".join(f'"{column}" = new.column{n}' for n, column in enumerate(self._columns[:-1], 1))
                same = f'{name}."{self._key}" = new.column{len(self._columns)}'
                sql = f"UPDATE {name} SET {changes} FROM (VALUES {rows}) AS new WHERE {same}"  # noqa: S608 - our names
            else:
                columns = ", ".join(f'"{column}"' for column in self._columns)
                sql = f"INSERT INTO {name} ({columns}) VALUES {rows}"  # noqa: S608 - our names
            found = self._compiled["sqlite", count] = (sql, ())
        return found[0]

    def _for_others(self, connection: Connection) -> tuple[str, tuple[int, ...]]:
        found = self._compiled.get((connection.dialect.name, 1))
        if found is None:
            names = [f"b_{name}" if self._key else name for name in self._columns]
            compiled = self._statement.compile(dialect=connection.dialect, column_keys=None if self._key else names)
            order = tuple(names.index(name) for name in compiled.positiontup)
            found = self._compiled[connection.dialect.name, 1] = (str(compiled), order)
        return found


class ManyReads:
    """
    Reads many rows with few turns of Python's lock: on SQLite all of them come as one, written as JSON by the database.

    Columns are numbers, texts and truth values. Times from 2004 on come back to the last bit: they are handed over as
    whole numbers of 2^-22 seconds, since SQLite writes a number with 15 digits only.
    """

    _TICKS = 4_194_304

    def __init__(self, statement: Select[Any]) -> None:
        """``statement`` may lock what it reads, where the engine can. Its order counts only for what a limit leaves."""
        self._statement = statement
        limited = statement._limit_clause is not None  # noqa: SLF001 - there is no public name for it
        inner = (statement if limited else statement.order_by(None)).subquery()
        self._times = [n for n, column in enumerate(inner.c) if isinstance(column.type, Double)]
        columns = [
            cast(column * self._TICKS, BigInteger) if isinstance(column.type, Double) else column for column in inner.c
        ]
        self._as_one = select(func.json_group_array(func.json_array(*columns)))

    def execute(self, connection: Connection, parameters: dict[str, Any]) -> list[Sequence[Any]]:
        """Give the rows; on SQLite in no order."""
        if connection.dialect.name != "sqlite":
            return list(connection.execute(self._statement, parameters))
        rows: list[list[Any]] = json.loads(connection.execute(self._as_one, parameters).scalar_one())
        for row in rows:
            for n in self._times:
                if row[n] is not None:
                    row[n] /= self._TICKS
        return list(rows)
