"""Small words of SQL that SQLAlchemy does not have, or does not say alike for both engines."""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, Text, bindparam, literal_column
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine

from store.nouns import State

# A literal in the SQL, not a parameter: only so can a planner prove that a partial index serves the statement.
DUE = literal_column(f"'{State.DUE}'", Text)
CLAIMED = literal_column(f"'{State.CLAIMED}'", Text)
HELD = literal_column(f"'{State.HELD}'", Text)
SETTLED = literal_column(f"'{State.SETTLED}'", Text)


class _List(TypeDecorator[Collection[Any]]):
    """A list as one parameter: an array on PostgreSQL, a JSON text on SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, item: type[TypeEngine[Any]]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(self.item()))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Collection[Any] | None, dialect: Dialect) -> Any:
        return list(value or ()) if dialect.name == "postgresql" else json.dumps(list(value or ()))


class _Holds(FunctionElement[Any]):
    name = "holds"
    type = NullType()
    inherit_cache = True


@compiles(_Holds, "sqlite")
def _holds_sqlite(element: _Holds, compiler: SQLCompiler, **kw: Any) -> str:
    column, part = (compiler.process(each, **kw) for each in element.clauses)
    return f"instr({column}, {part}) > 0"


@compiles(_Holds, "postgresql")
def _holds_postgresql(element: _Holds, compiler: SQLCompiler, **kw: Any) -> str:
    column, part = (compiler.process(each, **kw) for each in element.clauses)
    return f"strpos({column}, {part}) > 0"


def holds(column: ColumnElement[str], part: str) -> ColumnElement[bool]:
    """Whether ``part`` is within a text, as it stands. Nothing in it is a wildcard."""
    return _Holds(column, bindparam(None, part, type_=Text()))


def holds_word(column: ColumnElement[str], part: str) -> ColumnElement[bool]:
    """
    Whether ``part`` is within a text, whatever its case (on SQLite: of ASCII letters). Nothing in it is a wildcard.

    LIKE took half the time of looking in ``lower(column)``, on SQLite.
    """
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return _Like(column, bindparam(None, f"%{escaped}%", type_=Text()))


class _Like(FunctionElement[Any]):
    name = "holds_word"
    type = NullType()
    inherit_cache = True


@compiles(_Like, "sqlite")
def _like_sqlite(element: _Like, compiler: SQLCompiler, **kw: Any) -> str:
    column, pattern = (compiler.process(each, **kw) for each in element.clauses)
    return f"{column} LIKE {pattern} ESCAPE '\\'"


@compiles(_Like, "postgresql")
def _like_postgresql(element: _Like, compiler: SQLCompiler, **kw: Any) -> str:
    column, pattern = (compiler.process(each, **kw) for each in element.clauses)
    return f"{column} ILIKE {pattern} ESCAPE '\\'"


class _Slot(FunctionElement[int]):
    name = "slot"
    type = BigInteger()
    inherit_cache = True


@compiles(_Slot, "sqlite")
def _slot_sqlite(element: _Slot, compiler: SQLCompiler, **kw: Any) -> str:
    time, seconds = (compiler.process(each, **kw) for each in element.clauses)
    return f"CAST({time} / {seconds} AS INTEGER)"


@compiles(_Slot, "postgresql")
def _slot_postgresql(element: _Slot, compiler: SQLCompiler, **kw: Any) -> str:
    time, seconds = (compiler.process(each, **kw) for each in element.clauses)
    return f"CAST(FLOOR({time} / {seconds}) AS BIGINT)"


def slot(time: ColumnElement[float], seconds: int) -> ColumnElement[int]:
    """Give the number of the slot of so many ``seconds`` that a time (after 1970) is in, counted from 1970."""
    return _Slot(time, literal_column(str(seconds)))


class _Among(FunctionElement[Any]):
    name = "among"
    type = NullType()  # were it Boolean, SQLite would be told "(...) = 1", which no index serves
    inherit_cache = True


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, items = (compiler.process(part, **kw) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({items}))"  # noqa: S608 - compiled SQL, not input


@compiles(_Among, "postgresql")
def _among_postgresql(element: _Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, items = (compiler.process(part, **kw) for part in element.clauses)
    return f"{column} = ANY ({items})"


def among(column: ColumnElement[Any], name: str, item: type[TypeEngine[Any]] = BigInteger) -> ColumnElement[bool]:
    """
    ``column IN :name`` with the list as one parameter.

    The SQL stays the same however many there are, so it is prepared once and has no limit of parameters.
    """
    return _Among(column, bindparam(name, type_=_List(item)))
