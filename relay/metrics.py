"""What a process shows of itself when metrics are asked for: its counts, and the numbers that its parts hold now."""

import os
import resource
from collections.abc import Callable
from pathlib import Path

from admin.metrics import names
from admin.metrics.names import Metric
from admin.metrics.sample import Sample, of_measures
from store.measures import Measures
from store.token_nouns import Scope
from store.tokens import Tokens

_STATM = Path("/proc/self/statm")  # of Linux: numbers of pages, the second of those that are resident


class ProcessMetrics:
    """Collects what the parts of one process show."""

    def __init__(self) -> None:
        self._watched: list[tuple[Metric, Callable[[], float], tuple[str, ...]]] = []

    def watch(self, metric: Metric, read: Callable[[], float], *labels: str) -> None:
        """Show what ``read`` gives at the time; what has the same labels is added up."""
        self._watched.append((metric, read, labels))

    def sample(self, measures: Measures, ready: dict[str, bool], *, started_at: float) -> Sample:
        """Give all of it now. ``ready``: the parts by name, and whether each is up."""
        sample = of_measures(measures)
        for metric, read, labels in self._watched:
            sample.put(metric, read(), *labels)
        for part, up in ready.items():
            sample.put(names.READY, float(up), part)
        sample.put(names.STARTED, started_at)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        sample.put(names.CPU, usage.ru_utime + usage.ru_stime)
        if (memory := _resident()) is not None:
            sample.put(names.MEMORY, memory)
        return sample


def _resident() -> int | None:
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


async def may_read(tokens: Tokens, token: str, address: str) -> bool:
    """Say whether a token of the API may read. ``address`` is who asks, for the note of its last use."""
    found = await tokens.check(token, address)
    return found is not None and found.may(Scope.READ)
