"""The lock of a SQLite store: one process serves from it, for as long as it lives (Q8)."""

import contextlib
import fcntl
import os
from pathlib import Path

from store.errors import StoreLocked


class ProcessLock:
    """Held from construction to ``release``, or to the end of the process, however it ends."""

    def __init__(self, file: Path) -> None:
        """Take the lock beside ``file``. Raises StoreLocked when another process holds it."""
        self._path = file.with_name(f"{file.name}.lock")
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._handle, 20, 0).decode("ascii", "replace").strip()
            os.close(self._handle)
            raise StoreLocked(
                f"another process{f' ({holder})' if holder else ''} serves from {file} already"
            ) from error
        with contextlib.suppress(OSError):  # a full disk takes no number; the lock itself holds
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let others serve."""
        os.close(self._handle)
