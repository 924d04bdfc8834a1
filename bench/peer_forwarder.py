"""Stock aiosmtpd with a plain forward (bench/forwarder.py), and no relay at all."""

import subprocess
import sys
from collections.abc import Iterable

from bench.peer import Peer, World
from tests.e2e.rigs.loopback import greeting, own_address
from tests.e2e.rigs.until import until


class ForwarderPeer(Peer):
    """aiosmtpd as it comes, a queue in SQLite, smtplib in threads."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        world.folder.mkdir(parents=True)
        self._address = own_address()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        host, port = self.target
        words = (f"{host}:{port}", self.world.sink, str(self.world.folder), str(self.world.connections))
        self._process = subprocess.Popen((sys.executable, "-m", "bench.forwarder", *words))
        until("the forwarder greets", lambda: greeting(host, port))

    @property
    def target(self) -> tuple[str, int]:
        """A port of its own address."""
        return self._address, 2525

    @property
    def roots(self) -> Iterable[int]:
        """One process."""
        assert self._process is not None
        return [self._process.pid]

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class NoPeer(Peer):
    """The sender talks to the sink itself: what the two can do at most, and what they cost."""

    def start(self) -> None:
        """Nothing is to start."""

    @property
    def target(self) -> tuple[str, int]:
        """The sink."""
        host, _, port = self.world.sink.rpartition(":")
        return host, int(port)

    @property
    def roots(self) -> Iterable[int]:
        """None."""
        return []

    def stop(self) -> None:
        """Nothing is to stop."""
