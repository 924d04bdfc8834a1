"""Homing, as an operator runs it: `homing serve` with a configuration file."""

import json
import re
import time
from collections.abc import Iterable
from typing import Any

import dkim

from bench.letters import SENDER
from bench.peer import Peer, World
from relay.dkim_commands import IN_FORCE_AFTER
from tests.e2e.rigs.homing import Homing, to_toml
from tests.rigs.postgres import Postgres, find_programs

_PIXEL = re.compile(rb"/o/[A-Za-z0-9_-]{22}\.gif")
CLUB = SENDER.partition("@")[2]


class HomingPeer(Peer):
    """
    One Homing.

    Args:
        world: What stands around it.
        pixel: Put the open pixel in; without it tracking is off. The return path is each copy's own in both cases.
        sign: Sign with DKIM, RSA-2048.
        workers: Processes; 1 is what is shipped.
        postgresql: Keep all in a PostgreSQL of its own, whose costs are counted, and not in SQLite.
    """

    def __init__(
        self, world: World, *, pixel: bool = True, sign: bool = False, workers: int = 1, postgresql: bool = False
    ) -> None:
        super().__init__(world)
        world.folder.mkdir(parents=True)
        self._pixel, self._sign = pixel, sign
        self._postgres = _postgres(world) if postgresql else None
        self._keys: dict[str, str] = {}  # DKIM records by their name
        self._homing = Homing(world.folder, self._settings(workers))
        if not world.dns:
            self._homing.route("*", world.sink)

    def _settings(self, workers: int) -> dict[str, Any]:
        world = self.world
        delivery = {
            "connections": max(200, world.connections),
            "connections_per_destination": world.connections,
            "schedule": ["1m"],
        }
        submission = {
            "trusted_networks": ["127.0.0.0/8"],
            "limits": {"connections_per_address": 100, "max_recipients": max(1_000, world.recipients)},
        }
        relay: dict[str, Any] = {"submission": submission, "delivery": delivery}
        if workers > 1:
            relay["workers"] = workers
        if world.dns:
            relay["dns"] = {"nameservers": [f"{world.dns}:53"]}
        store: dict[str, Any] = {"reserve": "200MiB"}
        return {"relay": relay, "pixel": {"tracking": "verdict" if self._pixel else "off"}, "store": store}

    def start(self) -> None:
        """Start the store's server, make the key, start Homing."""
        if self._postgres is not None:
            self._postgres.start()
            self._homing.settings["store"]["url"] = self._postgres.url(self._postgres.fresh())
        if self._sign:
            self._make_key()
        self._homing.start()

    def _make_key(self) -> None:
        self._homing.config.write_text(to_toml(self._homing.settings))
        self._homing.run("dkim", "new", CLUB)
        made = json.loads(self._homing.run("dkim", "list", "--json").splitlines()[0])
        self._keys[made["record_name"]] = made["record"]
        self._homing.run("dkim", "activate", CLUB, made["selector"])
        time.sleep(IN_FORCE_AFTER)

    @property
    def target(self) -> tuple[str, int]:
        """The submission port."""
        return self._homing.submission

    @property
    def roots(self) -> Iterable[int]:
        """Homing, and the store's server."""
        return [self._homing.pid, *([self._postgres.pid] if self._postgres else [])]

    def stop(self) -> None:
        """End it as systemd does."""
        try:
            self._homing.terminate()
        finally:
            self._homing.stop()
            if self._postgres is not None:
                self._postgres.stop()

    def complaint(self, samples: list[bytes]) -> str:
        """Each copy has its pixel or none, and a signature that holds where it should."""
        for mail in samples:
            if bool(_PIXEL.search(mail.replace(b"=\r\n", b""))) != self._pixel:
                return f"pixel {'missing' if self._pixel else 'without being asked'}"
            if self._sign and not dkim.verify(mail, dnsfunc=self._key):
                return "a signature does not hold"
        return super().complaint(samples)

    def _key(self, name: bytes, **_: Any) -> bytes:
        """Give the TXT record of a key."""
        return self._keys.get(name.decode().rstrip("."), "").encode()


def _postgres(world: World) -> Postgres:
    """Make a server with Debian's own settings; it syncs each commit, as it is shipped."""
    programs = find_programs()
    assert programs is not None, "PostgreSQL is missing: run scripts/provision-bench"
    return Postgres(programs, ("shared_buffers=128MB", "max_connections=100"), world.folder / "postgresql")
