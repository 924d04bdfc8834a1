"""pixel/buffer.py: loads are judged when their batch is written."""

import asyncio

import pytest

from pixel.buffer import PATIENCE
from pixel.client import Client
from store.nouns import Verdict
from tests.pixel.rig import FIREFOX, GRACE, Clock, FakeOpens, Pauses, an_open, buffer, known, until_asked


@pytest.mark.parametrize(
    ("facts", "verdict", "rule"),
    [
        (None, Verdict.PERSON, "browser"),
        ({"settled": True, "delivered_at": 95.0}, Verdict.PERSON, "browser"),
        ({"settled": True, "delivered_at": 99.5}, Verdict.UNCERTAIN, "at-once"),
        ({"settled": True, "delivered_at": 100.5}, Verdict.SCANNER, "before-delivery"),
        ({"settled": True, "settled_at": 101.0}, Verdict.SCANNER, "before-delivery"),
        ({"settled": True, "settled_at": 99.0}, Verdict.PERSON, "browser"),
        ({"in_doubt": True}, Verdict.PERSON, "browser"),
        ({"settled": True, "delivered_at": 50.0, "sender_is_recipient": True}, Verdict.OWN, "own-mail"),
    ],
)
async def test_judged_with_what_the_store_knows(
    opens: FakeOpens, facts: dict[str, object] | None, verdict: Verdict, rule: str
) -> None:
    """Long after, at once after and before the 250; refused after and before the load; in doubt; sent to oneself."""
    if facts is not None:
        opens.known[1] = known(**facts)
    waiting = buffer(opens)
    waiting.add(an_open(at=100.0))
    await waiting.stop(GRACE)
    assert [(each.verdict, each.rule, each.agent) for each in opens.recorded] == [(verdict, rule, FIREFOX)]


async def test_a_load_that_overtook_the_250_waits_for_it(opens: FakeOpens) -> None:
    """It is put aside, without holding up others, and judged when the 250 is there."""
    clock, pauses = Clock(100.0), Pauses()
    waiting = buffer(opens, pauses, clock=clock)
    opens.known[1] = known()
    waiting.start()
    waiting.add(an_open(1, at=100.0))
    waiting.add(an_open(2, at=100.0))
    await pauses.end_one()
    await until_asked(opens)
    assert ([each.recipient_id for each in opens.recorded], waiting.waiting) == ([2], 1)
    opens.known[1] = known(settled=True, delivered_at=98.0)
    clock.now = 100.2
    await pauses.end_one()
    await until_asked(opens)
    assert [(each.recipient_id, each.rule) for each in opens.recorded[1:]] == [(1, "browser")]
    assert (waiting.waiting, waiting.recorded) == (0, 2)
    await waiting.stop(GRACE)


@pytest.mark.parametrize(("waited", "recorded"), [(PATIENCE - 0.1, []), (PATIENCE, ["before-delivery"])])
async def test_patience_ends(opens: FakeOpens, waited: float, recorded: list[str]) -> None:
    """After five seconds without a 250 the load came before it: only the receiver's filters have the mail."""
    clock, pauses = Clock(100.0 + waited), Pauses()
    waiting = buffer(opens, pauses, clock=clock)
    opens.known[1] = known()
    waiting.start()
    waiting.add(an_open(1, at=100.0))
    await pauses.end_one()
    for _ in range(10):
        await asyncio.sleep(0)
    assert [each.rule for each in opens.recorded] == recorded
    await waiting.stop(GRACE)


async def test_stop_does_not_wait_for_a_250(opens: FakeOpens) -> None:
    """At the stop the 250 may be on its way: the time counts as not known, and the load is judged by the rest."""
    waiting = buffer(opens, clock=Clock(100.0))
    opens.known[1] = known()
    waiting.add(an_open(1, at=100.0))
    await waiting.stop(GRACE)
    assert [each.rule for each in opens.recorded] == ["browser"]


async def test_loads_that_wait_for_a_250_count_for_the_bound(
    opens: FakeOpens, caplog: pytest.LogCaptureFixture
) -> None:
    """What was put aside keeps its room, and is counted when it is lost at the stop."""
    clock, pauses = Clock(100.0), Pauses()
    waiting = buffer(opens, pauses, room=2, clock=clock)
    opens.known = {1: known(), 2: known()}
    waiting.start()
    waiting.add(an_open(1, at=100.0))
    waiting.add(an_open(2, at=100.0))
    await pauses.end_one()
    for _ in range(10):
        await asyncio.sleep(0)
    waiting.add(an_open(3, at=100.0))
    assert (waiting.waiting, waiting.dropped) == (2, 1)
    opens.refuse = True
    await waiting.stop(GRACE)
    assert waiting.dropped == 3
    assert "opens were lost" in caplog.text


async def test_many_recipients_of_one_mail_in_one_batch(opens: FakeOpens) -> None:
    """Five at once from one address are seen together, the first one included; another mail's are not among them."""
    waiting = buffer(opens)
    opens.known = {n: known(settled=True, delivered_at=10.0, message_id=9 if n < 6 else 10) for n in range(1, 7)}
    for n in range(1, 7):
        waiting.add(an_open(n, at=100.0 + n, address="8.8.4.4"))
    await waiting.stop(GRACE)
    assert [each.rule for each in opens.recorded] == ["many-at-once"] * 5 + ["browser"]


async def test_head_before_get(opens: FakeOpens) -> None:
    """The HEAD is a probe, and the same program's GET after it is uncertain."""
    waiting = buffer(opens)
    opens.known[1] = known(settled=True, delivered_at=10.0)
    waiting.add(an_open(1, at=100.0, method="HEAD"))
    waiting.add(an_open(1, at=101.0))
    await waiting.stop(GRACE)
    assert [each.verdict for each in opens.recorded] == [Verdict.PROBE, Verdict.UNCERTAIN]


async def test_loads_that_are_only_counted_have_a_window_too(opens: FakeOpens) -> None:
    """The store knows no recipient and cannot tell them apart; memory holds what they were, for the window."""
    waiting = buffer(opens)
    for at, agent in ((100.0, FIREFOX), (110.0, FIREFOX), (110.0, "another"), (130.0, FIREFOX)):
        waiting.add(an_open(9, at=at, agent=agent))
        await waiting.stop(GRACE)
    assert [(each.at, each.agent) for each in opens.recorded] == [
        (100.0, FIREFOX),
        (110.0, "another"),
        (130.0, FIREFOX),
    ]


async def test_clients_are_described_for_people_in_mode_full(opens: FakeOpens) -> None:
    """Not for other modes, nor of those that are not known; and a provider's proxy or a machine is nobody's program."""
    described: list[str] = []

    def describe(agent: str, address: str) -> Client:
        described.append(address)
        return Client(agent[:7], "computer", "DE")

    waiting = buffer(opens, describe=describe)
    opens.known = {n: known(settled=True, delivered_at=10.0, full=n != 2) for n in (1, 2, 3, 4)}
    agents = {3: "Mozilla/5.0 (via ggpht.com GoogleImageProxy)", 4: "curl/8.5.0"}
    for n in (1, 2, 3, 4, 5):
        waiting.add(an_open(n, at=100.0, address=f"192.0.2.{n}", agent=agents.get(n, FIREFOX)))
    await waiting.stop(GRACE)
    assert {it.recipient_id: (it.client, it.device, it.country) for it in opens.recorded} == {
        1: ("Mozilla", "computer", "DE"),
        **dict.fromkeys((2, 3, 4, 5), ("", "", "")),
    }
    assert set(described) == {"192.0.2.1"}
