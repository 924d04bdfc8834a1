"""A store that cannot be written while mail comes in: no write succeeds, or the disk is full (Q3, Q4; promise 4)."""

import json
import os
import resource
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.e2e.conftest import IN_CI, MakeHoming
from tests.e2e.rigs.homing import COMMAND, Homing, Login
from tests.e2e.rigs.kills import CONNECTIONS, SETTINGS, account, states
from tests.e2e.rigs.ledger import Sink, Source
from tests.e2e.rigs.loopback import greeting, own_address
from tests.e2e.rigs.until import until

TAKEN = 50  # mails before the trouble, and behind it
LATER = {421, 451, 452}
# A file system of its own for all that Homing keeps, seen by nobody else, gone with the process.
ON_A_SMALL_DISK = 'mkdir -p var && mount -t tmpfs -o size=6m small var && exec "$0" serve "$@"'


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Give a mail server with moods."""
    there = Sink(own_address(), seed=3)
    yield there
    there.stop()


def health(homing: Homing) -> int:
    """Ask whether it is ready; 0: nobody listens."""
    try:
        with urllib.request.urlopen(f"{homing.admin_url}/readyz", timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError as error:
        if isinstance(error.reason, ConnectionError):
            return 0
        raise


def closed(homing: Homing) -> bool:
    """Whether who connects is turned away for now."""
    try:
        return greeting(*homing.submission) == ""
    except ConnectionError:
        return True


def load(homing: Homing, login: Login) -> Source:
    """Offer mail, and wait until some was taken."""
    source = Source(homing, login, CONNECTIONS)
    source.start()
    until("mail is taken", lambda: len(source.acknowledged) >= TAKEN, seconds=120)
    return source


def taken_again(homing: Homing, source: Source) -> None:
    """Wait until it has recovered by itself."""
    before = len(source.acknowledged)
    until("mail is taken again", lambda: len(source.acknowledged) >= before + TAKEN, seconds=120)
    until("it says that it is ready", lambda: health(homing) == 200, seconds=60)
    source.stop()


def drained(sink: Sink, look: Callable[[], Mapping[str, int]]) -> None:
    """Wait until nothing is on its way."""
    sink.good = True
    until("nothing is on its way", lambda: not look().keys() & {"due", "claimed"}, seconds=120)


@pytest.mark.timeout(400)
def test_q4_while_no_write_succeeds_mail_is_put_off_and_nothing_is_lost_or_doubled(
    sink: Sink, make_homing: MakeHoming
) -> None:
    """
    Every write to any file fails, the log's too: clients hear 4xx, health is red, and it recovers by itself.

    The process lives on, so nothing is delivered twice: what had left us when the trouble began is crossed off later.
    """
    homing = make_homing(SETTINGS)
    homing.route("sink.test", f"{sink.address}:25")
    homing.start()
    source = load(homing, homing.login())
    _, most = resource.prlimit(homing.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(homing.pid, resource.RLIMIT_FSIZE, (1, most))
    until("clients are turned away", lambda: closed(homing), seconds=60)
    assert health(homing) == 503
    resource.prlimit(homing.pid, resource.RLIMIT_FSIZE, (most, most))
    taken_again(homing, source)
    drained(sink, lambda: states(homing))
    until("it says that it is over", lambda: "the store can be written again" in homing.output, seconds=120)
    assert homing.terminate() == 0
    assert account(homing, source, sink, kills=0).wrong() == []
    assert set(source.refused.values()) <= LATER


@pytest.mark.timeout(400)
def test_q3_a_full_disk_puts_mail_off_and_recovers_when_there_is_room(sink: Sink, make_homing: MakeHoming) -> None:
    """On a disk of six megabytes without a reserve: it fills, 4xx is said, and with more room all goes on."""
    if os.geteuid() != 0 and not IN_CI:
        pytest.skip("only root mounts a small disk")
    homing = make_homing({**SETTINGS, "store": {"reserve": 0}})
    homing.route("sink.test", f"{sink.address}:25")
    homing.spawn(("unshare", "--mount", "--propagation", "private", "sh", "-c", ON_A_SMALL_DISK, COMMAND))
    until("Homing is ready", lambda: health(homing) == 200, seconds=60)
    made = json.loads(within(homing, (COMMAND, "user", "add", "app", "--json", "--config", str(homing.config))))
    source = load(homing, Login(made["user"], made["password"]))
    until("the disk is full", lambda: closed(homing), seconds=120)
    within(homing, ("mount", "-o", "remount,size=64m", str(homing.folder / "var")))
    taken_again(homing, source)
    drained(sink, lambda: states(homing, copied(homing)))
    assert account(homing, source, sink, kills=0, file=copied(homing)).wrong() == []
    assert homing.terminate() == 0
    assert set(source.refused.values()) <= LATER
    assert "no mail is taken until the store can be written: " in homing.output


def copied(homing: Homing) -> str:
    """Copy the store from its disk, where only the relay sees it; give the copy."""
    copy = homing.folder / "copy.db"
    program = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))"
    within(homing, (sys.executable, "-c", program, "var/homing.db", str(copy)))
    return str(copy)


def within(homing: Homing, command: Sequence[str]) -> str:
    """Run a command where the relay sees its disk."""
    assert shutil.which("nsenter"), "nsenter is missing: run scripts/provision"
    inside = ("nsenter", "--target", str(homing.pid), "--mount", f"--wd={Path(homing.folder)}")
    return subprocess.run((*inside, *command), capture_output=True, text=True, timeout=60, check=True).stdout
