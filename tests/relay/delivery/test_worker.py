"""The worker against scripted servers, with a ledger in memory. Laws by their numbers in relay/delivery/worker.py."""

import asyncio
from collections.abc import Collection
from itertools import pairwise

import pytest

from relay.delivery import carrier, worker
from relay.delivery.resolver import Found, FoundMx, NullMx
from store.errors import ClaimLost, ContentDamaged
from store.nouns import Job, Phase, Reason
from tests.relay.delivery.world import CONTENT, EPOCH, World
from tests.rigs.smtp_sink import After, Drop, Hold, Reset, Say, Silence, SmtpSink
from tests.rigs.virtual_time import run

DAY = 86400.0


async def test_an_own_held_mail_is_delivered_without_reading_the_store() -> None:
    """The copy for this recipient, our return path, the content that was at hand, the dot marked before it was sent."""
    async with SmtpSink() as sink, World(sink) as world:
        world.offer(1, "ann@example.org")
        await world.settled()
        mail = sink.mails[0]
        assert (mail.reverse_path, mail.recipient) == ("b1@bounces.test", "ann@example.org")
        assert mail.content == b"X-Recipient: 1\r\n" + CONTENT
        assert world.ledger.reads == []
        assert world.ledger.marked == [1]
        attempt = world.last(1)
        assert (attempt.phase, str(attempt.reply), attempt.tls) == (Phase.END_OF_DATA, "250 2.0.0 taken", "")
        assert (attempt.remote_host, attempt.remote_address) == ("127.0.0.1", "127.0.0.1")


async def test_a_due_mail_is_claimed_and_its_content_read() -> None:
    """Once for two recipients of one message."""
    async with SmtpSink() as sink, World(sink, claiming=False) as world:
        world.job(1, message_id=1, message_of=1)
        world.job(2, message_id=1, message_of=1)
        running = asyncio.create_task(world.delivery.run())
        await sink.arrived(2)
        await world.settled()
        assert sorted(mail.content for mail in sink.mails) == [b"X-Recipient: %d\r\n" % n + CONTENT for n in (1, 2)]
        assert world.ledger.reads == [1]
        await world.delivery.stop(1)
        await running


async def test_a_null_reverse_path_stays_null() -> None:
    """A mail that is itself a notification never gets our return path."""
    async with SmtpSink() as sink, World(sink) as world:
        world.offer(1, reverse_path="")
        await world.settled()
        assert sink.mails[0].reverse_path == ""


async def test_a_job_is_in_hand_once() -> None:
    """Law 1: the same recipient offered again while in hand is not sent twice."""
    async with SmtpSink() as sink, World(sink) as world:
        job = world.offer(1)
        world.delivery.offer([job], CONTENT)
        await world.settled()
        assert len(sink.mails) == 1


async def test_jobs_over_capacity_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 2: offer never blocks; what does not fit is due again and comes by a claim."""
    monkeypatch.setattr(worker, "MOST_OFFERED", 5)
    async with SmtpSink() as sink, World(sink) as world:
        for number in range(1, 21):
            world.offer(number)
        await sink.arrived(20)
        await world.settled()
        assert sorted(mail.recipient for mail in sink.mails) == sorted(f"r{n}@example.org" for n in range(1, 21))
        assert len(world.ledger.given_back) == 15
        assert set(world.ledger.states()) == {"delivered"}


async def test_many_mails_over_few_connections() -> None:
    """Connections are reused, with RSET between mails; each mail arrives once, at its own recipient."""
    async with SmtpSink() as sink, World(sink, connections_per_destination=3) as world:
        for number in range(1, 101):
            world.offer(number)
        await world.settled()
        assert sorted(mail.recipient for mail in sink.mails) == sorted(f"r{n}@example.org" for n in range(1, 101))
        assert all(mail.content.startswith(b"X-Recipient: " + mail.recipient[1:-12].encode()) for mail in sink.mails)
        assert len(sink.sessions) <= 3
        assert sink.count("RSET") == 100 - len(sink.sessions)


@pytest.mark.parametrize("offers", [(), ("PIPELINING",)])
async def test_each_recipient_gets_its_own_reply(offers: tuple[str, ...]) -> None:
    """D5, D8: accepted ones are sent once, refused ones fail alone, deferred ones wait alone."""
    async with SmtpSink(offers=offers) as sink, World(sink) as world:
        sink.on("rcpt", Say("550 5.1.1 no such user"), recipient="gone@example.org")
        sink.on("rcpt", Say("452 4.5.3 too many recipients"), recipient="later@example.org", times=1)
        for number, name in enumerate(("ann", "gone", "later", "bob"), 1):
            world.offer(number, f"{name}@example.org")
        await world.settled()
        assert [row.state for row in world.ledger.rows.values()] == ["delivered", "failed", "due", "delivered"]
        assert sorted(mail.recipient for mail in sink.mails) == ["ann@example.org", "bob@example.org"]
        assert str(world.last(2).reply) == "550 5.1.1 no such user"
        assert world.ledger.marked == [1, 4] or sorted(world.ledger.marked) == [1, 4]


@pytest.mark.parametrize(
    ("offers", "fields", "content", "reason", "status"),
    [
        (("SIZE 50",), {}, b"x\r\n" * 100, Reason.MESSAGE_TOO_LARGE, "5.3.4"),
        (("8BITMIME",), {"forward_path": "bücher@example.org"}, CONTENT, Reason.POLICY_REJECTED, "5.6.7"),
        (("8BITMIME",), {"smtputf8": True}, "Subject: ü\r\n\r\nx\r\n".encode(), Reason.CONTENT_REJECTED, "5.6.7"),
    ],
    ids=["size", "address", "header"],
)
async def test_what_a_server_cannot_take_is_not_sent(
    offers: tuple[str, ...], fields: dict[str, object], content: bytes, reason: Reason, status: str
) -> None:
    """D12, S26: permanent by our own finding, nothing sent, and the connection is used on."""
    async with SmtpSink(offers=offers) as sink, World(sink) as world:
        address = str(fields.pop("forward_path", "ann@example.org"))
        world.offer(1, address, content=content, **fields)
        world.offer(2)
        await world.settled()
        attempt = world.last(1)
        assert (attempt.phase, attempt.reason, attempt.permanent, attempt.status) == (Phase.CHECK, reason, True, status)
        assert [mail.recipient for mail in sink.mails] == ["r2@example.org"]
        assert len(sink.sessions) == 1


@pytest.mark.parametrize(("offers", "sent"), [(("8BITMIME",), "ü".encode()), ((), b"&#252;")])
async def test_8_bit_text_is_converted_for_a_server_without_it(offers: tuple[str, ...], sent: bytes) -> None:
    """S27: ``outgoing`` is told to make a 7-bit copy; BODY=8BITMIME where it is not needed to."""
    async with SmtpSink(offers=offers) as sink, World(sink) as world:
        world.offer(1, content="Subject: x\r\n\r\nü\r\n".encode(), eight_bit=True)
        await world.settled()
        assert sink.mails[0].content.endswith(sent + b"\r\n")
        assert sink.mails[0].mail_parameters == (("BODY=8BITMIME",) if offers else ())


@pytest.mark.parametrize(
    ("path", "domain", "status"), [("a b@example.org", "example.org", "5.1.3"), ("ann@a..b", "", "5.1.2")]
)
async def test_a_bad_address_is_settled_without_a_look_up(path: str, domain: str, status: str) -> None:
    """N16: our own finding."""
    async with SmtpSink() as sink, World(sink) as world:
        world.offer(1, path, domain=domain)
        await world.settled()
        attempt = world.last(1)
        assert (attempt.phase, attempt.reason, attempt.status) == (Phase.CHECK, Reason.ADDRESS_INVALID, status)
        assert sink.sessions == []


async def test_domains_are_looked_up_and_their_hosts_tried_in_turn() -> None:
    """D1: the first host refuses connections, the second takes the mail."""
    async with SmtpSink() as sink, World(None, port=sink.port, allow_private_destinations=("127.0.0.0/8",)) as world:
        until = EPOCH + DAY
        world.names.exchangers["example.org"] = FoundMx(((10, "dead.test"), (20, "good.test")), until)
        world.names.hosts["dead.test"] = Found(("127.0.0.9",), until)
        world.names.hosts["good.test"] = Found(("127.0.0.1",), until)
        for number in range(1, 11):
            world.offer(number)
        await world.settled()
        assert len(sink.mails) == 10
        assert {attempt.remote_host for attempt, _ in world.ledger.attempts} == {"good.test"}
        assert world.names.asked == ["example.org"]


async def test_null_mx_and_inward_mail_hosts_fail_at_once() -> None:
    """N4, N10: our own findings, final."""
    async with World(None) as world:
        world.names.exchangers["null.test"] = NullMx(EPOCH + DAY)
        world.names.exchangers["inward.test"] = FoundMx(((10, "in.test"),), EPOCH + DAY)
        world.names.hosts["in.test"] = Found(("127.0.0.1",), EPOCH + DAY)
        world.offer(1, "a@null.test")
        world.offer(2, "a@inward.test")
        world.offer(3, "a@[127.0.0.1]", domain="")
        await world.settled()
        assert [(world.last(n).status, world.last(n).permanent) for n in (1, 2, 3)] == [
            ("5.1.10", True),
            ("5.4.4", True),
            ("5.4.4", True),
        ]
        assert {world.last(n).phase for n in (1, 2, 3)} == {Phase.DNS}


def test_a_missing_domain_is_looked_up_again_before_it_is_final() -> None:
    """N1, in virtual time: deferred as "checking again", and final five minutes later."""

    async def scenario() -> list[tuple[bool | None, str, float]]:
        async with World(None) as world:
            world.offer(1, "ann@gone.test")
            await world.over()
            return [(attempt.permanent, attempt.why, attempt.at - EPOCH) for attempt in world.ledger.of(1)]

    first, second = run(scenario())
    assert first[:2] == (False, "domain not found, checking again: the domain does not exist")
    assert second[:2] == (True, "the domain does not exist")
    assert 300 <= second[2] <= 305


# The store (promise 4).


async def test_nothing_is_delivered_when_the_dot_cannot_be_marked() -> None:
    """Laws 3 and 4: delivery pauses, and goes on when the store is back; the mail arrives once."""

    async def scenario() -> None:
        async with SmtpSink() as sink, World(sink) as world:
            sink.on("rcpt", Silence(), recipient="never@example.org")
            hold = asyncio.Event()
            sink.on("data", Hold(hold), Say("354 go"), times=1)
            world.offer(1)
            await sink.said("DATA")
            world.ledger.broken = True
            hold.set()
            await sink.sessions[0].closed.wait()
            world.offer(2)
            await asyncio.sleep(100)
            assert world.delivery.paused
            assert sink.mails == []
            assert sink.count("DATA") == 1  # the second mail is not even begun
            world.ledger.broken = False
            await world.over()
            assert not world.delivery.paused
            assert sorted(mail.recipient for mail in sink.mails) == ["r1@example.org", "r2@example.org"]
            assert world.ledger.given_back == [1]

    await asyncio.to_thread(run, scenario())


def test_an_outcome_is_kept_until_the_store_takes_it() -> None:
    """Law 4: the delivery is not repeated because its outcome could not be written, and no new one begins."""

    async def scenario() -> None:
        async with SmtpSink() as sink, World(sink) as world:
            dot = asyncio.Event()
            sink.on("dot", Hold(dot), Say("250 2.0.0 taken"), times=1)
            world.offer(1)
            await sink.said(".")
            world.ledger.broken = True
            dot.set()
            await asyncio.sleep(1)
            world.offer(2)
            await asyncio.sleep(1000)
            assert world.delivery.paused
            assert world.delivery.in_hand == 2
            assert [mail.recipient for mail in sink.mails] == ["r1@example.org"]
            world.ledger.broken = False
            await world.over()
            assert [mail.recipient for mail in sink.mails] == ["r1@example.org", "r2@example.org"]
            assert len(world.ledger.attempts) == 2

    run(scenario())


async def test_a_lost_claim_is_let_go() -> None:
    """Law 3: another process has the recipient; nothing is sent and nothing is settled."""
    async with SmtpSink() as sink, World(sink) as world:
        world.ledger.mark_error = ClaimLost("not ours")
        world.offer(1)
        await world.settled()
        assert sink.mails == []
        assert world.ledger.attempts == []


def test_a_store_that_cannot_be_read_does_not_spin() -> None:
    """A content that cannot be read now is given back for a while, again and again, and then delivered."""

    async def scenario() -> None:
        async with SmtpSink() as sink, World(sink, claiming=False) as world:
            world.job(1)
            world.ledger.read_error = worker.StoreUnavailable("i/o error")
            running = asyncio.create_task(world.delivery.run())
            await asyncio.sleep(100)
            assert 5 <= len(world.ledger.given_back) <= 100 / carrier.GIVEN_BACK_FOR + 1
            world.ledger.read_error = None
            await world.over()
            assert len(sink.mails) == 1
            await world.delivery.stop(1)
            await running

    run(scenario())


# Poison.


async def test_a_poison_job_is_deferred_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    """Law 5, Q11: an exception of ours is a passing system error of that job alone, and it is logged in full."""

    def outgoing(job: Job, content: bytes, seven_bit: bool) -> bytes:  # noqa: ARG001, FBT001 - the worker's contract
        if job.recipient_id % 2:
            raise ZeroDivisionError("secret details")
        return content

    async with SmtpSink() as sink, World(sink, outgoing=outgoing) as world:
        for number in range(1, 11):
            world.offer(number)
        await world.settled()
        assert len(sink.mails) == 5
        attempt = world.last(1)
        assert (attempt.phase, attempt.reason, attempt.permanent) == (Phase.CHECK, Reason.SYSTEM_ERROR, False)
        assert "secret" not in attempt.why
        assert world.ledger.rows[1].state == "due"
    assert "secret details" in caplog.text


async def test_a_damaged_content_is_held() -> None:
    """Q7: never sent, never in silence, never a crash, and not tried again and again: a person must look."""
    async with SmtpSink() as sink, World(sink) as world:
        world.ledger.read_error = ContentDamaged("the content of message 1 is damaged")
        world.offer(1, content=CONTENT)
        world.job(2)
        world.delivery.wake()
        await sink.arrived(1)
        await world.settled()
        assert world.ledger.rows[2].state == "held"
        assert world.ledger.notes[2].endswith("cannot be read: the content of message 1 is damaged")
        assert world.ledger.of(2) == []
        assert [mail.recipient for mail in sink.mails] == ["r1@example.org"]


@pytest.mark.parametrize(("passages", "state"), [(3, "delivered"), (4, "failed")])
async def test_a_loop_is_ended(passages: int, state: str) -> None:
    """D13: what went through us more than three times is refused before anything is said to anybody."""
    looped = b"Received: from mx.example.org by relay.test with ESMTP id 1\r\n" * passages
    async with SmtpSink() as sink, World(sink) as world:
        world.offer(1, content=looped + CONTENT)
        await world.settled()
        assert world.ledger.rows[1].state == state
        if state == "failed":
            attempt = world.last(1)
            assert (attempt.phase, attempt.reason, attempt.status) == (Phase.CHECK, Reason.SYSTEM_ERROR, "5.4.6")
            assert sink.sessions == []


async def test_a_mistake_in_claiming_does_not_end_the_loop() -> None:
    """Law 5."""

    async def scenario() -> None:
        async with SmtpSink() as sink, World(sink, claiming=False) as world:
            good = world.ledger.next_due_at
            calls = 0

            async def bad() -> float | None:
                nonlocal calls
                calls += 1
                if calls < 3:
                    raise ZeroDivisionError
                return await good()

            world.ledger.next_due_at = bad  # type: ignore[method-assign]  # the fault
            world.job(1)
            running = asyncio.create_task(world.delivery.run())
            await sink.arrived(1)
            await world.delivery.stop(1)
            await running

    await asyncio.to_thread(run, scenario())


# Destinations.


async def test_a_kept_connection_that_died_is_no_failure() -> None:
    """D18: closed by the server between mails, reset, or 421 to the next one: once more on a fresh one."""
    for ending in (Drop(), Reset(), Say("421 4.4.2 idle too long")):
        async with SmtpSink() as sink, World(sink) as world:
            sink.on("rset", ending)
            for number in range(1, 4):
                world.offer(number)
                await world.settled()
            assert len(sink.mails) == 3
            assert [attempt.phase for attempt, _ in world.ledger.attempts] == [Phase.END_OF_DATA] * 3
            assert len(sink.sessions) == 3


async def test_a_fresh_connection_that_dies_is_a_failure() -> None:
    """Retried by the schedule, not at once for ever."""
    async with SmtpSink() as sink, World(sink) as world:
        sink.on("mail", Drop())
        world.offer(1)
        await world.settled()
        assert len(sink.sessions) == 1
        assert (world.last(1).phase, world.last(1).permanent) == (Phase.MAIL, False)


async def test_an_unknown_outcome_is_told() -> None:
    """D3: lost behind the final dot; it may become a duplicate, and the attempt says so."""
    async with SmtpSink() as sink, World(sink) as world:
        sink.on("dot", Drop(), times=1)
        world.offer(1)
        await world.settled()
        assert world.last(1).unknown_outcome
        assert world.ledger.rows[1].state == "due"


async def test_limits_of_connections() -> None:
    """Per destination and in all: never more at work."""
    release = asyncio.Event()
    async with SmtpSink() as one, SmtpSink() as two:
        sinks = {"one.test": one, "two.test": two}
        async with World(sinks=sinks, connections=8, connections_per_destination=6) as world:
            for first, (name, sink) in zip((1001, 2001), sinks.items(), strict=True):
                for number in range(first, first + 4):  # each reply lets the lane have more
                    world.offer(number, f"r@{name}")
                    await world.settled()
                sink.on("dot", Hold(release), Say("250 ok"))
            for number in range(1, 61):
                world.offer(number, f"r{number}@{'one' if number % 2 else 'two'}.test")
            await asyncio.gather(one.said(".", times=5), two.said(".", times=5))
            for _ in range(20):
                await asyncio.sleep(0)
            assert world.delivery._serving.busy <= 8
            assert one.open_sessions <= 6
            assert two.open_sessions <= 6
            assert one.open_sessions + two.open_sessions <= 8
            release.set()
            await world.settled()
            assert len(one.mails) + len(two.mails) == 68


def test_tarpits_do_not_slow_others() -> None:
    """D9: 50 destinations that take a connection and never answer, beside a good one."""

    async def scenario() -> float:
        async with SmtpSink() as tarpit, SmtpSink() as good:
            tarpit.on("mail", Silence())
            hosts = {f"tar{number}.test": tarpit for number in range(50)}
            async with World(sinks={"good.test": good}, allow_private_destinations=("127.0.0.0/8",)) as world:
                world.routes._port = tarpit.port
                for name in hosts:  # fifty destinations of their own
                    world.names.exchangers[name] = FoundMx(((10, f"mx.{name}"),), EPOCH + DAY)
                    world.names.hosts[f"mx.{name}"] = Found(("127.0.0.1",), EPOCH + DAY)
                number = 0
                for name in hosts:
                    for _ in range(20):
                        number += 1
                        world.offer(number, f"r{number}@{name}")
                await tarpit.said("MAIL", times=50)
                before = world.loop.time()
                for _ in range(50):
                    number += 1
                    world.offer(number, f"r{number}@good.test")
                await good.arrived(50)
                took = world.loop.time() - before
                assert tarpit.open_sessions <= 50 + 1  # one place each
                world.delivery._stopping = True
                return took

    assert run(scenario()) < 5


def test_a_dead_destination_is_probed_by_one_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """D14, in virtual time: 200 mails wait for three days; a handful of connections in all, then all are given up."""
    monkeypatch.setattr(worker, "POLL", 3600.0)  # fewer looks at an empty queue

    async def scenario() -> tuple[int, list[float], list[list[float]]]:
        async with SmtpSink() as sink, World(sink) as world:
            sink.on("greeting", Say("421 4.3.2 down"))
            for number in range(1, 201):
                world.offer(number)
            await world.over()
            times = [[attempt.at - EPOCH for attempt in world.ledger.of(number)] for number in range(1, 201)]
            assert set(world.ledger.states()) == {"failed"}
            assert all(world.ledger.attempts[-n][1] is None for n in range(1, 50))
            return len(sink.sessions), times[0], times

    connections, first, times = run(scenario())
    assert connections < 300  # of 200 mails with some 25 attempts each
    assert 15 <= len(first) <= 40
    assert [round(later - earlier) for earlier, later in pairwise(first)][:3] == [60, 300, 900]
    assert all(series[-1] >= 3 * DAY for series in times)


def test_waiting_mail_is_delivered_when_the_host_comes_up() -> None:
    """Within the step of the schedule, all of it, each once; a deferral says what is waited for."""

    async def scenario() -> None:
        async with SmtpSink() as sink, World(sink) as world:
            await sink.stop()
            for number in range(1, 51):
                world.offer(number)
            await asyncio.sleep(200)
            assert set(world.ledger.states()) == {"due"}
            assert sum("connection refused" in attempt.why for attempt, _ in world.ledger.attempts) >= 50
            await sink.start()
            await asyncio.sleep(400)
            assert set(world.ledger.states()) == {"delivered"}
            assert len(sink.mails) == 50

    run(scenario())


def test_greylisting_sees_the_same_triple_and_the_same_bytes() -> None:
    """D7: address, sender and recipient are the same at the retry, or greylisting never ends."""

    async def scenario() -> None:
        async with SmtpSink(offers=()) as sink, World(sink) as world:
            sink.on("rcpt", Say("450 4.2.0 greylisted"), times=1)
            world.offer(1)
            await world.over()
            said = [command for command in sink.sessions[0].commands if command.startswith("MAIL")]
            said += [command for session in sink.sessions[1:] for command in session.commands if command[:4] == "MAIL"]
            assert said == ["MAIL FROM:<b1@bounces.test>"] * 2
            assert sink.mails[0].content == b"X-Recipient: 1\r\n" + CONTENT
            assert world.last(1).at - EPOCH == pytest.approx(60, abs=3)

    run(scenario())


def test_a_later_due_mail_is_claimed_at_its_time() -> None:
    """Not before, and no more than a moment after."""

    async def scenario() -> float:
        async with SmtpSink() as sink, World(sink) as world:
            world.job(1)
            world.ledger.rows[1].due_at = world.clock() + 1234.5
            await world.over()
            return world.last(1).at - EPOCH

    assert run(scenario()) == pytest.approx(1234.5, abs=0.1)


def test_long_lanes_do_not_keep_others_from_being_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Q10 in small: thousands due for a slow domain, and a mail to another domain goes out at once."""
    monkeypatch.setattr(worker, "CLAIM_BELOW", 300)
    monkeypatch.setattr(worker, "BATCH", 50)
    monkeypatch.setattr(worker, "LANE_FULL", 40)

    async def scenario() -> float:
        async with SmtpSink() as slow, SmtpSink() as good:
            slow.on("dot", After(60), Say("250 ok"))
            async with World(sinks={"slow.test": slow, "good.test": good}, connections_per_destination=2) as world:
                for number in range(1, 3001):
                    world.job(number, f"r{number}@slow.test")
                await asyncio.sleep(30)
                assert world.delivery.in_hand < 200
                before = world.loop.time()
                world.job(9001, "ann@good.test")
                await good.arrived(1)
                return world.loop.time() - before

    assert run(scenario()) <= worker.POLL + 1


# The end.


async def test_stop_gives_back_what_waits() -> None:
    """Q12: nothing that is not behind its final dot is finished; all of it is due again, once."""
    async with SmtpSink() as sink, World(sink, connections_per_destination=2, claiming=False) as world:
        sink.on("rcpt", Silence())
        for number in range(1, 31):
            world.offer(number)
        await sink.said("RCPT", times=1)
        await world.delivery.stop(1)
        assert sorted(world.ledger.given_back) == list(range(1, 31))
        assert world.delivery.in_hand == 0
        assert sink.mails == []
        world.offer(31)  # too late
        await world.delivery._settling.drain(1)
        assert world.ledger.given_back[-1] == 31


async def test_stop_waits_for_what_is_behind_its_final_dot() -> None:
    """Its reply counts; no new mail begins."""
    async with SmtpSink() as sink, World(sink, claiming=False) as world:
        reply = asyncio.Event()
        sink.on("dot", Hold(reply), Say("250 2.0.0 taken"), times=1)
        world.offer(1)
        world.offer(2)
        await sink.said(".")
        stopping = asyncio.create_task(world.delivery.stop(30))
        await asyncio.sleep(0)
        reply.set()
        await stopping
        assert [row.state for row in world.ledger.rows.values()] == ["delivered", "due"]
        assert len(sink.mails) == 1


async def test_stop_waits_for_a_dot_that_is_being_noted() -> None:
    """Broken off there it would be in doubt, and wait ten minutes, although it never went out."""
    async with SmtpSink() as sink, World(sink, claiming=False) as world:
        asked, go = asyncio.Event(), asyncio.Event()

        async def slow(recipient_id: int) -> None:
            asked.set()
            await go.wait()
            world.ledger.marked.append(recipient_id)

        world.ledger.mark_dot = slow  # type: ignore[method-assign]  # a slow store
        world.offer(1)
        await asked.wait()
        stopping = asyncio.create_task(world.delivery.stop(30))
        await asyncio.sleep(0)
        go.set()
        await stopping
        assert [row.state for row in world.ledger.rows.values()] == ["delivered"]
        assert len(sink.mails) == 1


def test_stop_gives_up_after_its_grace() -> None:
    """What is behind its dot for longer is in doubt: it may be a duplicate when it is tried again."""

    async def scenario() -> None:
        async with SmtpSink() as sink, World(sink, claiming=False) as world:
            sink.on("dot", Silence())
            world.offer(1)
            await sink.said(".")
            await world.delivery.stop(60)
            assert world.loop.time() >= 60
            assert world.last(1).unknown_outcome
            assert world.ledger.given_back == []

    run(scenario())


def test_stop_ends_although_the_store_is_gone() -> None:
    """Claims then end with the process (promise 3)."""

    async def scenario() -> None:
        async with SmtpSink() as sink, World(sink, claiming=False) as world:
            sink.on("rcpt", Silence())
            world.offer(1)
            await sink.said("RCPT")
            world.ledger.broken = True
            await world.delivery.stop(5)
            assert world.loop.time() < 60

    run(scenario())


async def test_what_is_claimed_during_the_stop_is_given_back() -> None:
    """Law 2: a claim under way when the end begins leaves nothing in no one's hand."""
    async with SmtpSink() as sink, World(sink, claiming=False) as world:
        world.job(1)
        good, asked, go = world.ledger.claim_due, asyncio.Event(), asyncio.Event()

        async def slow(limit: int, *, exclude_domains: Collection[str] = ()) -> list[Job]:
            asked.set()
            await go.wait()
            return await good(limit, exclude_domains=exclude_domains)

        world.ledger.claim_due = slow  # type: ignore[method-assign]  # a slow store
        running = asyncio.create_task(world.delivery.run())
        await asked.wait()
        stopping = asyncio.create_task(world.delivery.stop(1))
        go.set()
        await stopping
        await running
        assert world.ledger.given_back == [1]
        assert sink.sessions == []


def test_what_a_person_asks_for_is_tried_at_a_host_that_was_down() -> None:
    """A mail that comes by itself waits for the next probe; one that is asked for is the probe."""

    async def scenario() -> None:
        async with SmtpSink() as sink, World(sink) as world:
            sink.on("greeting", Drop(), times=1)
            world.offer(1)
            await world.settled()
            world.offer(2)
            await world.settled()
            assert [len(world.ledger.of(n)) for n in (1, 2)] == [1, 1]
            assert len(sink.sessions) == 1
            world.offer(3, asked=True)
            await world.settled()
            assert [mail.recipient for mail in sink.mails] == ["r3@example.org"]

    run(scenario())
