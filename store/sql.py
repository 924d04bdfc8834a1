"""Small words of SQL that SQLAlchemy does not have, or does not say alike for both engines."""

import json
from collections.abc import Collection
from typing import Any, ClassVar

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


class _Word(FunctionElement[Any]):
    """Something that each engine says in its own way; ``{0}`` and ``{1}`` stand for what it is said of."""

    type: TypeEngine[Any] = NullType()  # were it Boolean, SQLite would be told "(...) = 1", which no index serves
    inherit_cache = True
    sqlite: ClassVar[str]
    postgresql: ClassVar[str]


@compiles(_Word)
def _say(element: _Word, compiler: SQLCompiler, **kw: Any) -> str:
    words: str = getattr(element, compiler.dialect.name)
    return words.format(*(compiler.process(each, **kw) for each in element.clauses))


class _Holds(_Word):
    name = "holds"
    inherit_cache = True
    sqlite = "instr({0}, {1}) > 0"
    postgresql = "strpos({0}, {1}) > 0"


def holds(column: ColumnElement[str], part: str) -> ColumnElement[bool]:
    """Whether ``part`` is within a text, as it stands. Nothing in it is a wildcard."""
    return _Holds(column, bindparam(None, part, type_=Text()))


class _Like(_Word):
    name = "holds_word"
    inherit_cache = True
    sqlite = "{0} LIKE {1} ESCAPE '\\'"
    postgresql = "{0} ILIKE {1} ESCAPE '\\'"


def holds_word(column: ColumnElement[str], part: str) -> ColumnElement[bool]:
    """
    Whether ``part`` is within a text, whatever its case (on SQLite: of ASCII letters). Nothing in it is a wildcard.

    LIKE took half the time of looking in ``lower(column)``, on SQLite.
    """
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return _Like(column, bindparam(None, f"%{escaped}%", type_=Text()))


class _Slot(_Word):
    name = "slot"
    inherit_cache = True
    type = BigInteger()
    sqlite = "CAST({0} / {1} AS INTEGER)"
    postgresql = "CAST(FLOOR({0} / {1}) AS BIGINT)"


def slot(time: ColumnElement[float], seconds: int) -> ColumnElement[int]:
    """Give the number of the slot of so many ``seconds`` that a time (after 1970) is in, counted from 1970."""
    return _Slot(time, literal_column(str(seconds)))


class _Among(_Word):
    name = "among"
    inherit_cache = True
    sqlite = "{0} IN (SELECT value FROM json_each({1}))"
    postgresql = "{0} = ANY ({1})"


def among(column: ColumnElement[Any], name: str, item: type[TypeEngine[Any]] = BigInteger) -> ColumnElement[bool]:
    """
    ``column IN :name`` with the list as one parameter.

    The SQL stays the same however many there are, so it is prepared once and has no limit of parameters.
    """
    return _Among(column, bindparam(name, type_=_List(item)))
