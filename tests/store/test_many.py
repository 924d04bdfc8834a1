"""store/many.py."""

import pytest
from sqlalchemy import Connection, null, select

from store.many import SIZES, ManyReads, ManyRows
from store.open import Store
from store.schema import mark
from store.writer import Kind, Transaction

INSERT = ManyRows(mark, "at", "name")
UPDATE = ManyRows(mark, "at", key="name")


async def carry_out(store: Store, many: ManyRows, rows: list[tuple[object, ...]]) -> None:
    def perform(transaction: Transaction, wishes: object) -> list[None]:
        del wishes
        many.execute(transaction.connection, rows)
        return [None]

    await store._writer.submit(Kind("many", perform), None)


async def marks(store: Store) -> dict[str, float]:
    def read(connection: Connection) -> dict[str, float]:
        return {row.name: row.at for row in connection.execute(select(mark).where(mark.c.name.like("m%")))}

    return await store._reader.run(read)


@pytest.mark.parametrize("count", [0, 1, SIZES[0] - 1, SIZES[0], SIZES[0] + 1, sum(SIZES), 2 * SIZES[0] + 7])
async def test_rows_at_the_limit_and_beside_it(store: Store, count: int) -> None:
    """As many as fill a statement, one less and one more: each row once, and each changed by its own key."""
    rows = [(float(n), f"m{n}") for n in range(count)]
    await carry_out(store, INSERT, list(rows))
    assert await marks(store) == {name: at for at, name in rows}
    await carry_out(store, UPDATE, [(at + 0.5, name) for at, name in rows[:-1]])
    assert await marks(store) == {name: at + 0.5 for at, name in rows[:-1]} | {name: at for at, name in rows[-1:]}


async def test_a_key_that_is_not_there_changes_nothing(store: Store) -> None:
    """As an UPDATE always does."""
    await carry_out(store, INSERT, [(1.0, "m1")])
    await carry_out(store, UPDATE, [(2.0, "m2")])
    assert await marks(store) == {"m1": 1.0}


async def test_what_is_read_at_once_is_what_was_written(store: Store) -> None:
    """Numbers, texts and times, to the last bit and letter; nothing where nothing is."""
    read = ManyReads(select(mark.c.name, mark.c.at, null().label("unknown")).where(mark.c.name.like("m%")))
    rows = [
        (1_790_000_000.1234567, "m1"),
        (1_790_000_000.0000002, "m\"\\'\n"),
        (1_830_297_599.9999998, "mé\u2028漢字"),
        (0.0, "m0"),
        (-1.5, "m-"),
    ]
    await carry_out(store, INSERT, list(rows))
    found = await store._reader.run(lambda connection: [tuple(row) for row in read.execute(connection, {})])
    assert sorted(found) == sorted((name, at, None) for at, name in rows)
    empty = ManyReads(select(mark.c.name).where(mark.c.name == "none"))
    assert await store._reader.run(lambda connection: empty.execute(connection, {})) == []
