"""A relay between a source and a sink that is killed again and again, and the account of all three afterwards."""

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.rigs.homing import Homing
from tests.e2e.rigs.ledger import Sink, Source
from tests.e2e.rigs.until import until

CONNECTIONS = 20  # of the source
IN_FLIGHT = 20  # relay.delivery.connections_per_destination
SETTINGS: dict[str, Any] = {
    "relay": {
        "delivery": {"connections_per_destination": IN_FLIGHT},
        "submission": {"limits": {"connections_per_address": 100}},
        "log": {"level": "warning"},
    }
}
# Of each recipient: the mail's number, how it stands, and whether an event of it says that it may come twice.
_RECIPIENTS = """
SELECT substr(m.subject, 6), r.state, r.status,
  (SELECT count(*) FROM event e WHERE e.recipient_id = r.id AND e.kind = 'accepted'),
  (SELECT count(*) FROM event e WHERE e.recipient_id = r.id AND e.kind = 'delivered'),
  (SELECT count(*) FROM event e WHERE e.recipient_id = r.id AND e.note LIKE 'possible duplicate%')
FROM recipient r JOIN message m ON m.id = r.message_id
"""


@dataclass
class Account:
    """Both ledgers and the store held against each other; numbers of mails. All but the first lines must be empty."""

    kills: int
    offered: int
    acknowledged: int
    delivered: int
    doubled: list[int]  # came more than once
    held: set[int]  # that several processes died with: kept for an operator
    lost: set[int] = field(default_factory=set)  # acknowledged, and neither at the sink nor held
    unasked: set[int] = field(default_factory=set)  # at the sink, and nobody sent it, or it was refused
    untold: set[int] = field(default_factory=set)  # acknowledged, and the store does not say that it was delivered
    spoilt: list[int] = field(default_factory=list)  # other octets than were sent
    unsaid: set[int] = field(default_factory=set)  # doubled, not held, and no event says "possible duplicate"
    disagreeing: set[int] = field(default_factory=set)  # status and events of a recipient say different things
    damage: str = ""  # what SQLite found wrong with the file

    def wrong(self) -> list[str]:
        """Name everything that breaks a promise; promise 4 allows what was in flight at a kill to come twice."""
        found = [
            f"{name}: {sorted(numbers)[:20]}"
            for name in ("lost", "unasked", "untold", "spoilt", "unsaid", "disagreeing")
            if (numbers := getattr(self, name))
        ]
        if self.damage:
            found.append(f"damage: {self.damage}")
        if len(self.doubled) > self.kills * IN_FLIGHT:
            found.append(f"doubled: {len(self.doubled)} mails in {self.kills} kills")
        if len(self.held) > self.kills:
            found.append(f"held: {len(self.held)} mails in {self.kills} kills")
        return found


def file_of(homing: Homing) -> str:
    """Give the SQLite file of a relay."""
    return str(homing.folder / "var" / "homing.db")


def states(homing: Homing, file: str = "") -> dict[str, int]:
    """Count the recipients in each state. ``file``: where the store can be seen, if elsewhere than usual."""
    with closing(sqlite3.connect(file or file_of(homing))) as store:
        return dict(store.execute("SELECT state, count(*) FROM recipient GROUP BY state").fetchall())


def kill_at_random(
    homing: Homing, source: Source, *, times: int, seed: int, after: Callable[[int], bool] = lambda _: True
) -> int:
    """
    Kill a relay under load, 0.05 to 0.7 seconds after each start, and have it take a mail once more at the end.

    ``after`` hears the count of kills after each start, and says whether to go on. Gives how often it was killed.
    """
    moments = random.Random(seed)
    kills = 0
    while kills < times:
        time.sleep(moments.uniform(0.05, 0.7))
        homing.kill()
        homing.start()
        kills += 1
        if not after(kills):
            break
    taken = len(source.acknowledged)
    until("a mail was taken since the last kill", lambda: len(source.acknowledged) > taken)
    return kills


def drain(homing: Homing, sink: Sink, *, seconds: float = 90.0) -> None:
    """Let the queue of a relay that is down run empty, as if the ten minutes that mail in doubt waits were over."""
    sink.good = True
    with closing(sqlite3.connect(file_of(homing))) as store:
        store.execute("UPDATE recipient SET next_attempt_at = next_attempt_at - 600 WHERE state = 'due' AND in_doubt")
        store.commit()
    homing.start()
    until("nothing is on its way", lambda: not states(homing).keys() & {"due", "claimed"}, seconds=seconds)
    assert homing.terminate() == 0


def account(homing: Homing, source: Source, sink: Sink, *, kills: int, file: str = "") -> Account:
    """Hold both ledgers and the store of a relay that is down, or has nothing to do, against each other."""
    with closing(sqlite3.connect(file or file_of(homing))) as store:
        damage = "; ".join(row[0] for row in store.execute("PRAGMA integrity_check") if row != ("ok",))
        rows = [(int(row[0]), *row[1:]) for row in store.execute(_RECIPIENTS)]
    got = set(sink.got)
    held = {number for number, state, *_ in rows if state == "held"}
    told = {number for number, _, status, *_ in rows if status == "delivered"}
    doubled = [number for number, times in sink.got.items() if times > 1]
    return Account(
        kills=kills,
        offered=len(source.offered),
        acknowledged=len(source.acknowledged),
        delivered=len(got),
        doubled=doubled,
        held=held,
        lost=source.acknowledged - got - held,
        unasked=(got - source.offered) | (got & set(source.refused)),
        untold=source.acknowledged - held - told,
        spoilt=sink.spoilt,
        unsaid=set(doubled) - held - {number for number, *_, said in rows if said},
        disagreeing={
            number
            for number, _, status, accepted, delivered, _ in rows
            if accepted != 1 or delivered != (status == "delivered")
        },
        damage=damage,
    )
