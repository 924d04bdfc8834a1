"""
What bench/pixel.py measures with: a relay with recipients, wrk, two servers to compare with, Postfix's smtp-source.

All of it listens on loopback, in a folder of its own, and ends with the block that began it.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, delete, func, insert, select, update

from pixel.token import Tokens
from relay.keys import load_or_make, pixel_seal
from store.engine import database_url, sqlite_writer
from store.ids import Ids
from store.migrate import upgrade
from store.nouns import RecipientStatus, State, TrackingMode
from store.schema import event, message, open_, recipient

ROOT = Path(__file__).resolve().parent.parent
POSTFIX = ROOT / ".cache/rigs/postfix/usr"
CONNECTIONS, THREADS = 50, 1
PER_MESSAGE = 100  # recipients of one of the messages whose pixels are loaded
PATIENCE = 60.0  # seconds

MAIL = (
    "From: Club <office@club.test>\r\nTo: Member <member@example.test>\r\nSubject: Your November fees\r\n"
    "Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=us-ascii\r\n\r\n"
    "<html><body>\r\n" + "<p>One more line of an invoice, as long as they are.</p>\r\n" * 240 + "</body></html>\r\n"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What wrk saw of one server. Times of answers in milliseconds, CPU of the server in microseconds a request."""

    per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: int
    cpu_us: float

    def line(self, name: str) -> str:
        """Write them for people."""
        return (
            f"{name:32}{self.per_second:8,.0f}/s  p50 {self.p50_ms:5.2f}  p99 {self.p99_ms:6.2f}  "
            f"max {self.max_ms:6.1f} ms  CPU {self.cpu_us:5.1f} us a request  {self.errors} errors"
        )


@dataclass(frozen=True, slots=True)
class Account:
    """What the store holds."""

    views: int  # rows of opens
    recipients: int  # that have exactly one view by a person
    events: int  # of opens
    delivered: int  # mails that were relayed meanwhile and are delivered


class Relay:
    """A relay whose store knows ``count`` recipients that got their mail an hour ago. ``paths`` are their pixels."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.port, self.smtp, self.sink = free_port(), free_port(), free_port()
        keys, _ = load_or_make(folder / "master.key", os.urandom)
        self._tokens = Tokens(pixel_seal(keys))
        self._engine: Engine = sqlite_writer(database_url(f"sqlite:///{folder}/homing.db"))
        self.paths = self._fill(count)
        (folder / "config.toml").write_text(self._settings())

    def _fill(self, count: int) -> list[str]:
        ids, now = Ids(1, time.time), time.time()
        before = now - 3_600.0
        messages = [ids.next() for _ in range(-(-count // PER_MESSAGE))]
        recipients = [ids.next() for _ in range(count)]
        with self._engine.begin() as connection:
            upgrade(connection)
            connection.execute(
                insert(message),
                [{"id": id_, "accepted_at": before, "expires_at": now, "prepended": b""} for id_ in messages],
            )
            connection.execute(
                insert(recipient),
                [
                    {
                        "id": id_,
                        "message_id": messages[n // PER_MESSAGE],
                        "accepted_at": before,
                        "forward_path": f"member{n}@example.test",
                        "address_key": f"member{n}@example.test",
                        "domain": "example.test",
                        "tracking": TrackingMode.VERDICT.value,
                        "state": State.SETTLED.value,
                        "status": RecipientStatus.DELIVERED.value,
                        "delivered_at": before,
                        "settled_at": before,
                    }
                    for n, id_ in enumerate(recipients)
                ],
            )
        return [f"/o/{self._tokens.encode(id_)}.gif" for id_ in recipients]

    def _settings(self) -> str:
        return f"""\
[relay]
master_key = "{self.folder}/master.key"
hostname = "relay.bench.test"
log.level = "warning"
sandbox.enabled = false
dkim.keys = "{self.folder}/dkim"
tls.memory = "{self.folder}/tls-memory.json"
delivery.allow_private_destinations = ["127.0.0.0/8"]
routes."*" = {{ host = "127.0.0.1", port = {self.sink}, tls = "off" }}
submission.listen = ["127.0.0.1:{self.smtp}"]
submission.trusted_networks = ["127.0.0.0/8"]
submission.limits.connections_per_address = 100
[bounce]
listen = ["127.0.0.1:{free_port()}"]
[pixel]
listen = ["127.0.0.1:{self.port}"]
base_url = "http://127.0.0.1:{self.port}"
[admin]
listen = ["127.0.0.1:{free_port()}"]
[store]
url = "sqlite:///{self.folder}/homing.db"
contents = "{self.folder}/contents"
reserve = "1MiB"
"""

    @contextlib.contextmanager
    def running(self) -> Iterator[int]:
        """Run it; give its process id. It is stopped cleanly, so that all that waits is written."""
        homing = str(Path(sys.executable).with_name("homing"))
        command = [homing, "serve", "--config", str(self.folder / "config.toml")]
        with started(command, self.port, log=self.folder / "relay.log") as pid:
            deadline = time.monotonic() + PATIENCE
            while not any("is running" in line for line in self.log()):  # its last words before all is up
                if time.monotonic() > deadline:
                    raise RuntimeError("".join(self.log()))
                time.sleep(0.05)
            yield pid

    def log(self) -> list[str]:
        """What it has logged since it was started last."""
        return (self.folder / "relay.log").read_text().splitlines(keepends=True)

    def account(self) -> Account:
        """Count what the store holds."""
        with self._engine.begin() as connection:
            count = select(func.count())
            opened = recipient.c.status == RecipientStatus.OPENED.value
            once = (recipient.c.opens == 1) & (recipient.c.machine_opens == 0)
            return Account(
                views=connection.execute(count.select_from(open_)).scalar_one(),
                recipients=connection.execute(count.where(once, opened).select_from(recipient)).scalar_one(),
                events=connection.execute(count.where(event.c.kind == "opened").select_from(event)).scalar_one(),
                delivered=connection.execute(count.where(event.c.kind == "delivered").select_from(event)).scalar_one(),
            )

    def forget_opens(self) -> None:
        """Bring the store back to the state before any open."""
        with self._engine.begin() as connection:
            connection.execute(delete(open_))
            connection.execute(delete(event))
            unopened = {"opens": 0, "machine_opens": 0, "opened_at": None, "last_opened_at": None}
            connection.execute(update(recipient).values(**unopened, status=RecipientStatus.DELIVERED.value))


class Mails:
    """Postfix's smtp-source on one side of a relay, its smtp-sink on the other."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._environment = {**os.environ, "LD_LIBRARY_PATH": str(POSTFIX / "lib/postfix")}
        self._file = relay.folder / "mail.eml"
        self._file.write_text(MAIL, newline="")

    @contextlib.contextmanager
    def sink(self) -> Iterator[None]:
        """Take all mail there is."""
        command = [str(POSTFIX / "sbin/smtp-sink"), f"127.0.0.1:{self._relay.sink}", "1000"]
        if os.geteuid() == 0:
            command[1:1] = ["-u", "nobody"]
        with started(command, self._relay.sink, environment=self._environment):
            yield

    def hand_over(self, count: int) -> "subprocess.Popen[bytes]":
        """Begin to hand ``count`` mails over, on twenty connections."""
        command = [str(POSTFIX / "sbin/smtp-source"), "-s", "20", "-m", str(count), "-F", str(self._file)]
        command += ["-f", "office@club.test", "-t", "member@example.test", f"127.0.0.1:{self._relay.smtp}"]
        return subprocess.Popen(command, env=self._environment)


@contextlib.contextmanager
def bare_handler() -> Iterator[tuple[int, int]]:
    """Run a bare aiohttp handler; give its port and process id."""
    port = free_port()
    with started([sys.executable, "-m", "bench.bare_handler", str(port)], port) as pid:
        yield port, pid


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[tuple[int, int]]:
    """Run nginx with empty_gif; give its port and the process id of its one worker."""
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(
        f"worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;\n"
        f"events {{ worker_connections 1024; }}\n"
        f"http {{ access_log off; keepalive_requests 10000000; client_body_temp_path {folder}/body;\n"
        f"proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;\n"
        f"scgi_temp_path {folder}/scgi;\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ empty_gif; }} }} }}\n"
    )
    with started(["/usr/sbin/nginx", "-c", str(file), "-e", str(folder / "nginx.log")], port) as pid:
        yield port, int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@contextlib.contextmanager
def started(
    command: Sequence[str], port: int, *, log: Path | None = None, environment: dict[str, str] | None = None
) -> Iterator[int]:
    """Run a program that listens at a port of loopback; end it by SIGTERM."""
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("wb")) if log else None
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, cwd=ROOT)
        try:
            until_it_listens(process, port)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


def until_it_listens(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait for a program to listen. RuntimeError where it ends before, or takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not listen at port {port}")


def load(port: int, pid: int, paths: Sequence[str], file: Path, *, pause_ms: int = 0) -> Figures:
    """Have wrk ask for each path once, over all connections, with a pause before each; ``file`` is for the list."""
    file.write_text("".join(f"{path}\n" for path in paths))
    command = [
        "/usr/bin/wrk",
        f"-t{THREADS}",
        f"-c{CONNECTIONS}",
        f"-d{PATIENCE:.0f}s",
        "-s",
        str(ROOT / "bench/walk.lua"),
    ]
    command += [f"http://127.0.0.1:{port}", "--", str(file), str(THREADS), str(CONNECTIONS // THREADS)]
    command.append(str(pause_ms))
    before = cpu_seconds(pid)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as wrk:
        assert wrk.stderr is not None
        for _ in range(THREADS):
            wrk.stderr.readline()  # "done"
        spent = cpu_seconds(pid) - before
        wrk.send_signal(signal.SIGINT)
        said, _ = wrk.communicate(timeout=PATIENCE)
    seen = json.loads(said.splitlines()[-1])
    return Figures(
        per_second=len(paths) / seen["seconds"],
        p50_ms=seen["p50_ms"],
        p99_ms=seen["p99_ms"],
        max_ms=seen["max_ms"],
        errors=seen["errors"],
        cpu_us=spent / len(paths) * 1e6,
    )


def wrk_version() -> str:
    """Name the program that asks; it says so beside its usage, with status 1."""
    said = subprocess.run(["/usr/bin/wrk", "-v"], capture_output=True, text=True, check=False).stdout
    return said.partition(" [")[0].strip()


def cpu_seconds(pid: int) -> float:
    """Give the processor time that a process has taken, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """Give a port of loopback that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
