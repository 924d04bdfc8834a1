"""Postfix's smtp-sink: takes mail and throws it away, or writes it down, and fails as it is told to."""

import os
import re
import signal
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Self

from tests.e2e.rigs.enclosure import MissingPackageError
from tests.e2e.rigs.loopback import own_address
from tests.e2e.rigs.until import until

_UNPACKED = Path(__file__).parents[3] / ".cache" / "rigs" / "postfix"
_NOBODY = 65534
_RECIPIENT = re.compile(rb"^X-Rcpt-Args: <([^>]+)>", re.MULTILINE)


class PostfixSink:
    """
    One smtp-sink; a context manager.

    Args:
        options: As its manual page has them: ``("-r", "RCPT")`` refuses each RCPT for now.
        address: Loopback address to listen on; "": a fresh one.
        keeps: Whether it writes down what it gets. That is slower.
    """

    def __init__(self, *options: str, address: str = "", port: int = 25, keeps: bool = True) -> None:
        if not (_UNPACKED / ".unpacked").exists():
            raise MissingPackageError("postfix is not unpacked below .cache/rigs: run scripts/provision")
        self.address = address or own_address()
        self.port = port
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="homing-sink-"))
        self._keeps = keeps
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [str(_UNPACKED / "usr/sbin/smtp-sink"), "-c", *self.options]
        if self._keeps:
            command += ["-D", str(self.folder / "mails")]
        if os.geteuid() == 0:
            command += ["-u", "nobody"]
            os.chown(self.folder, _NOBODY, _NOBODY)
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [*command, f"inet:{self.address}:{self.port}", "1000"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "LD_LIBRARY_PATH": str(_UNPACKED / "usr/lib/postfix")},
            )
        until(f"smtp-sink listens on {self.address}:{self.port}", self._listens)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)
        for file in self.folder.iterdir():
            file.unlink()
        self.folder.rmdir()

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"smtp-sink ended at once: {(self.folder / 'output').read_text()}")
        # A connection would count as a session; the kernel's table tells it without one.
        place = "".join(f"{int(part):02X}" for part in reversed(self.address.split("."))) + f":{self.port:04X}"
        return any(line.split()[1] == place and line.split()[3] == "0A" for line in _sockets())

    @property
    def got(self) -> Counter[str]:
        """How often it got a mail for each recipient, to its final dot; what it said to that is another matter."""
        file = self.folder / "mails"
        found = _RECIPIENT.findall(file.read_bytes()) if file.exists() else []
        return Counter(address.decode() for address in found)

    @property
    def count(self) -> int:
        """How many mails it says it got."""
        counted = re.findall(rb"mesg=(\d+)", (self.folder / "output").read_bytes()[-200:])
        return int(counted[-1]) if counted else 0


def _sockets() -> list[str]:
    return Path("/proc/net/tcp").read_text().splitlines()[1:]
