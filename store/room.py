"""
The reserve of disk: below it no new mail is taken, so that what is here can still be crossed off (Q3).

On PostgreSQL the disk is the server's; its own "disk full" is told apart when it comes.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from store.errors import StoreUnavailable

_FRESH_SECONDS = 1.0  # how long one look is good for
_INODES = 100  # fewer left is as good as none


class Room:
    """Watches the file systems of some directories."""

    def __init__(self, directories: Sequence[Path], reserve: int, clock: Callable[[], float]) -> None:
        """Build it for directories that exist; ``reserve`` octets are to stay free on each."""
        self._directories = tuple(directories)
        self._reserve = reserve
        self._clock = clock
        self._looked_at = float("-inf")
        self._full = ""

    def check(self) -> None:
        """Raise StoreUnavailable(full=True) when there is less than the reserve."""
        now = self._clock()
        if not self._looked_at <= now < self._looked_at + _FRESH_SECONDS:
            self._looked_at = now
            self._full = next(filter(None, map(self._shortage, self._directories)), "")
        if self._full:
            raise StoreUnavailable(self._full, full=True)

    def _shortage(self, directory: Path) -> str:
        try:
            system = os.statvfs(directory)
        except OSError as error:
            return f"{directory} cannot be looked at: {error.strerror}"
        free = system.f_bavail * system.f_frsize
        if free < self._reserve:
            return (
                f"{directory} has {free // 1024**2} MiB left, less than the reserve of {self._reserve // 1024**2} MiB"
            )
        if system.f_files and system.f_favail < _INODES:
            return f"{directory} has {system.f_favail} inodes left"
        return ""
