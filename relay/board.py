"""
What workers show each other: each writes its metrics down every few seconds, and the first shows them all.

A file for each worker, in a folder that the supervisor made for all of them and removes at the end. A file is put in
its place whole. One that is old is of a worker that is gone, and is not shown.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from admin.metrics.sample import Sample

EVERY = 5.0  # seconds between two writes
OLD = 20.0  # seconds


class Board:
    """One worker's view. No ``folder``: there are no others. ``clock``: Unix seconds, one for all workers."""

    def __init__(self, folder: Path | None, number: int, *, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._number = number
        self._clock = clock

    def write(self, sample: Sample) -> None:
        """Show this. What cannot be written is missing from the metrics, and hurts nobody else."""
        if self._folder is None:
            return
        beside = self._folder / f"{self._number}.new"
        with contextlib.suppress(OSError):
            beside.write_text(json.dumps({"at": self._clock(), "sample": sample.as_json()}), encoding="utf-8")
            beside.replace(self._folder / f"{self._number}.json")

    def others(self) -> dict[str, Sample]:
        """Give what the other workers show, by their numbers."""
        shown: dict[str, Sample] = {}
        for file in self._folder.glob("*.json") if self._folder else ():
            with contextlib.suppress(OSError, ValueError, KeyError):
                told = json.loads(file.read_text(encoding="utf-8"))
                if file.stem != str(self._number) and abs(self._clock() - float(told["at"])) < OLD:
                    shown[file.stem] = Sample.from_json(told["sample"])
        return shown

    async def keep_written(self, sample: Callable[[], Sample]) -> None:
        """Write again and again, until cancelled."""
        while True:
            self.write(sample())
            await asyncio.sleep(EVERY)
