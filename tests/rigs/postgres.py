"""A scratch PostgreSQL for the tests: one server for each worker, a fresh database for each test."""

import asyncio
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from store.engine import database_url
from store.migrate import upgrade
from store.writing import write_connection

MISSING = "PostgreSQL's server is missing: `make test` installs it (Debian package postgresql)"


def find_programs() -> Path | None:
    """Where the newest installed version keeps initdb and postgres."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    on_path = shutil.which("postgres")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    return max(found, key=lambda path: path.parent.name.zfill(4), default=None)


class Postgres:
    """
    A server on a free port of loopback and on a socket in its own directory.

    Args:
        programs: What ``find_programs`` found.
        options: Settings in place of the tests' small ones: ``("shared_buffers=128MB",)``.
        data: Folder for the cluster, made and removed with it; None: in the directory of the socket.
    """

    def __init__(self, programs: Path, options: Sequence[str] = (), data: Path | None = None) -> None:
        self._programs = programs
        self._options = options
        self._data = data
        # The server refuses to run as root; Debian's package brings the user postgres.
        self._user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self.directory = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path has 107 octets at most
        if self._user:
            os.chown(self.directory, self._user.pw_uid, self._user.pw_gid)
        if data is not None:
            data.mkdir()
            if self._user:
                os.chown(data, self._user.pw_uid, self._user.pw_gid)
            (self.directory / "data").symlink_to(data)
        self.port = _free_port()
        self._numbers = itertools.count(1)
        self._server: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Make the cluster, start it, and prepare the template that tests get copies of."""
        self._run(
            "initdb", "-D", str(self.directory / "data"), "-U", "homing", "-A", "trust", "-E", "UTF8", "--locale=C"
        )
        self.start_server()
        self._run("createdb", *self._where, "template_homing")
        with ThreadPoolExecutor(1) as thread:  # an event loop of its own, whatever runs in this one
            thread.submit(asyncio.run, _make_schema(self.url("template_homing"))).result()

    def start_server(self) -> None:
        """Start the server and wait for it; again after ``kill``."""
        command = [
            self._programs / "postgres", "-D", self.directory / "data", "-k", self.directory,
            "-h", "127.0.0.1", "-p", str(self.port), "-c", "max_connections=60",
            "-c", "shared_buffers=16MB", "-c", "log_min_messages=warning", "-c", "lc_messages=C",
        ]  # fmt: skip
        command += [word for option in self._options for word in ("-c", option)]
        user = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        self._server = subprocess.Popen(  # type: ignore[call-overload]  # the user is given only to root
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=self.directory, **user
        )
        assert self._server is not None
        assert self._server.stderr is not None
        told = []
        for line in self._server.stderr:
            told.append(line)
            if "ready to accept connections" in line:
                break
        else:
            raise RuntimeError("PostgreSQL did not start:\n" + "".join(told))
        # Nobody reads on, and a full pipe would stop the server.
        self._drain = ThreadPoolExecutor(1)
        self._drain.submit(self._server.stderr.read)

    @property
    def pid(self) -> int:
        """Of the running server's first process."""
        assert self._server is not None
        return self._server.pid

    def kill(self) -> None:
        """End the server as a crash does."""
        self._stop(signal.SIGQUIT)

    def _stop(self, with_signal: signal.Signals) -> None:
        if self._server is not None:
            self._server.send_signal(with_signal)
            self._server.wait()
            self._drain.shutdown()
            assert self._server.stderr is not None
            self._server.stderr.close()
            self._server = None

    def stop(self) -> None:
        """End the server and delete everything."""
        self._stop(signal.SIGINT)
        shutil.rmtree(self.directory, ignore_errors=True)
        if self._data is not None:
            shutil.rmtree(self._data, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://homing@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """Make a database with the schema in it and give its name."""
        name = f"test_{next(self._numbers)}"
        self._run("createdb", *self._where, "-T", "template_homing", name)
        return name

    def empty(self) -> str:
        """Make a database with nothing in it and give its name."""
        name = f"empty_{next(self._numbers)}"
        self._run("createdb", *self._where, name)
        return name

    def sql(self, database: str, statement: str) -> str:
        """Run a statement as a person at the console, and give what it printed."""
        return self._run("psql", *self._where, "-d", database, "-XAtc", statement)

    def drop(self, name: str) -> None:
        self._run("dropdb", *self._where, "--force", "--if-exists", name)

    @property
    def _where(self) -> tuple[str, ...]:
        return ("-h", str(self.directory), "-p", str(self.port), "-U", "homing")

    def _run(self, program: str, *arguments: str) -> str:
        user = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        done = subprocess.run(  # type: ignore[call-overload]  # as above
            [self._programs / program, *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.directory,
            **user,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")
        return str(done.stdout)


async def _make_schema(url: str) -> None:
    connection = write_connection(database_url(url))
    await connection.run(upgrade)
    await connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
