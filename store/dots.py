"""
Final dots that are out and not answered yet, beside SQLite: in a small file that is mapped into memory (promise 4).

A dot must be known after the death of the process, so that its mail is sent again as a possible duplicate. What is
written to mapped memory outlives the process, whatever kills it, and costs no transaction and no sync. It does not
outlive the machine: after a loss of power, told by another boot id, every mail that was claimed is in doubt.

One file for each life of a process (``store/nodes.py``), in the directory ``homing.db.dots``:

    file = magic (8 octets)  boot id (40)  heard (8)  zeros (8)  slots     slot = recipient id (8)  Unix seconds (8)

Numbers are in the machine's order. A slot with id 0 is free. ``heard`` counts the words that people said about
recipients: whoever is about to say one counts first and looks at the slots then. A dot is noted first, and counts only
where no word was said since its recipient was claimed. So a word finds every dot, or the dot finds the word, and then
asks the store. On PostgreSQL there is no such file, and every dot is a transaction.
"""

import contextlib
import mmap
import os
import struct
from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, bindparam, select, update

from store.schema import recipient
from store.sql import CLAIMED

UNHEARD = -1  # in place of ``heard`` where there is no file: every dot asks the store
_MAGIC = b"HmgDots1"
_BOOT = 40
_HEARD = len(_MAGIC) + _BOOT  # its offset
_HEAD = _HEARD + 16
_SLOT = 16
_SLOTS = 4_096  # more connections than that mark their dots in the store
_SIZE = _HEAD + _SLOTS * _SLOT

_NOTE = (
    update(recipient)
    .where(
        recipient.c.id == bindparam("b_id"),
        recipient.c.state == CLAIMED,
        recipient.c.claimed_by == bindparam("life"),
    )
    .values(dot_sent_at=bindparam("at", type_=recipient.c.dot_sent_at.type))
)
# Served by recipient_claimed.
_CLAIMERS = select(recipient.c.claimed_by).where(recipient.c.state == CLAIMED).distinct()
_DOUBT_ALL = (
    update(recipient)
    .where(
        recipient.c.state == CLAIMED,
        recipient.c.claimed_by == bindparam("life"),
        recipient.c.dot_sent_at.is_(None),
    )
    .values(dot_sent_at=bindparam("at", type_=recipient.c.dot_sent_at.type))
)


@dataclass(frozen=True, slots=True)
class _Noted:
    """What the file of one life says."""

    life: int
    whole: bool  # it was written since the machine was started: no dot is missing
    dots: dict[int, float]  # recipient id -> Unix seconds


class Dots:
    """The dots of this process, and the files of the others. ``directory`` None: there are no files."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self.life = 0  # whose file is open; 0: none
        self._map: mmap.mmap | None = None
        self._words: memoryview[int] = memoryview(bytearray(8)).cast("q")
        self._ids: memoryview[int] = self._words
        self._times: memoryview[float] = memoryview(bytearray(8)).cast("d")
        self._taken: dict[int, int] = {}  # recipient id -> place of its slot
        self._free: list[int] = []

    # The dots of this process, in the event loop.

    def heard(self, life: int) -> int:
        """Give what a recipient that ``life`` claims now has to keep for ``mark``."""
        if self._directory is None:
            return UNHEARD
        if self.life != life:
            self._open(life)
        return self._words[0] if self._map is not None else UNHEARD

    def mark(self, recipient_id: int, heard: int, now: float) -> bool:
        """Note that a final dot is about to be sent; False: the store must be asked."""
        if heard == UNHEARD or not self._free or recipient_id in self._taken:
            return False
        place = self._free.pop()
        self._times[place + 1] = now
        self._ids[place] = recipient_id
        if self._words[0] != heard:
            self._ids[place] = 0
            self._free.append(place)
            return False
        self._taken[recipient_id] = place
        return True

    def clear(self, recipient_id: int) -> None:
        """Forget a dot: what came of it is written."""
        place = self._taken.pop(recipient_id, None)
        if place is not None:
            self._ids[place] = 0
            self._free.append(place)

    def leave(self) -> None:
        """Delete the file of this life: it holds no claim any more."""
        if self._directory is not None and self.life:
            (self._directory / str(self.life)).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file."""
        for view in (self._words, self._ids, self._times):
            view.release()
        if self._map is not None:
            self._map.close()
            self._map = None
        self._free.clear()
        self.life = 0

    def _open(self, life: int) -> None:
        assert self._directory is not None
        self.close()
        self.life = life
        self._taken.clear()
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            file = os.open(self._directory / str(life), os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                # All of it is written once, so that no store into the map ever needs room on the disk.
                begin = _MAGIC + _boot_id() + struct.pack("=q", life)
                os.pwrite(file, begin.ljust(_SIZE, b"\0"), 0)
                self._map = mmap.mmap(file, _SIZE)
            finally:
                os.close(file)
        except OSError:  # a full disk: then each dot asks the store, which says so
            return
        whole = memoryview(self._map)
        self._words = whole[_HEARD : _HEARD + 8].cast("q")
        self._ids, self._times = whole[_HEAD:].cast("q"), whole[_HEAD:].cast("d")
        self._free = list(range(0, 2 * _SLOTS, 2))

    # All files, in the writer's transactions.

    def announce(self) -> None:
        """Count a word before it is said: dots that are noted from now on find it."""
        for path in self._files():
            with contextlib.suppress(OSError, ValueError), path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as it:
                if len(it) == _SIZE and it[: len(_MAGIC)] == _MAGIC:
                    (heard,) = struct.unpack_from("=q", it, _HEARD)
                    struct.pack_into("=q", it, _HEARD, heard + 1)

    def write(self, connection: Connection, recipient_ids: AbstractSet[int] | None = None) -> None:
        """Write noted dots into the rows of their recipients; None: of all. Other statements then find them there."""
        rows = [
            {"b_id": id_, "life": noted.life, "at": at}
            for noted in self._noted()
            for id_, at in noted.dots.items()
            if recipient_ids is None or id_ in recipient_ids
        ]
        if rows:
            connection.execute(_NOTE, rows)

    def write_those_of_others(self, connection: Connection, life: int, now: float) -> None:
        """Write the dots of other lives; where some may be missing, all that the life had claimed is in doubt."""
        if self._directory is None:
            return
        self.write(connection)  # ours too: it is the truth
        whole = {noted.life for noted in self._noted() if noted.whole}
        lost = set(connection.execute(_CLAIMERS).scalars()) - whole - {life}
        if lost:
            connection.execute(_DOUBT_ALL, [{"life": other, "at": now} for other in sorted(lost)])

    def forget(self, lives: Collection[int] | None) -> None:
        """Delete the files of lives that are over; None: of all but ours."""
        for path in self._files():
            life = int(path.name)
            if life != self.life and (lives is None or life in lives):
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[Path]:
        if self._directory is not None and self._directory.is_dir():
            yield from (path for path in self._directory.iterdir() if path.name.isdecimal())

    def _noted(self) -> Iterator[_Noted]:
        boot = _boot_id()
        for path in self._files():
            with contextlib.suppress(OSError):
                octets = path.read_bytes()
                if len(octets) == _SIZE and octets.startswith(_MAGIC):
                    slots = struct.iter_unpack("=qd", octets[_HEAD:])
                    dots = {id_: at for id_, at in slots if id_}
                    yield _Noted(int(path.name), octets[len(_MAGIC) : _HEARD] == boot, dots)


def _boot_id() -> bytes:
    """Tell this run of the machine from all others, in 40 octets; zeros, which are no run, where it cannot be told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes()[:_BOOT].ljust(_BOOT, b"\0")
    except OSError:
        return bytes(_BOOT)
