"""
What a mail costs: CPU seconds of the relay alone for 1,000 mails, between Postfix's own smtp-source and smtp-sink.

Both are small C programs, so nearly all that the machine does is the relay. CPU time is little disturbed by what else
runs beside it; the rate is. ``python -m bench.cost --help``; the programs come with ``scripts/provision``.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RIG = ROOT / ".cache/rigs/postfix/usr"
HOMING = Path(sys.executable).with_name("homing")
TICK = os.sysconf("SC_CLK_TCK")

CONFIG = """
[relay]
event_loop = "{loop}"
[relay.submission]
listen = ["127.0.0.1:{submission}"]
trusted_networks = ["127.0.0.0/8"]
[relay.submission.limits]
messages_per_connection = 1000000
connections_per_address = 500
max_recipients = 20000
[relay.delivery]
transcripts = "{transcripts}"
[relay.routes."*"]
host = "127.0.0.1"
port = {sink}
[relay.sandbox]
enabled = false
[relay.log]
level = "{level}"
[bounce]
listen = ["127.0.0.1:{bounce}"]
[pixel]
listen = ["127.0.0.1:{pixel}"]
[admin]
listen = ["127.0.0.1:{admin}"]
[store]
reserve = "1MiB"
"""


def mail(size: int) -> bytes:
    """Write an invoice as text and HTML (quoted-printable), about so many octets, without a Message-ID."""
    draw = random.Random(8)  # noqa: S311 - a test mail
    words = ("invoice", "membership", "payment", "Müller", "summer", "court", "thank", "you", "please", "2026")
    head = (
        "From: Tennis Club <office@club.example.org>\r\nTo: Ann Example <ann@example.org>\r\n"
        "Subject: =?utf-8?q?Your_invoice_for_J=C3=BAne?=\r\nDate: Fri, 27 Nov 2026 09:00:00 +0000\r\n"
        "X-Homing-Customer: 4711\r\nX-Homing-Invoice: R-2026-0815\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="=_b1"\r\n\r\n'
    )
    text = "--=_b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nYour invoice is attached below.\r\n"
    html_head = (
        "--=_b1\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "<!DOCTYPE html><html><head><style>td {padding:4px}</style></head><body><table>\r\n"
    )
    rows, octets = [], 0
    while octets < size - 1200:
        cell = " ".join(draw.choice(words) for _ in range(5)).replace("ü", "=C3=BC")
        euros = f"{draw.random() * 100:.2f} EUR"
        row = f'<tr><td style=3D"color:#334455">{cell}</td>=\r\n<td align=3D"right">{euros}</td></tr>\r\n'
        rows.append(row)
        octets += len(row)
    return (head + text + html_head + "".join(rows) + "</table></body></html>\r\n--=_b1--\r\n").encode("ascii")


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


def cpu(pid: int) -> float:
    """CPU seconds of a process so far, user and system."""
    words = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICK


def yardstick() -> float:
    """CPU milliseconds of a fixed piece of work in Python: how fast this machine is just now, with what runs beside."""
    began = time.process_time()
    table: dict[int, str] = {}
    for n in range(100_000):
        table[n & 1023] = str(n)[:3]
    return 1000 * (time.process_time() - began)


def by_thread(pid: int) -> dict[str, tuple[float, float]]:
    """CPU seconds of each thread so far, user and system."""
    used: dict[str, tuple[float, float]] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name, _, rest = (task / "stat").read_text("ascii").partition("(")[2].rpartition(")")
        words = rest.split()
        used[f"{name} {task.name}"] = int(words[11]) / TICK, int(words[12]) / TICK
    return used


def memory(pid: int) -> int:
    """Proportional set size, in KiB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


@contextmanager
def started(command: list[str], **more: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for as long as the context lasts."""
    process = subprocess.Popen(command, **more)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port: int, seconds: float = 20.0) -> None:
    """Wait until something listens there."""
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=4000)
    parser.add_argument("--warm", type=int, default=500, help="mails before the measured ones")
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--recipients", type=int, default=1, help="of each mail")
    parser.add_argument("--size", type=int, default=16_000)
    parser.add_argument("--dkim", action="store_true")
    parser.add_argument("--loop", default="auto")
    parser.add_argument("--transcripts", default="all")
    parser.add_argument("--level", default="info")
    parser.add_argument("--profile", default="", help="py-spy writes its raw stacks to this file")
    parser.add_argument("--spy", default="", help="more options for py-spy")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds to idle before memory is read")
    options = parser.parse_args()

    home = Path(tempfile.mkdtemp(prefix="homing-cost-", dir=os.environ.get("COST_DIR")))
    try:
        print(json.dumps(_run(options, home)))  # noqa: T201
    finally:
        shutil.rmtree(home)


def _run(options: argparse.Namespace, home: Path) -> dict[str, object]:
    submission, bounce, pixel, admin, sink = _free_ports(5)
    config = home / "config.toml"
    config.write_text(
        CONFIG.format(
            submission=submission, bounce=bounce, pixel=pixel, admin=admin, sink=sink, loop=options.loop,
            transcripts=options.transcripts, level=options.level,
        )
    )  # fmt: skip
    content = home / "mail.eml"
    content.write_bytes(mail(options.size).replace(b"\r\n", b"\n"))
    postfix = {**os.environ, "LD_LIBRARY_PATH": str(RIG / "lib/postfix")}
    (home / "main.cf").write_text(f"compatibility_level = 3.6\ninet_interfaces = 127.0.0.1\nqueue_directory = {home}\n")
    postfix["MAIL_CONFIG"] = str(home)
    if options.dkim:
        _make_key(config, home)
    serve = [str(HOMING), "serve", "--config", str(config)]
    sending = [
        RIG / "sbin/smtp-source", "-s", str(options.connections), "-f", "office@club.example.org", "-N",
        "-t", "ann@example.org", "-F", content, "-d", "-r", str(options.recipients),
    ]  # fmt: skip
    sinking = [RIG / "sbin/smtp-sink", "-u", "nobody", f"127.0.0.1:{sink}", "1000"]
    with (
        (home / "log").open("wb") as log,
        started([str(word) for word in sinking], env=postfix, cwd=home, stderr=subprocess.DEVNULL),
        started(serve, cwd=home, stdout=log, stderr=log) as relay,
    ):
        began = time.monotonic()
        wait_for(submission)
        ready = time.monotonic() - began
        time.sleep(0.5)
        idle = memory(relay.pid)
        database = home / "var/homing.db"

        def send(count: int) -> tuple[float, float]:
            began = time.monotonic()
            command = [str(word) for word in (*sending, "-m", str(count), f"127.0.0.1:{submission}")]
            subprocess.run(command, env=postfix, cwd=home, check=True)
            accepted = time.monotonic() - began
            _settled(database)
            return accepted, time.monotonic() - began

        send(options.warm)
        spy = None
        if options.profile:
            spy = subprocess.Popen([
                Path(sys.executable).with_name("py-spy"), "record", "-p", str(relay.pid), "-f", "raw", "-r", "400",
                "-o", options.profile, "-d", "600", *options.spy.split(),
            ], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
            time.sleep(1)
        sticks = [yardstick() for _ in range(5)]
        before = cpu(relay.pid)
        threads = by_thread(relay.pid)
        accepted, delivered = send(options.mails)
        used = cpu(relay.pid) - before
        ended = by_thread(relay.pid)
        if spy is not None:
            spy.send_signal(signal.SIGINT)
            spy.wait()
        copies = options.mails * options.recipients
        sticks += [yardstick() for _ in range(5)]
        time.sleep(options.pause)
        return {
            "cpu_per_1000": round(1000 * used / copies, 3),
            "threads": _shares(threads, ended, copies),
            "yardstick_ms": round(sum(sticks) / len(sticks), 1),
            "accepted_per_s": round(copies / accepted),
            "delivered_per_s": round(copies / delivered),
            "ready_s": round(ready, 2),
            "idle_mib": round(idle / 1024, 1),
            "after_mib": round(memory(relay.pid) / 1024, 1),
        }


def _make_key(config: Path, home: Path) -> None:
    """Make an RSA key, and have it sign from now on."""

    def dkim(*words: str) -> bytes:
        command = [str(HOMING), "dkim", *words, "--config", str(config)]
        return subprocess.run(command, cwd=home, check=True, stdout=subprocess.PIPE).stdout

    dkim("new", "club.example.org")
    made = next(key for key in map(json.loads, dkim("list", "--json").splitlines()) if key["algorithm"][:3] == "rsa")
    dkim("activate", "club.example.org", made["selector"])
    time.sleep(3)  # keys are looked at every two seconds


def _shares(
    before: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]], copies: int
) -> dict[str, list[float]]:
    """CPU seconds for 1,000 mails of each thread that took any, user and system."""
    shares = {}
    for name, (user, system) in after.items():
        was = before.get(name, (0.0, 0.0))
        used = [round(1000 * (user - was[0]) / copies, 3), round(1000 * (system - was[1]) / copies, 3)]
        if sum(used) > 0.02:
            shares[name] = used
    return shares


def _settled(database: Path) -> None:
    """Wait until nothing is under way. SystemExit where something was not delivered."""
    until = time.monotonic() + 60
    while _count(database, "state IN ('due', 'claimed')"):
        if time.monotonic() > until:
            raise SystemExit("mail was not delivered in time")
        time.sleep(0.02)
    time.sleep(0.5)  # what is still to be logged
    if odd := _count(database, "status <> 'delivered'"):
        raise SystemExit(f"{odd} mails were not delivered")


def _count(database: Path, condition: str) -> int:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        statement = f"SELECT count(*) FROM recipient WHERE {condition}"  # noqa: S608 - our own
        return int(connection.execute(statement).fetchone()[0])


if __name__ == "__main__":
    main()
