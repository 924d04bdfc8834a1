"""
A mail server of Debian's, run from its unpacked package in namespaces of its own.

The server sees its users, configuration and spool where its makers compiled them in; the machine has none of them
and keeps its own mail server. Needs root, or sudo without a password, for the mounts.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

_SCRIPT = Path(__file__).with_name("enclosure.sh")
_UNPACKED = Path(__file__).parents[3] / ".cache" / "rigs"

_AS_ROOT = () if os.geteuid() == 0 else ("sudo", "--non-interactive")


class MissingPackageError(Exception):
    """The package was not unpacked: `scripts/provision` has not run."""


class Enclosure:
    """
    One server with a directory of its own, from start() to stop().

    ``home`` is readable by all, so that a server that gives up root still reads its tables there. ``mail`` below it
    belongs to ``owner`` and takes the delivered mail; it stays readable when the server has stopped.
    """

    def __init__(self, package: str, *, users: Mapping[str, int]) -> None:
        self._unpacked = _UNPACKED / package
        if not (self._unpacked / ".unpacked").exists():
            raise MissingPackageError(f"{package} is not unpacked below .cache/rigs: run scripts/provision")
        self.home = Path(tempfile.mkdtemp(prefix=f"homing-{package}-"))
        self.home.chmod(0o755)
        self.mail = self.home / "mail"
        self.mail.mkdir()
        self.owner = os.geteuid() or 65534  # servers refuse to deliver as root
        if os.geteuid() == 0:
            os.chown(self.mail, self.owner, self.owner)
        lines = [f"{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n" for name, number in users.items()]
        (self.home / "passwd").write_text("".join(lines))
        (self.home / "group").write_text("".join(f"{name}:x:{number}:\n" for name, number in users.items()))
        (self.home / "files").mkdir()
        self.logs = self.home / "logs"
        self.logs.mkdir()
        self.logs.chmod(0o777)  # for servers that write their own after giving up root
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def put(self, path: str, text: str) -> None:
        """Lay a file over the machine's: ``put("/etc/postfix/main.cf", ...)``. Before start()."""
        file = self.home / "files" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def start(self, command: str) -> None:
        """Run a shell command inside. It must stay in the foreground; its output goes to ``logs``."""
        assert self._process is None
        self._log = (self.logs / "output").open("ab")
        namespaces = ("unshare", "--mount", "--pid", "--fork", "--mount-proc")
        inside = ("sh", str(_SCRIPT), str(self._unpacked), str(self.home), command)
        self._process = subprocess.Popen(
            (*_AS_ROOT, *namespaces, *inside), stdin=subprocess.PIPE, stdout=self._log, stderr=self._log
        )

    def stop(self) -> None:
        """End everything inside and wait for it. Without effect when nothing runs."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process = None
        if self._log is not None:
            self._log.close()

    def remove(self) -> None:
        """Stop, and remove the directory."""
        self.stop()
        if os.geteuid() == 0:
            shutil.rmtree(self.home)
        else:
            subprocess.run((*_AS_ROOT, "rm", "-rf", str(self.home)), check=True)

    @property
    def pid(self) -> int:
        """Of the process that stands around all others."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the enclosure still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """What the server has said."""
        files = [str(file) for file in sorted(self.logs.iterdir())]
        done = subprocess.run((*_AS_ROOT, "cat", "/dev/null", *files), capture_output=True, check=True)
        return done.stdout.decode("utf-8", "replace")
