"""
What the store costs: ``python -m bench.store``, by `make bench-store`.

Mails are accepted and settled through the store, by itself and without SMTP; beside it the same rows are written by
plain ``sqlite3``, in batches, with as many syncs: the named limit. The last rows answer whether SQLite gains from a
second writer: two processes write to one file.
"""

import asyncio
import contextlib
import json
import multiprocessing
import os
import resource
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from bench.facts import machine
from bench.letters import DOMAIN, bodies, head
from bench.run import DISK, RESULTS
from store.changes import Change, RecipientFacts
from store.events import Delivered
from store.nouns import NewMessage, NewRecipient, RecipientStatus, State
from store.open import Store, open_store
from store.settings import StoreSettings
from tests.rigs.postgres import Postgres, find_programs

TABLES = ("message", "recipient", "event")
BATCH = 50
TASKS = 100  # that accept and settle at once, as connections do
Row = dict[str, Any]


def _delivered(facts: RecipientFacts) -> Change:
    now = time.time()
    said = Delivered(message_id=facts.message_id, recipient_id=facts.recipient_id, at=now, reply="250 2.0.0 taken")
    return Change(
        status=RecipientStatus.DELIVERED,
        state=State.SETTLED,
        delivered_at=now,
        count_attempt=True,
        lift=True,
        last_reply="250 2.0.0 taken",
        events=(said,),
    )


async def _accept_and_settle(store: Store, number: int, content: bytes) -> None:
    """Take one mail and settle its recipient: two transactions, shared with whoever comes at the same time."""
    now = time.time()
    message = NewMessage(
        id=store.ids.next(),
        accepted_at=now,
        expires_at=now + 3 * 86_400.0,
        credential="bench",
        reverse_path="office@club.test",
        header_from="office@club.test",
        subject=f"Rechnung INV-{number}",
        header_message_id=f"{number}.bench@club.test",
        size=len(content),
    )
    address = f"r{number}-0@{DOMAIN}"
    recipient = NewRecipient(id=store.ids.next(), forward_path=address, address_key=address, domain=DOMAIN)
    taken = await store.queue.accept(message, content, [recipient])
    await store.queue.settle(taken.jobs[0].recipient_id, _delivered)


async def through_the_store(settings: StoreSettings, mails: int) -> Row:
    """Measure our own way."""
    store = await open_store(settings, clock=time.time, node_name="bench", serving=True)
    letters = _letters()
    numbers = iter(range(mails))
    took: list[float] = []

    async def work() -> None:
        for number in numbers:
            begin = time.perf_counter()
            await _accept_and_settle(store, number, letters[number % len(letters)])
            took.append(time.perf_counter() - begin)

    begin, before = time.perf_counter(), _cpu()
    await asyncio.gather(*(work() for _ in range(TASKS)))
    seconds, used = time.perf_counter() - begin, _cpu() - before
    await store.close()
    return _row(mails, seconds, used, took)


def _letters() -> list[bytes]:
    return [head(0, f"r0-0@{DOMAIN}") + body for body in bodies(pdf=False)]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _row(mails: int, seconds: float, used: float, took: Sequence[float]) -> Row:
    return {
        "mails_per_s": mails / seconds,
        "cpu_us": used / mails * 1e6,
        "p50": statistics.median(took),
        "p99": sorted(took)[int(len(took) * 0.99)],
    }


class _Plain:
    """Writes rows as they stand in a store of ours, by ``sqlite3`` and nothing else."""

    def __init__(self, file: Path, contents: Path, rows: Mapping[str, Row]) -> None:
        self._db = sqlite3.connect(file, isolation_level=None, timeout=60.0)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._segment = os.open(contents, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self._rows = {table: dict(row) for table, row in rows.items()}
        self._insert = {
            table: f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(f':{key}' for key in row)})"  # noqa: S608  names of our own columns
            for table, row in self._rows.items()
        }

    def accept(self, numbers: Sequence[int], letters: Sequence[bytes]) -> None:
        """Write a batch of mails: contents, one sync, rows, one commit."""
        os.writev(self._segment, [letters[number % len(letters)] for number in numbers])
        os.fdatasync(self._segment)
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(self._insert["message"], [self._message(number) for number in numbers])
        self._db.executemany(self._insert["recipient"], [self._recipient(number) for number in numbers])
        self._db.executemany(self._insert["event"], [self._event(2 * number) for number in numbers])
        self._db.execute("COMMIT")

    def settle(self, numbers: Sequence[int]) -> None:
        """Cross a batch off, each with its event."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(
            "UPDATE recipient SET state = 'settled', status = 'delivered', delivered_at = 1.0, attempts = attempts + 1,"
            " last_reply = '250 2.0.0 taken', claimed_by = NULL WHERE id = ?",
            [(2 * number + 1,) for number in numbers],
        )
        self._db.executemany(self._insert["event"], [self._event(2 * number + 1) for number in numbers])
        self._db.execute("COMMIT")

    def _message(self, number: int) -> Row:
        return {**self._rows["message"], "id": 2 * number}

    def _recipient(self, number: int) -> Row:
        return {**self._rows["recipient"], "id": 2 * number + 1, "message_id": 2 * number}

    def _event(self, position: int) -> Row:
        number = position // 2
        return {
            **self._rows["event"],
            "position": position + 1,
            "message_id": 2 * number,
            "recipient_id": 2 * number + 1,
        }


def plainly(file: Path, contents: Path, rows: Mapping[str, Row], numbers: range) -> Row:
    """Measure plain ``sqlite3`` in one process."""
    plain = _Plain(file, contents, rows)
    letters = _letters()
    took: list[float] = []
    begin, before = time.perf_counter(), _cpu()
    for start in range(numbers.start, numbers.stop, BATCH):
        batch = range(start, min(start + BATCH, numbers.stop))
        began = time.perf_counter()
        plain.accept(batch, letters)
        plain.settle(batch)
        took.append(time.perf_counter() - began)
    return _row(len(numbers), time.perf_counter() - begin, _cpu() - before, took)


def _plainly_told(answers: "multiprocessing.Queue[Row]", *arguments: Any) -> None:
    answers.put(plainly(*arguments))


def plainly_by_two(folder: Path, rows: Mapping[str, Row], mails: int) -> Row:
    """Measure two processes that write to one file, each half of the mails."""
    answers: multiprocessing.Queue[Row] = multiprocessing.Queue()
    halves = (range(mails // 2), range(mails // 2, mails))
    begin = time.perf_counter()
    writers = [
        multiprocessing.Process(
            target=_plainly_told, args=(answers, folder / "plain.db", folder / f"contents{serial}", rows, half)
        )
        for serial, half in enumerate(halves)
    ]
    for writer in writers:
        writer.start()
    parts = [answers.get() for _ in writers]
    for writer in writers:
        writer.join()
    seconds = time.perf_counter() - begin
    return {
        "mails_per_s": mails / seconds,
        "cpu_us": statistics.mean(part["cpu_us"] for part in parts),
        "p50": statistics.mean(part["p50"] for part in parts),
        "p99": max(part["p99"] for part in parts),
    }


def _pattern(folder: Path) -> dict[str, Row]:
    """Take one mail through a store, give a row of each table, and leave the store empty."""
    settings = _sqlite(folder)
    asyncio.run(through_the_store(settings, 1))
    with contextlib.closing(sqlite3.connect(folder / "homing.db", isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        rows = {table: dict(db.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()) for table in TABLES}  # noqa: S608  our own tables
        for table in reversed(TABLES):
            db.execute(f"DELETE FROM {table}")  # noqa: S608  our own tables
    return rows


def _sqlite(folder: Path) -> StoreSettings:
    folder.mkdir(exist_ok=True)
    return StoreSettings(url=f"sqlite:///{folder}/homing.db", contents=folder / "contents", reserve=0)


def _plain(place: Path, mails: int, measure: Callable[[Path, Mapping[str, Row], int], Row]) -> Row:
    folder = place / "plain"
    rows = _pattern(folder)
    (folder / "homing.db").rename(folder / "plain.db")
    try:
        return measure(folder, rows, mails)
    finally:
        shutil.rmtree(folder)


def _on_postgresql(place: Path, mails: int) -> Row:
    programs = find_programs()
    assert programs is not None, "PostgreSQL is missing: run scripts/provision-bench"
    server = Postgres(programs, ("shared_buffers=128MB",), place / "postgresql")
    try:
        server.start()
        settings = StoreSettings(url=server.url(server.fresh()), contents=place / "unused", reserve=0)
        return asyncio.run(through_the_store(settings, mails))
    finally:
        server.stop()


@click.command()
@click.option("--mails", default=10_000, show_default=True)
@click.option(
    "--folder", type=click.Path(path_type=Path), default=DISK, show_default=True, help="On the disk to measure with."
)
@click.option("--save/--no-save", default=True, help="Write bench/results/store.json.")
def main(mails: int, folder: Path, *, save: bool) -> None:
    """Measure, print a table, keep the figures."""
    place = Path(tempfile.mkdtemp(prefix="homing-bench-", dir=folder))
    place.chmod(0o755)
    try:
        facts = machine(place)
        one = lambda folder, rows, count: plainly(folder / "plain.db", folder / "contents0", rows, range(count))  # noqa: E731  beside its name
        rows = [
            {"words": "plain sqlite3, batches of 50", **_plain(place, mails, one)},
            {"words": "Homing's store, SQLite", **asyncio.run(through_the_store(_sqlite(place / "own"), mails))},
            {"words": "plain sqlite3, two processes, one file", **_plain(place, mails, plainly_by_two)},
            {"words": "Homing's store, PostgreSQL", **_on_postgresql(place, mails)},
        ]
    finally:
        shutil.rmtree(place, ignore_errors=True)
    click.echo(table(rows))
    if save:
        RESULTS.mkdir(exist_ok=True)
        told = {"scenario": "store", "title": "Accepting and settling, without SMTP", "machine": facts, "rows": rows}
        (RESULTS / "store.json").write_text(json.dumps(told, indent=1) + "\n")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the table; ratios refer to the first row."""
    lines = [
        "| | mails/s | ratio | CPU microseconds a mail | p50 ms | p99 ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row['words']} | {row['mails_per_s']:,.0f} | {row['mails_per_s'] / rows[0]['mails_per_s']:.2f} "
        f"| {row['cpu_us']:.0f} | {row['p50'] * 1000:.1f} | {row['p99'] * 1000:.1f} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
