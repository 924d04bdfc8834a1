"""What is measured: a relay between the source and the sink. Each kind of relay is a class with this face."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class World:
    """What stands around a relay in one run; the same for everybody."""

    folder: Path  # on a disk, empty, its own: queues and stores lie here
    sink: str  # "127.0.0.1:2500", where all mail goes
    connections: int = 20  # to the sink at once, at most
    recipients: int = 1_000  # of one message, at most
    dns: str = ""  # a name server that knows the domains' MX; "": mail goes to the sink without asking


class Peer(ABC):
    """One relay, from start() to stop()."""

    words = ""  # what it is and how it is configured, for the table

    def __init__(self, world: World) -> None:
        self.world = world

    @abstractmethod
    def start(self) -> None:
        """Start, and return once it greets."""

    @property
    @abstractmethod
    def target(self) -> tuple[str, int]:
        """Where it takes mail."""

    @property
    @abstractmethod
    def roots(self) -> Iterable[int]:
        """Its first processes; all below them are its own."""

    @abstractmethod
    def stop(self) -> None:
        """End all of it."""

    def complaint(self, samples: list[bytes]) -> str:
        """Say what is wrong with mails that came out; "" when they are as this relay should make them."""
        return "" if samples else "no sample came"

    def clear(self) -> None:
        """Remove what it left on the disk."""
        shutil.rmtree(self.world.folder, ignore_errors=True)
