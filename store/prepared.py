"""
Statements of the hot paths: written with SQLAlchemy like all others, compiled once, carried out by the driver itself.

SQLAlchemy's execution costs more than SQLite's work for one row: for each statement it looks its compiled form up,
sorts the parameters of each row from a map into a sequence, and makes rows that know their columns. Here parameters and
rows are plain tuples, in the order of the names.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Connection, Executable, LargeBinary
from sqlalchemy.sql import ClauseElement

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """One statement as one driver takes it."""

    sql: str
    literals: Row  # values that stand in the statement itself, behind those of a row
    order: Callable[[Row], Row] | None  # sorts all these into the driver's order; None: it is the same
    encode: tuple[tuple[int, Callable[[Any], Any]], ...]  # places in our order whose values the driver does not take

    def parameters(self, row: Row) -> Row:
        """Turn a row of ours into the driver's."""
        if self.encode:
            values = list(row)
            for place, encode in self.encode:
                values[place] = encode(values[place])
            row = tuple(values)
        return row if self.order is None else self.order(row + self.literals)


class Prepared:
    """
    A statement with named parameters.

    Args:
        statement: SQLAlchemy Core, the same for both engines.
        names: Of all its parameters, in the order in which rows give them.
    """

    def __init__(self, statement: Executable, *names: str) -> None:
        self._statement = statement
        self._names = names
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, *parameters: Any) -> None:
        """Carry it out, for a statement that returns no rows."""
        compiled = self._for(connection)
        given = compiled.parameters(parameters)
        if connection.dialect.name == "sqlite":
            execute(connection, compiled.sql, given)
        else:
            connection.exec_driver_sql(compiled.sql, given)

    def rows(self, connection: Connection, *parameters: Any) -> Sequence[Row]:
        """Carry it out, and give the rows that it returns."""
        compiled = self._for(connection)
        given = compiled.parameters(parameters)
        if connection.dialect.name == "sqlite":
            found: Sequence[Row] = execute(connection, compiled.sql, given).fetchall()
            return found
        return connection.exec_driver_sql(compiled.sql, given).all()

    def sql(self, connection: Connection) -> str:
        """Give the SQL that the driver gets: for those who look at its plan."""
        return self._for(connection).sql

    def _for(self, connection: Connection) -> _Compiled:
        engine = connection.dialect.name
        compiled = self._compiled.get(engine)
        if compiled is None:
            compiled = self._compiled[engine] = self._compile(connection)
        return compiled

    def _compile(self, connection: Connection) -> _Compiled:
        assert isinstance(self._statement, ClauseElement)
        compiled: Any = self._statement.compile(dialect=connection.dialect)
        wanted: list[str] = list(compiled.positiontup)
        literals = {name: value for name, value in compiled.params.items() if name not in self._names}
        missing = [name for name in literals if compiled.binds[name].required]
        if "POSTCOMPILE" in str(compiled):
            raise ValueError("IN with a list is written anew each time: say among()")
        if missing or not set(self._names) <= set(wanted):
            raise ValueError(f"the statement has the parameters {wanted}, not {self._names}")
        sqlite = connection.dialect.name == "sqlite"
        encode = []
        for place, name in enumerate(self._names):
            kind = compiled.binds[name].type
            if not (sqlite and isinstance(kind, (Boolean, LargeBinary))):  # sqlite3 takes bool and bytes as they are
                processor = kind.dialect_impl(connection.dialect).bind_processor(connection.dialect)
                if processor is not None:
                    encode.append((place, processor))
        names = (*self._names, *literals)
        order = None if tuple(wanted) == names and not literals else _sorter([names.index(name) for name in wanted])
        return _Compiled(str(compiled), tuple(literals.values()), order, tuple(encode))


def _sorter(places: Sequence[int]) -> Callable[[Row], Row]:
    if len(places) == 1:
        return lambda row: (row[places[0]],)
    return operator.itemgetter(*places)


def execute(connection: Connection, sql: str, parameters: Row) -> Any:
    """Have SQLite's driver carry a statement out, inside the transaction that SQLAlchemy has begun; its cursor."""
    return connection.connection.cursor().execute(sql, parameters)
