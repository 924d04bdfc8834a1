"""kill -9 again and again, at random and at the worst moments, with an exact account (promises 1, 3 and 4)."""

import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeHoming
from tests.e2e.rigs import dies_at
from tests.e2e.rigs.homing import Homing
from tests.e2e.rigs.ledger import Sink, Source
from tests.e2e.rigs.loopback import own_address
from tests.e2e.rigs.until import until

SEED = 7
KILLS = 20
CONNECTIONS = 20  # of the source
IN_FLIGHT = 20  # relay.delivery.connections_per_destination
PROGRAM = Path(dies_at.__file__)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Give a mail server with moods."""
    there = Sink(own_address(), seed=SEED)
    yield there
    there.stop()


def relay_to(sink: Sink, make_homing: MakeHoming) -> Homing:
    """Make a relay whose mail goes to the sink."""
    homing = make_homing(
        {
            "relay": {
                "delivery": {"connections_per_destination": IN_FLIGHT},
                "submission": {"limits": {"connections_per_address": 100}},
                "log": {"level": "warning"},
            }
        }
    )
    homing.route("sink.test", f"{sink.address}:25")
    return homing


def states(homing: Homing) -> dict[str, int]:
    """Count the recipients in each state."""
    with sqlite3.connect(homing.folder / "var" / "homing.db") as store:
        return dict(store.execute("SELECT state, count(*) FROM recipient GROUP BY state").fetchall())


def drain(homing: Homing, sink: Sink) -> None:
    """Let the queue run empty, as if the ten minutes that mail in doubt waits were over."""
    sink.good = True
    with sqlite3.connect(homing.folder / "var" / "homing.db") as store:
        store.execute("UPDATE recipient SET next_attempt_at = next_attempt_at - 600 WHERE state = 'due' AND in_doubt")
    homing.start()
    until("nothing is on its way", lambda: not states(homing).keys() & {"due", "claimed"}, seconds=90)
    assert homing.terminate() == 0


def account(homing: Homing, source: Source, sink: Sink, *, kills: int, held: int) -> None:
    """Hold both ledgers and the store against each other."""
    with sqlite3.connect(homing.folder / "var" / "homing.db") as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        subject = "SELECT substr(m.subject, 6) FROM recipient r JOIN message m ON m.id = r.message_id WHERE "
        kept = {int(row[0]) for row in store.execute(subject + "r.state = 'held'")}
        told = {int(row[0]) for row in store.execute(subject + "r.status = 'delivered'")}
        unequal = (
            "SELECT count(*) FROM recipient r WHERE (SELECT count(*) FROM event e WHERE e.recipient_id = r.id AND "
        )
        assert store.execute(unequal + "e.kind = 'accepted') <> 1").fetchone() == (0,)
        assert store.execute(unequal + "e.kind = 'delivered') <> (r.status = 'delivered')").fetchone() == (0,)
    got = set(sink.got)
    assert source.acknowledged - got - kept == set(), "lost"
    assert got - source.offered == set(), "nobody sent this"
    assert got & set(source.refused) == set(), "refused, and sent on all the same"
    assert source.acknowledged - kept <= told
    assert sink.spoilt == []
    assert set(source.refused.values()) <= {421, 451}
    assert len(kept) <= held
    twice = [number for number, times in sink.got.items() if times > 1]
    assert len(twice) <= kills * IN_FLIGHT, twice
    assert max(sink.got.values()) <= 1 + kills


@pytest.mark.timeout(400)
def test_twenty_kills_at_random_lose_nothing_and_repeat_only_what_was_in_flight(
    sink: Sink, make_homing: MakeHoming
) -> None:
    """
    Killed twenty times under load: each mail with a 250 arrives, nothing that was refused does.

    Twice comes only what was in flight at a kill. A mail that three processes died with may be held, with its event.
    """
    homing = relay_to(sink, make_homing)
    homing.start()
    source = Source(homing, homing.login(), CONNECTIONS)
    source.start()
    moments = random.Random(SEED)
    for _ in range(KILLS):
        time.sleep(moments.uniform(0.05, 0.7))
        homing.kill()
        homing.start()
    taken = len(source.acknowledged)
    until("a mail was taken since the last kill", lambda: len(source.acknowledged) > taken)
    source.stop()
    assert homing.terminate() == 0
    drain(homing, sink)
    account(homing, source, sink, kills=KILLS, held=KILLS)


@pytest.mark.timeout(400)
def test_a_crash_at_the_worst_places_loses_nothing(sink: Sink, make_homing: MakeHoming) -> None:
    """At each place where a crash could lose or repeat a mail, the first and the second time: the account is even."""
    homing = relay_to(sink, make_homing)
    homing.start()
    source = Source(homing, homing.login(), CONNECTIONS)
    source.start()
    assert homing.terminate() == 0
    kills = [(place, times) for place in dies_at.PLACES for times in (1, 2)]
    for place, times in kills:
        homing.spawn((sys.executable, str(PROGRAM), place, str(times)))
        assert homing.died(60) == 137, f"never came to: {place} ({times})"
    homing.start()
    source.stop()
    assert homing.terminate() == 0
    drain(homing, sink)
    account(homing, source, sink, kills=len(kills), held=len(kills))
