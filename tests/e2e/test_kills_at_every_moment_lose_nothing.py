"""kill -9 again and again, at random and at the worst moments, with an exact account (promises 1, 3 and 4)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeHoming
from tests.e2e.rigs import dies_at
from tests.e2e.rigs.homing import Homing
from tests.e2e.rigs.kills import CONNECTIONS, SETTINGS, account, drain, kill_at_random
from tests.e2e.rigs.ledger import Sink, Source
from tests.e2e.rigs.loopback import own_address

SEED = 7
KILLS = 20
PROGRAM = Path(dies_at.__file__)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Give a mail server with moods."""
    there = Sink(own_address(), seed=SEED)
    yield there
    there.stop()


def relay_to(sink: Sink, make_homing: MakeHoming) -> Homing:
    """Make a relay whose mail goes to the sink."""
    homing = make_homing(SETTINGS)
    homing.route("sink.test", f"{sink.address}:25")
    return homing


@pytest.mark.timeout(400)
def test_twenty_kills_at_random_lose_nothing_and_repeat_only_what_was_in_flight(
    sink: Sink, make_homing: MakeHoming
) -> None:
    """
    Killed twenty times under load: each mail with a 250 arrives, nothing that was refused does.

    Twice comes only what was in flight at a kill, and its event says "possible duplicate". A mail that three processes
    died with may be held, with its event. `make bench-kill` does it two hundred times.
    """
    homing = relay_to(sink, make_homing)
    homing.start()
    source = Source(homing, homing.login(), CONNECTIONS)
    source.start()
    kills = kill_at_random(homing, source, times=KILLS, seed=SEED)
    source.stop()
    assert homing.terminate() == 0
    drain(homing, sink)
    assert account(homing, source, sink, kills=kills).wrong() == []
    assert set(source.refused.values()) <= {421, 451}


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
        assert homing.died(30) == 137, f"never came to: {place} ({times})"
    homing.start()
    source.stop()
    assert homing.terminate() == 0
    drain(homing, sink)
    assert account(homing, source, sink, kills=len(kills)).wrong() == []
    assert set(source.refused.values()) <= {421, 451}
