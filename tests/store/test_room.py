"""store/room.py: below the reserve no new mail is taken (Q3)."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from store.errors import StoreUnavailable
from store.room import Room
from tests.conftest import Clock

MIB = 1024**2


class Disk:
    """What ``os.statvfs`` says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free, self.inodes, self.has_inodes = 300 * MIB, 1_000, True
        self.looks = 0
        monkeypatch.setattr(os, "statvfs", self)

    def __call__(self, directory: Path) -> SimpleNamespace:
        self.looks += 1
        if not directory.exists():
            raise FileNotFoundError(2, "No such file or directory")
        total = 10_000 if self.has_inodes else 0
        return SimpleNamespace(f_bavail=self.free // 4096, f_frsize=4096, f_files=total, f_favail=self.inodes)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_at_the_reserve_and_one_below_it(disk: Disk, clock: Clock, tmp_path: Path) -> None:
    """Exactly the reserve is enough; a block less is not, and the sentence says how much there is."""
    room = Room([tmp_path], 200 * MIB, clock)
    disk.free = 200 * MIB
    room.check()
    disk.free -= 4096
    clock.move(1.0)
    with pytest.raises(StoreUnavailable, match="199 MiB left, less than the reserve of 200 MiB") as caught:
        room.check()
    assert caught.value.full


def test_it_recovers_by_itself(disk: Disk, clock: Clock, tmp_path: Path) -> None:
    """Nobody must restart anything after making room."""
    room = Room([tmp_path], 200 * MIB, clock)
    disk.free = 0
    with pytest.raises(StoreUnavailable):
        room.check()
    disk.free = 300 * MIB
    clock.move(1.0)
    room.check()


def test_a_look_is_good_for_a_second(disk: Disk, clock: Clock, tmp_path: Path) -> None:
    """Thousands of mails a second cost one look; a clock that jumps back costs one more, never an hour without."""
    room = Room([tmp_path], 0, clock)
    for _ in range(3):
        room.check()
    assert disk.looks == 1
    clock.move(0.99)
    room.check()
    assert disk.looks == 1
    clock.move(-3600.0)
    room.check()
    assert disk.looks == 2


def test_inodes_run_out_too(disk: Disk, clock: Clock, tmp_path: Path) -> None:
    """A file system that counts none has enough of them."""
    disk.inodes = 99
    with pytest.raises(StoreUnavailable, match="99 inodes left"):
        Room([tmp_path], 0, clock).check()
    disk.has_inodes = False
    Room([tmp_path], 0, clock).check()


def test_each_directory_counts(disk: Disk, clock: Clock, tmp_path: Path) -> None:
    """One that cannot be looked at is as bad as a full one."""
    with pytest.raises(StoreUnavailable, match="cannot be looked at: No such file"):
        Room([tmp_path, tmp_path / "gone"], 0, clock).check()
    assert disk.looks == 2
