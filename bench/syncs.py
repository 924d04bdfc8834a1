"""
Is everything on the disk before 250 is said? ``python -m bench.syncs``, by `make bench-syncs` (promise 1).

`homing serve` runs under strace, which notes each write to the database's log and to the contents, each sync, and what
is said to the client. A mail is sent when all is quiet, so that whatever is unsynced when its 250 goes out is its own.
The exit status is 1 where anything was.
"""

import re
import shutil
import smtplib
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import click

from bench.run import DISK
from tests.e2e.rigs.clients import SENDER
from tests.e2e.rigs.homing import COMMAND, Homing
from tests.e2e.rigs.kills import states
from tests.e2e.rigs.ledger import Sink, letter
from tests.e2e.rigs.loopback import own_address
from tests.e2e.rigs.until import until

_WATCHED = "pwrite64,write,writev,sendto,sendmsg,fdatasync,fsync"
# 4711 pwrite64(12</var/homing/homing.db-wal>, "..."..., 4096, 32) = 4096
_CALL = re.compile(r"(\d+) +(\w+)\(\d+<([^>]*)>(.*)")
_RESUMED = re.compile(r"(\d+) +<\.\.\. f(?:data)?sync resumed>")
_STORED = (".db", "-wal", ".segment")


@dataclass
class Watched:
    """What a trace shows."""

    answers: int = 0  # 250 to a content
    syncs: int = 0
    early: list[str] = field(default_factory=list)  # files that were not synced when an answer went out


def read(lines: Iterable[str]) -> Watched:
    """Read a trace of strace, line by line. Where another thread comes between, a sync counts only when it ends."""
    found, unsynced = Watched(), set[str]()
    under_way: dict[str, str] = {}  # thread -> the file that it syncs
    for line in lines:
        if resumed := _RESUMED.match(line):
            unsynced.discard(under_way.pop(resumed[1], ""))
        match = _CALL.match(line)
        if match is None:
            continue
        thread, call, path, rest = match.groups()
        if call in ("fdatasync", "fsync"):
            found.syncs += 1
            if "<unfinished" in rest:
                under_way[thread] = path
            else:
                unsynced.discard(path)
        elif path.endswith(_STORED):
            unsynced.add(path)
        elif " queued as " in rest:
            found.answers += 1
            found.early += sorted(unsynced)
    return found


def trace(folder: Path, mails: int) -> Watched:
    """Send so many mails to a relay under strace."""
    sink = Sink(own_address(), seed=1)
    sink.good = True
    homing = Homing(folder, {"relay": {"log": {"level": "warning"}}})
    homing.route("sink.test", f"{sink.address}:25")
    into = folder / "trace.txt"
    # -D: strace is a grandchild, so that signals reach the relay.
    strace = ("strace", "-D", "-f", "-y", "-s", "96", "-e", f"trace={_WATCHED}", "-o", str(into))
    try:
        homing.start(command=(*strace, COMMAND, "serve"))
        login = homing.login()
        with smtplib.SMTP(*homing.submission, timeout=60) as client:
            client.login(login.user, login.password)
            for number in range(mails):
                client.sendmail(SENDER, ["ann@sink.test"], letter(number))
                until("it is settled", lambda done=number + 1: states(homing) == {"settled": done}, seconds=120)
        homing.terminate()
    finally:
        homing.stop()
        sink.stop()
    with into.open(encoding="utf-8", errors="replace") as lines:
        return read(lines)


@click.command()
@click.option("--mails", default=50, show_default=True)
def main(mails: int) -> None:
    """Trace, and say what was found."""
    if shutil.which("strace") is None:
        raise click.ClickException("strace is missing: run scripts/provision-bench")
    place = Path(tempfile.mkdtemp(prefix="homing-bench-", dir=DISK))
    try:
        found = trace(place, mails)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    click.echo(f"{found.answers} answers of 250, {found.syncs} syncs; unsynced when an answer went out: {found.early}")
    sys.exit(0 if found.answers == mails and not found.early else 1)


if __name__ == "__main__":
    main()
