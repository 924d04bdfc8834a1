"""kill -9 of the whole process under load: what got its 250 arrives (promises 1, 3 and 4)."""

import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.later import minutes_later
from tests.e2e.rigs.load import Load, number_of
from tests.e2e.rigs.mail_server import SMTP_PORT
from tests.e2e.rigs.postfix import Postfix
from tests.e2e.rigs.until import until

ANN = "ann@nordlicht.test"
MAILS = 500
CONNECTIONS = 10
IN_FLIGHT = 20  # relay.delivery.connections_per_destination


class Arrivals:
    """Which mails of the load lie in Ann's Maildir, and how often each; a mail is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers: dict[str, int] = {}

    def counted(self) -> Counter[int]:
        """Count them now."""
        for file in self._folder.iterdir():
            if file.name not in self._numbers:
                self._numbers[file.name] = number_of(file.read_bytes().replace(b"\n", b"\r\n"))
        return Counter(self._numbers.values())


@pytest.mark.timeout(300)
def test_kill_in_the_middle_of_submissions_loses_no_mail_that_got_its_250(
    serve: Serve[Postfix], make_homing: MakeHoming
) -> None:
    """
    Killed in the middle of 500 submissions and started again: every mail with a 250 arrives.

    Mails that were behind the final dot at the kill are in doubt and wait ten minutes, so that a slow receiver gets no
    duplicate: the last start is told a later time. Only mails that were in flight may arrive twice, and the store is
    whole.
    """
    there = serve(Postfix("mx.nordlicht.test", mailboxes=[ANN]))
    homing = make_homing({"relay": {"delivery": {"connections_per_destination": IN_FLIGHT}}})
    homing.route("nordlicht.test", f"{there.address}:{SMTP_PORT}")
    homing.start()
    arrivals = Arrivals(there.mail_home / ANN / "new")

    load = Load(homing, homing.login(), ANN, count=MAILS, connections=CONNECTIONS)
    until("a part has its 250", lambda: len(load.acknowledged) >= MAILS // 3, seconds=60)
    before = set(load.acknowledged)
    homing.kill()
    assert len(before) < MAILS, "the kill came too late to prove anything"
    homing.start()
    load.finish(120)

    assert set(load.acknowledged) == set(range(MAILS))
    until(
        "all but what was in flight at the kill have arrived",
        lambda: len(set(load.acknowledged) - set(arrivals.counted())) <= IN_FLIGHT,
        seconds=120,
    )
    assert homing.terminate() == 0
    homing.start(minutes_later(11))
    until("every mail with a 250 has arrived", lambda: set(arrivals.counted()) == set(load.acknowledged), seconds=120)
    until(
        "every mail with a 250 is known as delivered",
        lambda: set(load.acknowledged.values()) <= {event["message"] for event in homing.events(event="delivered")},
    )
    assert homing.terminate() == 0
    twice = [number for number, count in arrivals.counted().items() if count > 1]
    assert len(twice) <= IN_FLIGHT + CONNECTIONS, twice
    with sqlite3.connect(homing.folder / "var" / "homing.db") as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert store.execute("SELECT count(*) FROM recipient WHERE state <> 'settled'").fetchall() == [(0,)]
