"""Several workers on one store: they share ports and mail, and none of them is missed (promises 1, 3 and 4)."""

import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeHoming
from tests.e2e.rigs.homing import Homing
from tests.e2e.rigs.ledger import Sink, Source
from tests.e2e.rigs.loopback import own_address
from tests.e2e.rigs.until import until
from tests.rigs.postgres import Postgres

CONNECTIONS = 16  # of the source: that all meet the same worker happens once in 30,000 times
KILLS = 2
IN_FLIGHT = 20


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Give a mail server that takes everything."""
    there = Sink(own_address(), seed=1)
    there.good = True
    yield there
    there.stop()


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """Give the name of a fresh database."""
    name = postgres.fresh()
    yield name
    postgres.drop(name)


def make(make_homing: MakeHoming, url: str, sink: Sink) -> Homing:
    homing = make_homing(
        {
            "relay": {
                "workers": 2,
                "delivery": {"connections_per_destination": IN_FLIGHT},
                "submission": {"limits": {"connections_per_address": 100}},
            },
            "admin": {"metrics": {"networks": ["127.0.0.0/8"]}},
            "store": {"url": url},
        }
    )
    homing.route("sink.test", f"{sink.address}:25")
    return homing


def children(process: int) -> set[int]:
    """Find the workers."""
    return {int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()}


def shown(homing: Homing) -> set[str]:
    """Find whose numbers the metrics have."""
    with urllib.request.urlopen(f"{homing.admin_url}/metrics", timeout=30) as answer:
        return set(re.findall(r'worker="[0-9]"', answer.read().decode()))


def count(postgres: Postgres, database: str, question: str) -> int:
    return int(postgres.sql(database, f"SELECT count(*) FROM {question}"))


@pytest.mark.timeout(300)
def test_a_killed_worker_is_replaced_and_loses_nothing(
    sink: Sink, make_homing: MakeHoming, postgres: Postgres, database: str
) -> None:
    """
    Both workers are killed under load, one after the other: each mail with a 250 arrives.

    Twice comes only what was in flight. A new worker takes over what the dead one held at once, a minute before its
    lease passes. Mail that was behind its final dot waits ten minutes, as after any crash. In the end SIGTERM ends both
    workers, and all is settled.
    """
    homing = make(make_homing, postgres.url(database), sink)
    homing.start()
    until("both workers serve", lambda: "2 workers serve" in homing.output)
    source = Source(homing, homing.login(), CONNECTIONS)
    source.start()
    for number, worker in enumerate(sorted(children(homing.pid))):
        taken = len(source.acknowledged)
        until("mails were taken since", lambda taken=taken: len(source.acknowledged) >= taken + 40)
        os.kill(worker, signal.SIGKILL)
        until("it is replaced", lambda number=number: f"worker {number} serves again" in homing.output)
    source.stop()
    nodes = "(SELECT DISTINCT (id >> 12) & 1023 FROM message) AS nodes"
    assert count(postgres, database, nodes) >= 3, "both workers took mail, and so did a new one"
    until(
        "all that was not in doubt is settled",
        lambda: count(postgres, database, "recipient WHERE state <> 'settled' AND NOT in_doubt") == 0,
    )
    postgres.sql(
        database, "UPDATE recipient SET next_attempt_at = next_attempt_at - 600 WHERE state = 'due' AND in_doubt"
    )
    until("the first shows what both count", lambda: {'worker="0"', 'worker="1"'} <= shown(homing))
    until("nothing is on its way", lambda: count(postgres, database, "recipient WHERE state <> 'settled'") == 0)
    assert homing.terminate() == 0

    assert source.acknowledged - set(sink.got) == set(), "lost"
    assert set(sink.got) - source.offered == set(), "nobody sent this"
    assert sink.spoilt == []
    twice = [number for number, times in sink.got.items() if times > 1]
    assert len(twice) <= KILLS * IN_FLIGHT, twice
    assert count(postgres, database, "recipient WHERE status <> 'delivered'") == 0
    assert count(postgres, database, "node WHERE NOT ended") == 0


@pytest.mark.timeout(300)
def test_sigterm_under_load_lets_all_workers_take_leave(
    sink: Sink, make_homing: MakeHoming, postgres: Postgres, database: str
) -> None:
    """Robustness Q12: both end well and give back what they hold; the next start delivers it, nothing twice."""
    homing = make(make_homing, postgres.url(database), sink)
    homing.start()
    until("both workers serve", lambda: "2 workers serve" in homing.output)
    source = Source(homing, homing.login(), CONNECTIONS)
    source.start()
    until("mails were taken", lambda: len(source.acknowledged) >= 60)
    assert homing.terminate() == 0
    assert count(postgres, database, "recipient WHERE state = 'claimed'") == 0
    homing.start()
    source.stop()
    until("nothing is on its way", lambda: count(postgres, database, "recipient WHERE state <> 'settled'") == 0)
    assert homing.terminate() == 0
    assert source.acknowledged - set(sink.got) == set(), "lost"
    assert set(source.refused.values()) <= {421}
    assert [number for number, times in sink.got.items() if times > 1] == []
