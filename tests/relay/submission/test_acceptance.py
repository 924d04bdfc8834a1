"""Taking mail over, with the real store behind it: what 250 promises, and what is refused and how."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from relay.message.line_ends import normalise
from relay.settings import SubmissionLimits
from relay.submission import acceptance, replies
from relay.submission.acceptance import strictest
from store.errors import StoreUnavailable
from store.nouns import Reason, TrackingMode
from tests.relay.submission.rig import HOSTNAME
from tests.relay.submission.store_rig import LETTER, Relay, send


async def test_250_means_written_down(relay: Relay) -> None:
    """Message, content, recipients and their events are in the store when the 250 comes, and its id finds them."""
    await relay.serve()
    said = await send(
        await relay.ready(), to=[b"<bob@example.org>", b"<eve@EXAMPLE.net> NOTIFY=never ORCPT=rfc822;Eve@x"]
    )
    assert said.startswith("250 2.0.0 Ok: queued as ")
    message_id = int(said.rsplit(" ", 1)[1])
    ((jobs, content),) = relay.delivered
    assert content == LETTER == await relay.store.contents.read(jobs[0].content)
    assert [(job.message_id, job.forward_path, job.domain) for job in jobs] == [
        (message_id, "bob@example.org", "example.org"),
        (message_id, "eve@EXAMPLE.net", "example.net"),
    ]
    assert [(job.notify, job.original_recipient) for job in jobs] == [("", ""), ("NEVER", "rfc822;Eve@x")]
    assert jobs[0].expires_at == relay.clock.now + 86_400
    (message,) = await relay.rows("SELECT * FROM message")
    assert message["id"] == message_id
    assert message["credential"] == "club"
    assert message["subject"] == "Grüße"
    assert message["header_from"] == "ann@club.test"
    assert message["client"] == "app.club.test [127.0.0.1]"
    assert [row["kind"] for row in await relay.rows("SELECT kind FROM event")] == ["accepted", "accepted"]


async def test_received_and_missing_fields_are_prepared(relay: Relay) -> None:
    """Each copy gets one Received, and the Message-ID and Date that were missing."""
    await relay.serve()
    await send(await relay.ready())
    prepended = relay.delivered[0][0][0].prepended.decode()
    assert prepended.startswith("Received: from app.club.test")
    assert f"by {HOSTNAME}" in prepended
    assert "with ESMTPA" in prepended
    assert "127.0.0.1" in prepended
    assert "\r\nDate: " in prepended
    assert "\r\nMessage-ID: <" in prepended


async def test_the_client_can_be_hidden(relay: Relay) -> None:
    """By configuration, Received does not say who handed the mail in."""
    await relay.serve(hide_client=True)
    await send(await relay.ready())
    prepended = relay.delivered[0][0][0].prepended.decode()
    assert "app.club.test" not in prepended
    assert "127.0.0.1" not in prepended


async def test_the_envelope_of_a_report_is_kept(relay: Relay) -> None:
    """ENVID is decoded, RET and SMTPUTF8 are kept, for reports and the next hop (RFC 3461)."""
    await relay.serve()
    said = await send(await relay.ready(), sender=b"<ann@club.test> RET=hdrs ENVID=a+2Bb SMTPUTF8 BODY=8BITMIME")
    assert said.startswith("250")
    (job,) = relay.delivered[0][0]
    assert (job.ret, job.envelope_id, job.smtputf8) == ("HDRS", "a+b", True)


@pytest.mark.parametrize(
    ("change", "reply"),
    [
        ((b"From: Ann <ann@club.test>\r\n", b""), replies.NOT_ONE_FROM),
        ((b"From: Ann", b"From: eve@evil.test\r\nFrom: Ann"), replies.NOT_ONE_FROM),
        ((b"Ann <ann@club.test>", b"Ann"), replies.NOT_ONE_FROM),
        ((b"Hello", b"Hel\0lo"), replies.NUL_IN_MESSAGE),
        ((b"Subject", b"Received: from a by b; now\r\n" * 51 + b"Subject"), replies.LOOP),
        ((b"Subject", b"X-A: b\r\n" * 1001 + b"Subject"), replies.HEADER_TOO_LARGE),
        ((b"Subject", b"X-A: " + (b"b" * 900 + b"\r\n ") * 300 + b"b\r\nSubject"), replies.HEADER_TOO_LARGE),
    ],
)
async def test_what_is_refused_for_its_content(relay: Relay, change: tuple[bytes, bytes], reply: object) -> None:
    """A definite reply, nothing stored, and the session in step for the next mail."""
    await relay.serve()
    client = await relay.ready()
    assert await send(client, LETTER.replace(*change, 1)) == str(reply)
    assert await relay.rows("SELECT * FROM message") == []
    assert (await send(client)).startswith("250")


async def test_what_is_at_the_limit_passes(relay: Relay) -> None:
    """50 hops and 1,000 fields are taken."""
    await relay.serve()
    client = await relay.ready()
    assert (await send(client, b"Received: from a by b; now\r\n" * 50 + LETTER)).startswith("250")
    assert (await send(client, b"X-A: b\r\n" * 997 + LETTER)).startswith("250")


async def test_bare_line_ends_become_crlf_before_storing(relay: Relay) -> None:
    """By default: what is stored has no bare CR or LF, so nothing smuggled can leave."""
    await relay.serve()
    bad = LETTER + b"a\nb\rc\r\r\nd\n.\nMAIL FROM:<eve@evil.test>\n\r\n"
    assert (await send(await relay.ready(), bad)).startswith("250")
    stored = relay.delivered[0][1]
    assert stored == LETTER + b"a\r\nb\r\nc\r\nd\r\n.\r\nMAIL FROM:<eve@evil.test>\r\n\r\n"
    assert await relay.store.contents.read(relay.delivered[0][0][0].content) == stored


async def test_bare_line_ends_can_be_refused(relay: Relay) -> None:
    """By configuration: 550 5.5.2, and the session stays in step."""
    await relay.serve(bare_newlines="reject")
    client = await relay.ready()
    assert await send(client, LETTER + b"a\nb\r\n") == str(replies.BARE_NEWLINES)
    assert (await send(client)).startswith("250")


async def test_postmaster_alone_is_no_recipient_here(relay: Relay) -> None:
    """Nothing is delivered on this machine: an address needs its domain."""
    await relay.serve()
    assert await send(await relay.ready(), to=[b"<postmaster>"]) == str(replies.NO_VALID_RECIPIENTS)


async def test_the_strictest_tracking_wins(relay: Relay) -> None:
    """A header may ask for less than the configuration keeps, never for more."""
    await relay.serve(tracking=TrackingMode.VERDICT)
    client = await relay.ready()
    for asked in (b"", b"X-Homing-Track: full\r\n", b"X-Homing-Track: count\r\n", b"X-Homing-Track: no\r\n"):
        assert (await send(client, asked + LETTER)).startswith("250")
    assert [jobs[0].tracking.value for jobs, _ in relay.delivered] == ["verdict", "verdict", "count", "off"]
    assert strictest(TrackingMode.FULL, TrackingMode.COUNT) is TrackingMode.COUNT


async def test_control_headers_come_into_the_records(relay: Relay) -> None:
    """Customer and invoice are found by what the application called them; a wrong value is a warning, no refusal."""
    await relay.serve()
    headers = b"X-Homing-Customer: 4711\r\nX-Homing-Invoice: R-1\r\nX-Homing-Tag: dunning\r\nX-Homing-Track: maybe\r\n"
    assert (await send(await relay.ready(), headers + LETTER)).startswith("250")
    (message,) = await relay.rows("SELECT * FROM message")
    assert (message["customer"], message["invoice"], message["tags"]) == ("4711", "R-1", '["dunning"]')
    assert message["warnings"] != "[]"


async def test_an_idempotency_key_sends_once(relay: Relay) -> None:
    """The repeat is answered 250 with the first one's id, and nothing more is delivered."""
    await relay.serve()
    client = await relay.ready()
    keyed = b"X-Homing-Idempotency-Key: R-1/1\r\n" + LETTER
    assert await send(client, keyed) == await send(client, keyed)
    assert len(relay.delivered) == 1


async def test_a_suppressed_address_is_not_delivered_to(relay: Relay) -> None:
    """250, since the status tells; no job."""
    await relay.serve()
    await relay.store.suppressions.add("bob@example.org", Reason.NO_SUCH_USER, "gone")
    assert (await send(await relay.ready())).startswith("250")
    assert relay.delivered == []


@pytest.mark.parametrize(
    ("fault", "reply"),
    [
        (StoreUnavailable("secret: disk", full=True), replies.STORE_FULL),
        (StoreUnavailable("secret: locked"), replies.LOCAL_ERROR),
        (RuntimeError("secret: bug"), replies.LOCAL_ERROR),
    ],
)
async def test_a_fault_of_ours_is_4xx_and_hides_its_text(
    relay: Relay, fault: Exception, reply: object, caplog: pytest.LogCaptureFixture
) -> None:
    """452 4.3.1 when there is no room, 451 4.3.0 otherwise; all of it in the log, nothing of it on the wire."""
    await relay.serve()
    assert relay.queue is not None
    client = await relay.ready()
    relay.queue.raises = fault
    said = await send(client)
    assert said == str(reply)
    assert "secret" not in said
    assert "secret" in caplog.text
    relay.queue.raises = None
    assert (await send(client)).startswith("250")


async def test_the_deadline_ends_the_wait(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer in time: 451, and not a late success, however long the store then takes."""
    await relay.serve(limits=SubmissionLimits(accept_deadline=0.05))
    client = await relay.ready()
    go_on, real = asyncio.Event(), relay.store._connection.run

    async def slow(work: Callable[[Any], Any]) -> Any:
        await go_on.wait()
        return await real(work)

    monkeypatch.setattr(relay.store._connection, "run", slow)
    assert await send(client) == str(replies.LOCAL_ERROR)
    assert await send(client) == str(replies.LOCAL_ERROR)
    go_on.set()
    await relay.store.queue.give_back([])  # joins behind both, and is answered when they are over
    assert await relay.rows("SELECT * FROM message") == []
    assert relay.delivered == []
    assert (await send(client)).startswith("250")


async def test_past_the_deadline_only_a_commit_under_way_may_succeed(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client hears 451 and sends again; both are there, and the second one's event says possible duplicate."""
    await relay.serve(limits=SubmissionLimits(accept_deadline=0.2))
    client = await relay.ready()
    go_on, real = asyncio.Event(), relay.store._connection.run

    async def slow(work: Callable[[Any], Any]) -> Any:
        result = await real(work)
        await go_on.wait()  # as a disk does whose sync hangs
        return result

    monkeypatch.setattr(relay.store._connection, "run", slow)
    letter = b"Message-ID: <1@club.test>\r\n" + LETTER
    assert await send(client, letter) == str(replies.LOCAL_ERROR)
    go_on.set()
    assert (await send(client, letter)).startswith("250")
    events = await relay.rows("SELECT kind, note FROM event ORDER BY position")
    assert events == [{"kind": "accepted", "note": ""}, {"kind": "accepted", "note": "possible duplicate"}]
    states = await relay.rows("SELECT state FROM recipient ORDER BY id")
    assert sorted(row["state"] for row in states) == ["claimed", "due"]  # the first is delivered from the queue


async def test_a_client_that_leaves_behind_the_dot_takes_nothing_back(relay: Relay) -> None:
    """The mail is written and delivered, once."""
    await relay.serve()
    assert relay.queue is not None
    client = await relay.ready()
    relay.queue.held = asyncio.Event()
    await client.send(b"MAIL FROM:<ann@club.test>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n" + LETTER + b".\r\n")
    async with asyncio.timeout(60):
        while not relay.queue.asked:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)
        client.reset()
        relay.queue.held.set()
        while not relay.delivered:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
    assert len(await relay.rows("SELECT * FROM message")) == 1


async def test_a_large_message_is_looked_at_beside_the_loop(relay: Relay) -> None:
    """Five megabytes pass whole."""
    await relay.serve()
    large = LETTER + (b"x" * 76 + b"\r\n") * 65_000
    assert (await send(await relay.ready(), large)).startswith("250")
    assert relay.delivered[0][1] == large


async def test_the_line_ends_of_a_large_message_are_mended_beside_the_loop(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bare LF in 25 MB takes a tenth of a second to mend, and half a second where there is nothing else."""
    mended_by: list[threading.Thread] = []

    def mend(content: bytes) -> bytes:
        mended_by.append(threading.current_thread())
        return normalise(content)

    monkeypatch.setattr(acceptance, "normalise", mend)
    await relay.serve()
    client = await relay.ready()
    large = LETTER + (b"x" * 76 + b"\r\n") * 65_000
    assert (await send(client, large + b"a\nb\r\n")).startswith("250")
    assert (await send(client, LETTER + b"a\nb\r\n")).startswith("250")
    assert relay.delivered[0][1] == large + b"a\r\nb\r\n"
    assert mended_by[0] is not threading.main_thread()
    assert mended_by[1] is threading.main_thread()


async def test_a_store_in_trouble_is_told_once_a_minute(relay: Relay, caplog: pytest.LogCaptureFixture) -> None:
    """However often senders try: the log may lie on the very disk that is full (Q4)."""
    await relay.serve()
    assert relay.queue is not None
    client = await relay.ready()
    relay.queue.raises = StoreUnavailable("the disk is full", full=True)
    for _ in range(5):
        assert await send(client) == str(replies.STORE_FULL)
    relay.clock.now += 60
    await send(client)
    told = [record.getMessage() for record in caplog.records if "put off" in record.getMessage()]
    assert told == [f"mail is put off ({count} messages): the disk is full" for count in (1, 5)]
