"""
What a tree of processes costs: processor seconds, dead children included, and memory.

Where the kernel lets us, the tree is put into a control group of its own and the group is read (exact, whatever forks
and ends); else the numbers in /proc are added up, where children that were nobody's when they ended are missing.
"""

import atexit
import contextlib
import itertools
import os
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

_V1, _V2 = Path("/sys/fs/cgroup/cpuacct"), Path("/sys/fs/cgroup")
_SERIAL = itertools.count(1)
_TICKS = os.sysconf("SC_CLK_TCK")


def tree(roots: Iterable[int]) -> set[int]:
    """Find the processes below and including some, as far as they live."""
    children = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            children[int(stat[1])].append(int(entry.name))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        process = waiting.pop()
        if process not in found:
            found.add(process)
            waiting += children[process]
    return found


def _stat(process: int) -> list[str]:
    """Read /proc/PROCESS/stat from the field behind the name, which is the state; [] when it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


class Meter:
    """Measures the trees below ``roots`` from now on."""

    def __init__(self, roots: Iterable[int]) -> None:
        self._roots = list(roots)
        self._group = self._make_group()
        self.peak = 0  # octets of memory, proportional set size, the most that was sampled
        self._gather()
        atexit.register(self.close)  # a group can be removed once all in it has ended

    @property
    def way(self) -> str:
        """How it measures: "cgroup" or "proc"."""
        return "cgroup" if self._group else "proc"

    def _make_group(self) -> Path | None:
        above = _V1 if _V1.is_dir() else _V2
        group = above / f"homing-bench-{os.getpid()}-{next(_SERIAL)}"
        try:
            group.mkdir()
        except OSError:
            return None
        return group

    def _gather(self) -> None:
        """Move the trees into the group; again for what was forked meanwhile."""
        if self._group is None:
            return
        inside: set[int] = set()
        while missing := tree(self._roots) - inside:
            for process in missing:
                with contextlib.suppress(OSError):  # it has ended
                    (self._group / "cgroup.procs").write_text(str(process))
            inside |= missing

    def _living(self) -> set[int]:
        if self._group is None:
            return tree(self._roots)
        return {int(line) for line in (self._group / "cgroup.procs").read_text().split() if line != "0"}

    def cpu(self) -> float:
        """Give processor seconds so far; differences of two readings mean something."""
        if self._group is None:
            stats = [stat for process in tree(self._roots) if (stat := _stat(process))]
            return sum(int(ticks) for stat in stats for ticks in stat[11:15]) / _TICKS
        if (self._group / "cpuacct.usage").exists():
            return int((self._group / "cpuacct.usage").read_text()) / 1e9
        lines = (self._group / "cpu.stat").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("usage_usec")) / 1e6

    def sample(self) -> None:
        """Look how much memory is in use."""
        self.peak = max(self.peak, sum(map(_pss, self._living())))

    def close(self) -> None:
        """Remove the group, once all in it has ended."""
        for _ in range(50):
            if self._group is None:
                return
            try:
                self._group.rmdir()
            except OSError:
                time.sleep(0.1)
            else:
                self._group = None


def _pss(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
