"""
What one mail costs, in what can be counted: transactions, statements, syncs, writes, passes over it, signatures.

Times are measured by ``make bench`` and ``python -m bench.cost``, and depend on the machine. These numbers do not; a
change that raises one has to say why.
"""

import asyncio
import base64
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import Engine, event

from bounce.decide import as_accepted, delivered
from relay.config import Config
from relay.delivery.connection import Connection as OutConnection
from relay.dkim_keys import activate, add_key
from relay.message import mime
from relay.message.dkim_key import SigningKey
from relay.preflight import host_and_port
from relay.submission.connection import Connection as InConnection
from store import prepared
from store.nouns import Attempt, Job, Phase, Reply
from store.open import Store, open_store
from store.settings import StoreSettings
from tests.conftest import Clock
from tests.relay.whole import Whole, whole
from tests.rigs.dkim import RSA
from tests.store.mail import accept

OK = Reply.make(250, None, "2.0.0 Ok")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts what the store does: statements, commits, and syncs of contents."""
    counts: Counter[str] = Counter()
    execute, sync = prepared.execute, os.fdatasync

    def by_driver(connection: Any, sql: str, parameters: Any) -> Any:
        counts["statements"] += 1
        return execute(connection, sql, parameters)

    def statement(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        counts["statements"] += sql not in ("BEGIN", "BEGIN IMMEDIATE")

    def commit(_connection: Any) -> None:
        counts["commits"] += 1

    def synced(file: int) -> None:
        counts["syncs of contents"] += 1
        sync(file)

    monkeypatch.setattr("store.prepared.execute", by_driver)
    monkeypatch.setattr("store.many.execute", by_driver)
    monkeypatch.setattr("store.segments.os.fdatasync", synced)
    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", commit)
    yield counts
    event.remove(Engine, "before_cursor_execute", statement)
    event.remove(Engine, "commit", commit)


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> Any:
    settings = StoreSettings(url=f"sqlite:///{tmp_path}/homing.db", contents=tmp_path / "contents", reserve=0)
    opened = await open_store(settings, clock=clock, node_name="test", serving=True)
    yield opened
    await opened.close()


async def settle(store: Store, job: Job, at: float) -> None:
    """Mark the dot, and settle the delivery with its transcript, as delivery does."""
    assert store.queue.mark_dot_at_once(job)
    tried = Attempt(recipient_id=job.recipient_id, at=at, phase=Phase.END_OF_DATA, reply=OK)
    store.transcripts.keep(job.recipient_id, at, "said")
    foreseen = delivered(as_accepted(job), tried)
    await store.queue.settle_soon(
        job.recipient_id, lambda facts: delivered(facts, tried), with_history=False, foreseen=foreseen
    )


@pytest.mark.parametrize("mails", [1, 64])
async def test_two_transactions_of_five_statements_each(
    store: Store, clock: Clock, counted: Counter[str], mails: int
) -> None:
    """One to accept and one to settle, for one mail and for 64 that wait together; a final dot costs none."""
    await accept(store, "before@example.org", now=clock())
    counted.clear()
    message_ids = [f"{n}@club.test" for n in range(mails)]
    taken = await asyncio.gather(
        *(accept(store, f"m{n}@example.org", now=clock(), header_message_id=id_) for n, id_ in enumerate(message_ids))
    )
    # Who is suppressed, and which mail came a moment ago; message, recipient and event.
    assert counted == {"commits": 1, "statements": 5, "syncs of contents": 1}
    counted.clear()
    await asyncio.gather(*(settle(store, jobs.jobs[0], clock()) for jobs in taken))
    # Which claims are untouched; recipient, lifted suppression, transcript and event.
    assert counted == {"commits": 1, "statements": 5}


async def test_a_thousand_recipients_are_accepted_at_once(store: Store, clock: Clock, counted: Counter[str]) -> None:
    """One transaction; 64 rows to a statement, and what is left over by sixteen, four and one."""
    await accept(store, "before@example.org", now=clock())
    counted.clear()
    await accept(store, *(f"m{n}@example.org" for n in range(960)), now=clock())
    # Who is suppressed; one message, 15 times 64 recipients and their events.
    assert counted == {"commits": 1, "statements": 1 + 1 + 15 + 15, "syncs of contents": 1}


def count(monkeypatch: pytest.MonkeyPatch, counts: Counter[str], owner: Any, name: str, as_what: str) -> None:
    """Count the calls of a function."""
    original: Callable[..., Any] = getattr(owner, name)

    def counting(*args: Any, **given: Any) -> Any:
        counts[as_what] += 1
        return original(*args, **given)

    monkeypatch.setattr(owner, name, counting)


class CountedWrites:
    """A transport that counts its writes."""

    def __init__(self, transport: Any, counts: Counter[str], side: str) -> None:
        self._transport = transport
        self._counts = counts
        self._side = side

    def __getattr__(self, name: str) -> Any:
        if name == "write":
            self._counts[f"writes to the {self._side}"] += 1
        return getattr(self._transport, name)


def count_writes(monkeypatch: pytest.MonkeyPatch, counts: Counter[str]) -> None:
    """Count what both sides of the relay write to their sockets."""
    for owner, name, side in ((InConnection, "_adopt", "client"), (OutConnection, "_use", "server")):
        original = getattr(owner, name)

        def wrapped(self: Any, transport: Any, *, original: Any = original, side: str = side) -> None:
            original(self, CountedWrites(transport, counts, side))

        monkeypatch.setattr(owner, name, wrapped)


HEAD = b"From: office@club.test\r\nMessage-ID: <%d@club.test>\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n.\r\n"


async def hand_over(world: Whole, *, mails: int, recipients: int = 1) -> list[int]:
    """Hand mails over on one connection, the commands of each at once as PIPELINING allows; the ids of recipients."""
    reader, writer = await asyncio.open_connection(*host_and_port(world.relay.addresses["submission"]))

    async def replies(number: int) -> bytes:
        line = b""
        while number:
            line = await reader.readline()
            number -= line[3:4] == b" "
        return line

    writer.write(b"EHLO app.test\r\n")
    await replies(2)
    login = base64.b64encode(f"\0{world.user}\0{world.password}".encode())
    writer.write(b"AUTH PLAIN " + login + b"\r\n")
    await replies(1)
    ids: list[int] = []
    for number in range(mails):
        paths = b"".join(b"RCPT TO:<m%d@school.test>\r\n" % n for n in range(recipients))
        writer.write(b"MAIL FROM:<office@club.test>\r\n" + paths + b"DATA\r\n")
        await replies(2 + recipients)
        writer.write(HEAD % number)
        said = await replies(1)
        found = await world.relay.store.find.message(int(said.rpartition(b" ")[2]))
        ids += [one.recipient.recipient_id for one in found]
        for id_ in ids[-recipients:]:
            await world.event(id_, "delivered")
    writer.write(b"QUIT\r\n")
    await replies(1)
    writer.close()
    return ids


async def test_a_mail_is_read_once_and_said_in_two_writes_on_each_side(
    config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Its parts are looked for at the door, and never again for a copy.

    The client hears its commands' replies together, and then 250; the server gets the commands together, and then the
    content with its final dot.
    """
    counts: Counter[str] = Counter()
    count_writes(monkeypatch, counts)
    async with whole(config, clock) as world:
        await hand_over(world, mails=1)  # opens the connections
        counts.clear()
        count(monkeypatch, counts, mime, "scan", "scans for parts")
        await hand_over(world, mails=3)
        session = 4  # the greeting, EHLO, AUTH, QUIT
        assert counts.pop("writes to the client") == session + 3 * 2
        assert counts == {"writes to the server": 3 * 2, "scans for parts": 3}


async def test_a_mail_to_many_is_read_once(config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each recipient has an own copy, made of slices."""
    counts: Counter[str] = Counter()
    async with whole(config, clock) as world:
        count(monkeypatch, counts, mime, "scan", "scans for parts")
        assert len(await hand_over(world, mails=1, recipients=30)) == 30
        assert counts == {"scans for parts": 1}


async def test_one_signature_for_each_copy(config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """One RSA operation, and nothing signed twice."""
    counts: Counter[str] = Counter()
    pem = RSA.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    add_key(config.relay.dkim.keys, "club.test", RSA.selector, pem, now=clock() - 1e6)
    activate(config.relay.dkim.keys, "club.test", RSA.selector, now=clock() - 1e6)
    count(monkeypatch, counts, SigningKey, "sign", "signatures")
    async with whole(config, clock) as world:
        assert len(await hand_over(world, mails=2, recipients=5)) == 10
        assert counts == {"signatures": 10}
