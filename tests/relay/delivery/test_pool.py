"""Which connections to reuse, to open and to close; how one is opened (robustness.md D1, D2, D18, N12)."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.delivery.connection import Connection
from relay.delivery.dialogue import Outcome
from relay.delivery.envelope import Envelope
from relay.delivery.pool import Plan, Pool, Unreachable, plan, sum_up
from relay.delivery.route import Destination, Host
from relay.settings import DeliverySettings
from store.nouns import Phase, Reason, Reply
from tests.rigs.smtp_sink import Drop, Say, Silence, SmtpSink
from tests.rigs.virtual_time import run

COPY = b"Subject: x\r\n\r\nbody\r\n"
MAIL = Envelope(reverse_path="r@b.test", forward_path="ann@example.org", size=len(COPY))


@pytest.mark.parametrize(
    ("waiting", "busy", "idle", "limit", "total", "most", "elsewhere", "expected"),
    [
        (0, 0, 0, 20, 0, 200, 0, Plan()),
        (1, 0, 1, 20, 1, 200, 0, Plan(reuse=1)),
        (3, 0, 1, 20, 1, 200, 0, Plan(reuse=1, open=2)),
        (5, 0, 0, 1, 0, 200, 0, Plan(open=1)),  # a destination begins with one
        (5, 1, 0, 1, 1, 200, 0, Plan()),
        (100, 0, 0, 20, 0, 200, 0, Plan(open=20)),
        (100, 25, 0, 20, 25, 200, 0, Plan()),  # its limit became less
        (100, 5, 0, 20, 170, 200, 0, Plan(open=5, starved=True)),  # the last eighth is for what is fresh
        (1, 0, 0, 20, 180, 200, 0, Plan(starved=True)),
        (1, 0, 0, 20, 200, 200, 0, Plan(starved=True)),
        (1, 0, 0, 20, 175, 200, 3, Plan(open=1, evict=1)),
        (9, 0, 0, 20, 175, 200, 3, Plan(open=3, evict=3, starved=True)),
        (9, 0, 0, 20, 174, 200, 3, Plan(open=4, evict=3, starved=True)),
        (9, 0, 0, 20, 177, 200, 3, Plan(open=1, evict=3, starved=True)),  # idle ones in the last places make none
        (1, 0, 0, 20, 200, 200, 3, Plan(starved=True)),
        (1, 0, 0, 20, 0, 1, 0, Plan(open=1)),
    ],
)
def test_plan(
    *, waiting: int, busy: int, idle: int, limit: int, total: int, most: int, elsewhere: int, expected: Plan
) -> None:
    """A table of decisions."""
    decided = plan(waiting=waiting, busy=busy, idle=idle, limit=limit, total=total, most=most, idle_elsewhere=elsewhere)
    assert decided == expected


@pytest.mark.parametrize(
    ("waiting", "busy", "idle", "total", "expected"),
    [
        (1, 0, 0, 180, Plan(open=1)),
        (9, 0, 0, 180, Plan(open=1, starved=True)),
        (9, 1, 0, 180, Plan(starved=True)),  # it has its first
        (9, 0, 1, 180, Plan(reuse=1, starved=True)),
        (1, 0, 0, 200, Plan(starved=True)),
    ],
)
def test_the_last_places_are_for_first_connections_for_fresh_mail(
    waiting: int, busy: int, idle: int, total: int, expected: Plan
) -> None:
    """Where the usual places are taken."""
    decided = plan(waiting=waiting, busy=busy, idle=idle, limit=20, total=total, most=200, idle_elsewhere=0, first=True)
    assert decided == expected


_FEW = st.integers(0, 50)


@given(
    waiting=_FEW, busy=_FEW, idle=_FEW, limit=st.integers(1, 50), most=st.integers(1, 300), elsewhere=_FEW, others=_FEW
)
def test_a_plan_keeps_the_limits(
    *, waiting: int, busy: int, idle: int, limit: int, most: int, elsewhere: int, others: int
) -> None:
    """Never over a limit, nothing closed in vain, and no mail left that could have had a connection."""
    total = busy + idle + elsewhere + others
    decided = plan(waiting=waiting, busy=busy, idle=idle, limit=limit, total=total, most=most, idle_elsewhere=elsewhere)
    at_work = decided.reuse + decided.open
    assert at_work <= waiting
    assert busy + at_work <= max(limit, busy)
    assert decided.reuse <= idle
    assert decided.evict <= (elsewhere if decided.open else 0)
    assert total + decided.open - decided.evict <= max(most, total)
    assert decided.starved == (at_work < max(0, min(waiting, limit - busy)))
    if decided.starved and not decided.open:
        assert total - elsewhere >= most - most // 8


def _failure(code: int = 0, *, permanent: bool = False, host: str = "a") -> Unreachable:
    reply = Reply(code, None, ("x",)) if code else None
    reason = None if code else Reason.CONNECTION_FAILED
    return Unreachable(Outcome(Phase.CONNECT, reply, "", reason, permanent=None if code else permanent), host, "1")


@pytest.mark.parametrize(
    ("failures", "chosen"),
    [
        ([_failure(554)], 0),
        ([_failure(554), _failure(554)], 1),
        ([_failure(554), _failure()], 1),  # one passing failure makes all pass
        ([_failure(), _failure(554)], 0),
        ([_failure(450), _failure()], 0),  # a reply tells more than silence
        ([_failure(), _failure(450), _failure(421), _failure()], 2),
    ],
)
def test_the_failure_that_stands_for_all(failures: list[Unreachable], chosen: int) -> None:
    """D2: permanent only when every host refused for good."""
    assert sum_up(failures) is failures[chosen]


def pool(**settings: object) -> Pool:
    return Pool(hostname="relay.test", settings=DeliverySettings(**settings), draw=lambda: 0.5)  # type: ignore[arg-type]  # a table of options


def to(*sinks: SmtpSink, key: str = "key") -> Destination:
    hosts = tuple(Host(f"mx{n}.test", sink.port, ("127.0.0.1",), n) for n, sink in enumerate(sinks))
    return Destination(key, hosts, by_route=False, until=0.0)


async def opened(pool: Pool, destination: Destination) -> Connection:
    connection = await pool.open(destination)
    assert isinstance(connection, Connection), connection
    return connection


async def nothing() -> None:
    """Before the dot."""


async def test_the_next_host_is_tried() -> None:
    """D1, D2: connecting, greeting and EHLO may fail; the one that failed is tried last for a while."""
    async with SmtpSink() as bad, SmtpSink() as good:
        for stage, action in (("connect", Drop()), ("greeting", Say("554 no")), ("ehlo", Say("421 busy"))):
            bad.forget()
            bad.on(stage, action)
            keeper = pool()
            before = len(bad.sessions)
            one = await opened(keeper, to(bad, good))
            assert one.host.name == "mx1.test"
            two = await opened(keeper, to(bad, good))
            assert two.host.name == "mx1.test"
            assert len(bad.sessions) == before + 1
            await keeper.close()


async def test_nobody_home() -> None:
    """The outcome names the host and says it in words."""
    async with SmtpSink() as sink:
        pass
    keeper = pool()
    failed = await keeper.open(to(sink))
    assert isinstance(failed, Unreachable)
    assert (failed.outcome.why, failed.host, failed.address) == ("connection refused", "mx0.test", "127.0.0.1")
    assert not failed.permanent
    await keeper.close()


async def test_all_hosts_refuse_for_good() -> None:
    """D2: 554 at every banner is permanent."""
    async with SmtpSink() as one, SmtpSink() as two:
        one.on("greeting", Say("554 5.7.1 go away"))
        two.on("greeting", Say("554 5.7.1 and stay away"))
        keeper = pool()
        failed = await keeper.open(to(one, two))
        assert isinstance(failed, Unreachable)
        assert failed.permanent
        assert str(failed.outcome.reply) == "554 5.7.1 and stay away"
        await keeper.close()


async def test_after_a_failed_handshake_the_next_attempt_is_in_clear() -> None:
    """2.6, opportunistic: not at once on the same attempt, but the next time."""
    async with SmtpSink(offers=("STARTTLS",)) as sink:
        sink.on("starttls", Say("220 go"), Drop())
        keeper = pool()
        assert isinstance(await keeper.open(to(sink)), Unreachable)
        connection = await opened(keeper, to(sink))
        assert connection.tls == ""
        assert sink.count("STARTTLS") == 1
        await keeper.close()


async def test_idle_connections_are_kept_by_destination() -> None:
    """Taken by their own key only, the latest used first; a dead one is never given."""
    async with SmtpSink() as sink:
        keeper = pool()
        one = await opened(keeper, to(sink))
        two = await opened(keeper, to(sink))
        keeper.keep("a", one)
        keeper.keep("a", two)
        assert (keeper.idle, keeper.idle_of("a"), keeper.idle_of("b")) == (2, 2, 0)
        assert keeper.take("b") is None
        assert keeper.take("a") is two
        one.abort()
        await one.gone()
        assert keeper.take("a") is None
        assert keeper.idle == 0
        await keeper.close()


async def test_a_connection_has_its_share_of_mails() -> None:
    """messages_per_connection: then it is closed with QUIT."""
    async with SmtpSink() as sink:
        keeper = pool(messages_per_connection=2)
        connection = await opened(keeper, to(sink))
        for kept in (1, 0):
            await connection.send(MAIL, COPY, nothing)
            keeper.keep("a", connection)
            assert keeper.idle == kept
            if kept:
                assert keeper.take("a") is connection
        await sink.said("QUIT")
        await keeper.close()


async def test_making_room_closes_what_is_idle_longest() -> None:
    """And never one's own."""
    async with SmtpSink() as sink:
        keeper = pool()
        connections = [await opened(keeper, to(sink)) for _ in range(3)]
        for key, connection in zip("abc", connections, strict=True):
            keeper.keep(key, connection)
        keeper.evict(1, but="a")
        assert [keeper.idle_of(key) for key in "abc"] == [1, 0, 1]
        await connections[1].gone()
        await keeper.close()
        await sink.said("QUIT", times=3)


def test_idle_connections_end_after_their_time() -> None:
    """connection_idle, in virtual time: each by its own clock."""

    async def scenario() -> list[int]:
        async with SmtpSink() as sink:
            keeper = pool(connection_idle=10.0)
            one, two = await opened(keeper, to(sink)), await opened(keeper, to(sink))
            keeper.keep("a", one)
            await asyncio.sleep(6)
            keeper.keep("a", two)
            idle = [keeper.idle]
            await asyncio.sleep(5)
            idle.append(keeper.idle)
            await asyncio.sleep(6)
            idle.append(keeper.idle)
            await keeper.close()
            return idle

    assert run(scenario()) == [2, 1, 0]


def test_one_attempt_has_ten_minutes_in_all() -> None:
    """N12: ten silent hosts with four addresses do not hold a place for hours."""

    async def scenario() -> tuple[Connection | Unreachable, float]:
        async with SmtpSink() as sink:
            sink.on("connect", Silence())
            keeper = pool()
            hosts = [replace(to(sink).hosts[0], addresses=("127.0.0.1",) * 4, preference=n) for n in range(10)]
            failed = await keeper.open(Destination("key", tuple(hosts), by_route=False, until=0.0))
            took = asyncio.get_running_loop().time()
            await keeper.close()
            return failed, took

    failed, took = run(scenario())
    assert isinstance(failed, Unreachable)
    assert took == pytest.approx(600, abs=5)


async def test_close_ends_what_is_at_work() -> None:
    """At the end no socket is left."""
    async with SmtpSink() as sink:
        keeper = pool()
        connections = [await opened(keeper, to(sink)) for _ in range(3)]
        keeper.keep("a", connections[0])
        await keeper.close()
        assert not any(connection.usable for connection in connections)
        await asyncio.gather(*(session.closed.wait() for session in sink.sessions))
