"""
A relay at work for a while, with faults all around it: does it stay as it was? ``python -m bench.soak``.

Mail at a steady pace goes to a server that says "later", hangs up and dawdles. Beside it strangers load pixels that do
not exist, guess return paths, and break off in the middle of a mail. Every few seconds the relay's memory, descriptors
and threads are looked at, and /healthz is timed, which waits for the event loop as all else does. The middle third of
the time is held against the last. In the end every mail is accounted for. The exit status is 1 where something grew by
more than a twentieth, or a mail is missing, or the log tells of a fault. By `make bench-soak`.
"""

import contextlib
import json
import shutil
import smtplib
import statistics
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from bench.facts import machine
from bench.run import DISK, RESULTS
from tests.e2e.rigs.homing import BOUNCE_DOMAIN, Homing
from tests.e2e.rigs.kills import SETTINGS, Account, account, states
from tests.e2e.rigs.ledger import Sink, Source
from tests.e2e.rigs.loopback import own_address
from tests.e2e.rigs.until import until

EVERY = 5.0  # seconds between two looks
GROWS = 0.05  # as a part of what it was
POOLED = 2  # threads more: pools begin theirs one by one, as they need them, and each has its bound
HEALTHS = 20  # of which each look takes the times
FAULTS = ("Traceback", "Task was destroyed", "never retrieved", "for a fault of ours")
WORDS = {
    "memory": "memory (proportional set size), MB",
    "descriptors": "open descriptors",
    "threads": "threads",
    "health_p50": "/healthz, half of them within, ms",
    "health_p99": "/healthz, 99 of 100 within, ms",
}
MAY_GROW = ("health_p50", "health_p99")  # they tell of the machine as well


class Paced(Source):
    """A source that rests after each mail."""

    rest: float = 0.0

    def _offer(self, client: smtplib.SMTP) -> None:
        super()._offer(client)
        self._stopping.wait(self.rest)


class Strangers:
    """What comes from outside beside mail, over and over."""

    def __init__(self, homing: Homing, user: str, password: str) -> None:
        self._homing = homing
        self._login = (user, password)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.rounds = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stopping.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stopping.wait(0.5):
            self.rounds += 1
            for act in (self._load_a_pixel, self._guess, self._break_off):
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    act()

    def _load_a_pixel(self) -> None:
        _get(f"{self._homing.pixel_url}/o/{'A' * 22}.gif")

    def _guess(self) -> None:
        with smtplib.SMTP(*self._homing.bounces, timeout=30) as client:
            client.ehlo()
            client.mail("")
            client.rcpt(f"b{'a' * 26}@{BOUNCE_DOMAIN}")

    def _break_off(self) -> None:
        client = smtplib.SMTP(*self._homing.submission, timeout=30)
        try:
            client.login(*self._login)
            client.mail("office@club.test")
            client.rcpt("ann@sink.test")
            client.putcmd("DATA")
            client.getreply()
            client.send(b"Subject: half a mail\r\n\r\nThis is")
        finally:
            client.close()


def look(homing: Homing) -> dict[str, float]:
    """Look at the process from outside."""
    process = Path("/proc") / str(homing.pid)
    pss = next(line for line in (process / "smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))
    healths = sorted(_healthy(homing) for _ in range(HEALTHS))
    return {
        "memory": int(pss.split()[1]) / 1000,
        "descriptors": len(list((process / "fd").iterdir())),
        "threads": len(list((process / "task").iterdir())),
        "health_p50": healths[HEALTHS // 2] * 1000,
        "health_p99": healths[-1] * 1000,
    }


def _get(url: str) -> None:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - of the relay that we started
        answer.read()


def _healthy(homing: Homing) -> float:
    begun = time.perf_counter()
    _get(f"{homing.admin_url}/healthz")
    return time.perf_counter() - begun


def thirds(looks: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Give the median of each figure in the middle third of the time, and in the last one."""
    third = len(looks) // 3
    parts = (looks[third : 2 * third], looks[2 * third :])
    middle, last = ({key: statistics.median(look[key] for look in part) for key in WORDS} for part in parts)
    return {key: (middle[key], last[key]) for key in WORDS}


def grown(found: Mapping[str, tuple[float, float]]) -> list[str]:
    """Name what grew by more than it may."""
    return [
        f"{WORDS[key]}: {before:.0f}, later {after:.0f}"
        for key, (before, after) in found.items()
        if key not in MAY_GROW and after > before * (1 + GROWS) + POOLED * (key == "threads")
    ]


def soak(folder: Path, *, minutes: float, pace: float, seed: int) -> dict[str, Any]:
    """Do it; give the figures, with ``wrong`` in words."""
    sink = Sink(own_address(), seed=seed)
    homing = Homing(folder, SETTINGS)
    homing.route("sink.test", f"{sink.address}:25")
    looks: list[dict[str, float]] = []
    try:
        homing.start()
        login = homing.login()
        source = Paced(homing, login, 4)
        source.rest = 4 / pace
        strangers = Strangers(homing, login.user, login.password)
        source.start()
        strangers.start()
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end:
            time.sleep(EVERY)
            looks.append(look(homing))
        strangers.stop()
        source.stop()
        sink.good = True
        until("nothing is on its way", lambda: not states(homing).keys() & {"due", "claimed"}, seconds=900)
        if homing.terminate() != 0:
            raise click.ClickException(f"it did not stop well:\n{homing.output}")
        found: Account = account(homing, source, sink, kills=0)
    finally:
        homing.stop()
        sink.stop()
    figures = thirds(looks)
    faults = [line for line in homing.output.splitlines() if any(fault in line for fault in FAULTS)]
    return {
        "minutes": minutes,
        "acknowledged": found.acknowledged,
        "strangers": strangers.rounds * 3,
        "figures": figures,
        "looks": looks,
        "wrong": [*grown(figures), *found.wrong(), *faults[:20]],
    }


def table(row: Mapping[str, Any]) -> str:
    """Write the table."""
    wrong = "; ".join(row["wrong"]) or "nothing"
    lines = [
        f"{row['minutes']:.0f} minutes, {row['acknowledged']:,} mails, {row['strangers']:,} visits; wrong: {wrong}.",
        "",
        "| | middle third | last third |",
        "| --- | ---: | ---: |",
    ]
    for key, (before, after) in row["figures"].items():
        digits = 1 if key in (*MAY_GROW, "memory") else 0
        lines.append(f"| {WORDS[key]} | {before:,.{digits}f} | {after:,.{digits}f} |")
    return "\n".join(lines)


@click.command()
@click.option("--minutes", default=30.0, show_default=True, help="How long.")
@click.option("--pace", default=40.0, show_default=True, help="Mails a second, at most.")
@click.option("--seed", default=5, show_default=True, help="Of the server's moods.")
@click.option("--save/--no-save", default=True, help="Write bench/results/soak.json.")
def main(minutes: float, pace: float, seed: int, *, save: bool) -> None:
    """Soak, print the figures, keep them."""
    place = Path(tempfile.mkdtemp(prefix="homing-bench-", dir=DISK))
    try:
        facts = machine(place)
        row = soak(place, minutes=minutes, pace=pace, seed=seed)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    click.echo(table(row))
    if save:
        RESULTS.mkdir(exist_ok=True)
        told = {"scenario": "soak", "title": "A while at work", "machine": facts, "soak": row, "table": table(row)}
        (RESULTS / "soak.json").write_text(json.dumps(told, indent=1) + "\n")
    sys.exit(1 if row["wrong"] else 0)


if __name__ == "__main__":
    main()
