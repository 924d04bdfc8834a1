"""
Loss of power: what was answered 250 is there, whatever of the unsynced octets reached the disk (promise 1, Q2, 7.2).

A store takes mail after mail, and the sizes of its files are noted at each answer: up to there they are synced, since
the content is synced before the commit, and the commit before the answer (``synchronous = FULL``). Then the power goes
while the next mail is written: first its content, with the log of the database untouched; or the log, with the content
synced. What was not synced is missing, zero, or rubbish, page by page as it happens.
"""

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from store.claims import IN_DOUBT_WAIT
from store.open import Store, open_store
from store.settings import StoreSettings
from tests.conftest import Clock
from tests.store.mail import accept

NOW = 1_790_000_000.0
MAILS = 24
PAGE = 4096  # what a disk writes at once, or not at all
LOG = "homing.db-wal"


def content_of(number: int) -> bytes:
    """Write the content of a mail; each third one ends a segment."""
    return f"Subject: {number}\r\n\r\n".encode() + b"%08d\r\n" % number * (50 + 400 * (number % 3 == 0))


@dataclass(frozen=True)
class Disk:
    """The files of a store that ran, and how long each was when so many mails had been answered."""

    folder: Path
    answered: list[dict[str, int]] = field(default_factory=list)

    def sizes(self) -> dict[str, int]:
        """Look at the files that grow."""
        return {
            path.relative_to(self.folder).as_posix(): path.stat().st_size
            for path in (self.folder / LOG, *sorted((self.folder / "contents").iterdir()))
        }


def settings_in(folder: Path) -> StoreSettings:
    return StoreSettings(
        url=f"sqlite:///{folder}/homing.db", contents=folder / "contents", segment_size=9_000, reserve=0
    )


async def opened(folder: Path, clock: Clock) -> Store:
    return await open_store(settings_in(folder), clock=clock, node_name="node", serving=True)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    """Let a store take its mails, and keep its files as they are then: it is not closed in order."""
    running, kept = tmp_path_factory.mktemp("running"), tmp_path_factory.mktemp("kept")

    async def take() -> Disk:
        disk = Disk(running)
        store = await opened(running, Clock(NOW))
        for number in range(MAILS):
            await accept(store, f"m{number}@example.org", now=NOW, content=content_of(number))
            disk.answered.append(disk.sizes())
        shutil.copytree(running, kept, dirs_exist_ok=True)
        await store.close()
        return Disk(kept, disk.answered)

    return asyncio.run(take())


def test_nothing_that_was_synced_is_written_again(disk: Disk) -> None:
    """The rig holds: log and segments only grow, and there are several segments."""
    for before, after in pairwise(disk.answered):
        assert all(after[name] >= size for name, size in before.items())
        assert after[LOG] > before[LOG]
    assert len(disk.answered[-1]) > 4


Damage = Callable[[bytes, random.Random], bytes]


def _cut(octets: bytes, chance: random.Random) -> bytes:
    return octets[: chance.randrange(len(octets) + 1)]


def _zeroed(octets: bytes, chance: random.Random) -> bytes:
    begin = chance.randrange(len(octets) + 1)
    return octets[:begin] + bytes(len(octets) - begin)


def _pages(octets: bytes, chance: random.Random) -> bytes:
    """Some pages were written, others not: the file system had grown the file already."""
    pieces = [octets[begin : begin + PAGE] for begin in range(0, len(octets), PAGE)]
    return b"".join(piece if chance.random() < 0.5 else bytes(len(piece)) for piece in pieces)


def _rubbish(octets: bytes, chance: random.Random) -> bytes:
    """What had lain there before."""
    begin = chance.randrange(len(octets) + 1)
    return octets[:begin] + chance.randbytes(len(octets) - begin)


DAMAGES: dict[str, Damage] = {"cut": _cut, "zeroed": _zeroed, "pages": _pages, "rubbish": _rubbish}


def lose_power(disk: Disk, folder: Path, *, answered: int, within_log: bool, damage: Damage, seed: int) -> None:
    """Leave in ``folder`` what the disk has when the power goes while the mail behind the answered ones is written."""
    chance = random.Random(seed)
    shutil.copytree(disk.folder, folder)
    (folder / f"{LOG[:-3]}shm").unlink(missing_ok=True)
    for dots in (folder / "homing.db.dots").iterdir():
        dots.write_bytes(b"")  # mapped memory, never synced
    synced, next_ = disk.answered[answered - 1], disk.answered[answered]
    for path in (folder / LOG, *(folder / "contents").iterdir()):
        name = path.relative_to(folder).as_posix()
        if name not in next_:
            path.unlink()  # of later mails
            continue
        octets = path.read_bytes()
        whole, written = synced.get(name, 0), next_[name]
        if (name == LOG) == within_log:
            path.write_bytes(octets[:whole] + damage(octets[whole:written], chance))
        else:  # the content was synced before the first octet of its commit; before that the log has nothing of it
            path.write_bytes(octets[: written if within_log else whole])


@pytest.mark.parametrize("within_log", [False, True], ids=["in the content", "in the log"])
@pytest.mark.parametrize("kind", DAMAGES)
async def test_q2_what_was_answered_survives_a_loss_of_power(
    disk: Disk, tmp_path: Path, kind: str, *, within_log: bool
) -> None:
    """
    Every mail that was answered is there with its content, its event and its place in the queue, in doubt.

    The one that was being written is there whole, or not at all; the file is in order, and new mail is taken.
    """
    for answered in (1, 3, 4, MAILS // 2, MAILS - 1):
        folder = tmp_path / str(answered)
        lose_power(disk, folder, answered=answered, within_log=within_log, damage=DAMAGES[kind], seed=answered)
        clock = Clock(NOW)
        store = await opened(folder, clock)
        assert await store.queue.claim_due(1) == []  # it may have left us: nothing says that its dot was not sent
        clock.move(IN_DOUBT_WAIT)
        claimed = {job.forward_path: job for job in await store.queue.claim_due(MAILS + 1)}
        there = sorted(int(address[1:].partition("@")[0]) for address in claimed)
        assert there in (list(range(answered)), list(range(answered + 1)))
        for number in there:
            job = claimed[f"m{number}@example.org"]
            assert job.in_doubt
            assert await store.contents.read(job.content) == content_of(number)
            (found,) = await store.find.by_address(job.forward_path)
            assert [event.kind for event in found.events] == ["accepted"]
        again = await accept(store, "later@example.org", now=NOW, content=b"later")
        assert await store.contents.read(again.jobs[0].content) == b"later"
        await store.close()
        with closing(sqlite3.connect(folder / "homing.db")) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_q2_the_writer_syncs_each_commit(tmp_path: Path) -> None:
    """What the rig takes for granted: SQLite's ``synchronous`` is FULL (2) where 250 is promised."""
    store = await opened(tmp_path, Clock(NOW))
    found = await store._connection.run(
        lambda connection: connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    )
    assert found == 2
    await store.close()
