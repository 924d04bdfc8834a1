"""Homing itself, as an operator runs it: a configuration file, the command `homing serve`, signals."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.rigs.loopback import own_address
from tests.e2e.rigs.until import until

COMMAND = str(Path(sys.executable).with_name("homing"))
BOUNCE_DOMAIN = "bounces.homing.test"
HOSTNAME = "relay.homing.test"

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Login:
    """A credential as `homing user add --json` gives it."""

    user: str
    password: str


class Homing:
    """
    One relay with a folder and a loopback address of its own.

    Args:
        folder: For the configuration and everything that Homing keeps.
        settings: What differs from the defaults, as nested tables.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.address = own_address()
        self.submission = (self.address, 2525)
        self.bounces = (self.address, 2526)
        self.pixel_url = f"http://{self.address}:8025"
        self.admin_url = f"http://{self.address}:8026"
        self.output_file = folder / "output.txt"
        self.config = folder / "config.toml"
        self.settings: dict[str, Any] = _merged(self._usual(), settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._tail: subprocess.Popen[bytes] | None = None

    def _usual(self) -> dict[str, Any]:
        return {
            "relay": {
                "hostname": HOSTNAME,
                "submission": {"listen": [f"{self.address}:2525"]},
                "delivery": {"allow_private_destinations": ["127.0.0.0/8"], "schedule": ["1s"], "drain": "10s"},
                "sandbox": {"enabled": False},
            },
            "bounce": {"listen": [f"{self.address}:2526"], "domain": BOUNCE_DOMAIN},
            "pixel": {"listen": [f"{self.address}:8025"], "base_url": self.pixel_url},
            "admin": {"listen": [f"{self.address}:8026"]},
            "store": {"reserve": "1MiB"},
        }

    def route(self, domain: str, to: str) -> None:
        """Send mail for a domain to ``address:port`` in place of its MX. Before start()."""
        host, _, port = to.rpartition(":")
        self.settings["relay"].setdefault("routes", {})[domain] = {"host": host, "port": int(port)}

    def start(
        self, environment: Mapping[str, str] | None = None, *, command: Sequence[str] = (COMMAND, "serve")
    ) -> None:
        """Start, and return once it says that it is ready. ``environment`` is added to that of the tests."""
        self.spawn(command, environment)
        until("Homing is ready", self._ready, seconds=60)

    def spawn(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start by another command than usual, and do not wait."""
        self.config.write_text(to_toml(self.settings))
        with self.output_file.open("ab") as output:
            self._process = subprocess.Popen(
                (*command, "--config", str(self.config)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                cwd=self.folder,
            )

    def _ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"Homing ended with {self._process.returncode}:\n{self.output}")
        try:
            with urllib.request.urlopen(f"{self.admin_url}/readyz", timeout=30) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:  # 503: it listens, and is not ready
            return False
        except urllib.error.URLError as error:
            if isinstance(error.reason, ConnectionError):
                return False
            raise

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def output(self) -> str:
        """What all its starts have printed and logged."""
        return self.output_file.read_text("utf-8", "replace") if self.output_file.exists() else ""

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop: SIGTERM, as systemd does. Gives the exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        status = self._process.wait(60)
        self._process = None
        return status

    def kill(self) -> None:
        """SIGKILL: no word of farewell."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(60)
        self._process = None

    def died(self, seconds: float) -> int | None:
        """Wait until it ends by itself, and give its exit status; None when it still runs after ``seconds``."""
        assert self._process is not None
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._process = None
        return status

    def stop(self) -> None:
        """End what runs, at the end of a test."""
        if self._tail is not None:
            self._tail.kill()
            self._tail.wait(60)
            self._tail = None
        if self._process is not None:
            self.kill()

    def run(self, *words: str, status: int | None = 0) -> str:
        """Run a command of homing with this configuration; give what it prints. ``status`` None: whatever it is."""
        done = subprocess.run(
            (COMMAND, *words, "--config", str(self.config)), capture_output=True, text=True, timeout=60, check=False
        )
        assert status in (None, done.returncode), f"homing {' '.join(words)}: {done.returncode}\n{done.stderr}"
        return done.stdout

    def login(self, name: str = "class-manager") -> Login:
        """Make a credential."""
        made = json.loads(self.run("user", "add", name, "--json"))
        return Login(made["user"], made["password"])

    def events(self, **wanted: Any) -> list[Event]:
        """
        Give what a `homing tail --json` that follows from the start has said so far.

        Args:
            wanted: Only events with these values: ``event="bounced", address="ann@club.test"``.
        """
        said = self.folder / "tail.jsonl"
        if self._tail is None or self._tail.poll() is not None:
            with said.open("wb") as output:
                self._tail = subprocess.Popen(
                    (COMMAND, "tail", "--json", "--from-start", "--config", str(self.config)),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )
        whole, _, _unfinished = said.read_text("utf-8").rpartition("\n")
        events: list[Event] = []
        for line in whole.splitlines():
            assert line.startswith("{"), f"homing tail said:\n{whole}"
            event = json.loads(line)
            if all(event[key] == value for key, value in wanted.items()):
                events.append(event)
        return events

    def event(self, seconds: float = 30.0, **wanted: Any) -> Event:
        """Wait for the first event with these values."""
        try:
            return until(f"an event {wanted}", lambda: self.events(**wanted), seconds=seconds)[0]
        except AssertionError as error:
            raise AssertionError(f"{error}\nhappened: {self.kinds()}\n{self.output}") from None

    def kinds(self, address: str | None = None) -> list[str]:
        """Give the kinds of events so far, of one address or of all, in order."""
        return [event["event"] for event in self.events(**({"address": address} if address else {}))]


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay nested tables over one another."""
    merged = dict(base)
    for key, value in over.items():
        there = merged.get(key)
        merged[key] = _merged(there, value) if isinstance(there, Mapping) and isinstance(value, Mapping) else value
    return merged


def to_toml(tables: Mapping[str, Any], name: tuple[str, ...] = ()) -> str:
    """Write nested tables as TOML. JSON's strings, numbers, lists and booleans are TOML's too."""
    plain = {key: value for key, value in tables.items() if not isinstance(value, Mapping)}
    lines = [f"[{'.'.join(json.dumps(part) for part in name)}]"] if name and plain else []
    lines += [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    text = "\n".join(lines) + "\n" if lines else ""
    return text + "".join(to_toml(inner, (*name, key)) for key, inner in tables.items() if isinstance(inner, Mapping))
