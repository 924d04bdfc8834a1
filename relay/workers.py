"""
Which of several workers a process is, and what follows from it.

Workers share the ports, the store and the limits of the way out. What is to be done once, or is seen from one place
only (pages, the sandbox, the log of events, the retention, fetching lists), is done by the first.
"""

from dataclasses import dataclass
from pathlib import Path

from relay.config import Config


@dataclass(frozen=True, slots=True)
class Worker:
    """One of ``count`` workers, numbered from 0; by itself, the only one."""

    number: int = 0
    count: int = 1
    family: str = ""  # of all workers that one supervisor has, now and later; no other supervisor has it
    board: Path | None = None  # folder where workers show each other their metrics (board.py)

    @property
    def name(self) -> str:
        """What it has in common with those that had its place before; "" without a supervisor."""
        return f"{self.family}.{self.number}" if self.family else ""

    @property
    def is_first(self) -> bool:
        """Whether it also does what is done once."""
        return self.number == 0

    @property
    def shares_ports(self) -> bool:
        """Whether others listen on the same ports."""
        return self.count > 1

    def part_of(self, config: Config) -> Config:
        """
        Give the configuration as this worker lives by it.

        ``relay.delivery.connections`` counts for all workers together, so each has its part; limits by destination
        and provider are divided by ``delivery/providers.py``. Each worker but the first remembers other servers' TLS in
        a file of its own, and takes up lists that the first fetches.
        """
        if not self.shares_ports:
            return config
        delivery = config.relay.delivery
        relay: dict[str, object] = {
            "delivery": delivery.model_copy(update={"connections": max(1, delivery.connections // self.count)})
        }
        if self.is_first:
            return config.model_copy(update={"relay": config.relay.model_copy(update=relay)})
        memory = config.relay.tls.memory
        own = memory.with_name(f"{memory.stem}-{self.number}{memory.suffix}")
        relay["tls"] = config.relay.tls.model_copy(update={"memory": own})
        lists = config.pixel.lists.model_copy(update={"update": "never"})
        pixel = config.pixel.model_copy(update={"lists": lists})
        return config.model_copy(update={"relay": config.relay.model_copy(update=relay), "pixel": pixel})


ALONE = Worker()
