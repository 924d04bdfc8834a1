"""Retention: every table is bounded (promise 9), and what is deleted gives its space back."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.event import listen, remove

from store import schema
from store.errors import ContentDamaged
from store.nouns import Open, Reason, TlsResult, TrackingMode, Verdict
from store.open import Store
from store.retention import CHUNK, STEP
from store.token_nouns import Scope
from tests.conftest import Clock
from tests.store.mail import accept, bounced, delivered, new_recipient

DAY = 86_400.0
# tests/store/test_webhooks.py sees to those of webhooks
NEVER_OF_MAIL = {"person", "opt_out", "follower", "webhook", "webhook_call", "webhook_attempt"}


async def counts(store: Store) -> dict[str, int]:
    def read(connection: Connection) -> dict[str, int]:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in schema.metadata.sorted_tables
        }

    return await store._reader.run(read)


async def days(store: Store, clock: Clock, count: int) -> None:
    """Let days pass, with a sweep on each."""
    for _ in range(count):
        clock.move(DAY)
        await store.retention.sweep(clock())


async def filled(store: Store, clock: Clock) -> int:
    """A message that left a row in every table a mail can leave one in."""
    new = new_recipient(store, "ann@example.org", tracking=TrackingMode.FULL)
    taken = await accept(store, now=clock(), recipients=[new])
    await store.queue.settle(new.id, delivered(clock()))
    await store.opens.record(
        [Open(recipient_id=new.id, at=clock(), verdict=Verdict.PERSON, rule="r", address="192.0.2.1", agent="x")]
    )
    await store.queue.settle(new.id, bounced(clock()))
    store.transcripts.keep(new.id, clock(), "to mx.example.org")
    await store.reports.keep(new.id, clock(), "bounce", b"raw")
    return taken.message_id


async def test_9_every_table_is_bounded(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the retention nothing of a mail is left in any table."""
    await store.retention.sweep(clock())
    await filled(store, clock)
    await store.credentials.create("app")
    await store.credentials.revoke("app")
    await store.tokens.create("old", [Scope.READ])
    await store.tokens.revoke("old")
    await store.tokens.create("short", [Scope.READ], expires_at=clock() + 60.0)
    await store.subjects.erase("nobody@example.org", done_by="eva")
    await store.audit.note("suppression.lift", who="eva")
    await store.sessions.begin("eva", address="", agent="", idle=60.0)
    await store.tls_results.add([TlsResult(int(clock() // 86_400.0), "a.example", "{}", 1)])
    full = await counts(store)
    on_disk = {"content"} if store.dialect == "sqlite" else set()
    assert {name for name, count in full.items() if not count} == NEVER_OF_MAIL | on_disk
    monkeypatch.setattr("store.retention.STEP", 1000 * DAY)
    clock.move(401 * DAY)
    await store.retention.sweep(clock())
    left = {name: count for name, count in (await counts(store)).items() if count}
    assert left == {"node": 1, "mark": 1}


async def test_9_a_large_message_goes_in_small_transactions(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail that is being taken waits for no more than a chunk of the recipients of one old mail."""
    await store.retention.sweep(clock())
    people = [new_recipient(store, f"p{n}@example.org") for n in range(2 * CHUNK + 1)]
    await accept(store, now=clock(), recipients=people)
    await accept(store, "ann@example.org", now=clock())
    for start in range(0, len(people), CHUNK):
        await store.queue.cancel([new.id for new in people[start : start + CHUNK]])
    monkeypatch.setattr("store.retention.STEP", 1000 * DAY)
    clock.move(401 * DAY)
    deleted: list[int] = []

    def note(_: object, cursor: Any, statement: str, *__: object) -> None:
        if statement.startswith("DELETE FROM recipient "):
            deleted.append(cursor.rowcount)

    listen(Engine, "after_cursor_execute", note)
    try:
        assert (await store.retention.sweep(clock())).messages == 1
    finally:
        remove(Engine, "after_cursor_execute", note)
    assert deleted == [CHUNK, CHUNK, 1]
    left = await counts(store)
    assert (left["message"], left["recipient"]) == (1, 1)  # the one that is not settled


async def test_9_each_kind_has_its_time(store: Store, clock: Clock) -> None:
    """Contents, reports and opens go after 30 days, at the limit and not before; events and recipients stay."""
    await store.retention.sweep(clock())
    message_id = await filled(store, clock)
    await days(store, clock, 29)
    clock.move(DAY - 1)
    assert (await store.retention.sweep(clock())).contents == 0
    assert await store.contents.ref(message_id) is not None
    clock.move(2)
    swept = await store.retention.sweep(clock())
    assert (swept.contents, swept.reports, swept.opens, swept.events) == (1, 1, 1, 0)
    assert await store.contents.ref(message_id) is None
    assert len(await store.find.message(message_id)) == 1
    assert await store.suppressions.get("ann@example.org") is not None


async def test_9_what_waits_is_never_swept(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message with a recipient that is not settled keeps everything, however old it is."""
    await store.retention.sweep(clock())
    taken = await accept(store, "ann@example.org", "bob@example.org", now=clock())
    await store.queue.settle(taken.jobs[0].recipient_id, delivered(clock()))
    await store.queue.hold([taken.jobs[1].recipient_id])
    monkeypatch.setattr("store.retention.STEP", 1000 * DAY)
    clock.move(420 * DAY)
    await store.retention.sweep(clock())
    assert len(await store.find.message(taken.message_id)) == 2
    assert await store.contents.read(taken.jobs[1].content)


async def test_contents_go_with_the_last_recipient(store: Store, clock: Clock) -> None:
    """The 30 days begin when the last recipient settled."""
    await store.retention.sweep(clock())
    taken = await accept(store, "ann@example.org", "bob@example.org", now=clock())
    await store.queue.settle(taken.jobs[0].recipient_id, delivered(clock()))
    await days(store, clock, 20)
    await store.queue.settle(taken.jobs[1].recipient_id, delivered(clock()))
    await days(store, clock, 29)
    assert await store.contents.ref(taken.message_id) is not None
    await days(store, clock, 2)
    assert await store.contents.ref(taken.message_id) is None


async def test_q15_a_jump_of_the_clock_empties_nothing(store: Store, clock: Clock) -> None:
    """A clock that is a year ahead for some sweeps deletes nothing of yesterday."""
    await store.retention.sweep(clock())
    message_id = await filled(store, clock)
    for _ in range(10):
        await store.retention.sweep(clock() + 365 * DAY)
    assert await store.contents.ref(message_id) is not None
    assert len(await store.find.message(message_id)) == 1
    assert STEP * 10 < 30 * DAY


async def test_suppressions_that_ended(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What expired goes; a complaint and what a person added stay beyond the mails that caused them."""
    await store.retention.sweep(clock())
    for name, reason, expires_at in (
        ("a", Reason.MAILBOX_FULL, clock() + DAY),
        ("b", Reason.COMPLAINT, None),
        ("c", Reason.NO_SUCH_USER, None),
    ):
        taken = await accept(store, f"{name}@example.org", now=clock())
        await store.queue.settle(taken.jobs[0].recipient_id, bounced(clock(), reason, expires_at=expires_at))
    await store.suppressions.add("d@example.org")
    await days(store, clock, 2)
    assert [it.address[0] for it in await store.suppressions.list()] == ["b", "c", "d"]
    monkeypatch.setattr("store.retention.STEP", 1000 * DAY)
    clock.move(402 * DAY)
    await store.retention.sweep(clock())
    assert [it.address[0] for it in await store.suppressions.list()] == ["b", "d"]


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_space_is_given_back(store: Store, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments whose contents are all past their time are deleted, and the file of the database gets shorter."""
    await store.retention.sweep(clock())
    store._segments._size = 100_000  # type: ignore[union-attr]  # there is one on SQLite
    for n in range(30):
        taken = await accept(
            store, *(f"m{n}-{k}@example.org" for k in range(50)), now=clock(), content=bytes(20_000), hold=False
        )
        ids = [it.recipient.recipient_id for it in await store.find.message(taken.message_id)]
        await store.queue.cancel(ids)
    segments = len(list((tmp_path / "contents").iterdir()))
    assert segments > 5
    pages = await store._connection.run(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar_one())
    monkeypatch.setattr("store.retention.STEP", 1000 * DAY)
    clock.move(402 * DAY)
    await store.retention.sweep(clock())
    assert len(list((tmp_path / "contents").iterdir())) == 1
    assert (
        await store._connection.run(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar_one()) < pages / 2
    )  # the tables and indexes themselves are the rest


async def test_erase_one_content(store: Store, clock: Clock) -> None:
    """A single content can be made unreadable at once; the rest of the message stays."""
    taken = await accept(store, "ann@example.org", now=clock())
    other = await accept(store, "bob@example.org", now=clock())
    assert await store.contents.erase(taken.message_id)
    assert not await store.contents.erase(taken.message_id)
    with pytest.raises(ContentDamaged):
        await store.contents.read(taken.jobs[0].content)
    assert await store.contents.read(other.jobs[0].content)
    assert len(await store.find.message(taken.message_id)) == 1


async def test_of_an_old_open_only_the_day_is_left(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit and past it; the status, the place in the journal and all other times stay."""
    monkeypatch.setattr("store.retention.STEP", 1000 * DAY)
    await store.retention.sweep(clock())
    taken = await accept(store, "ann@example.org", now=clock())
    id_ = taken.jobs[0].recipient_id
    await store.queue.settle(id_, delivered(clock()))
    at = [clock() + 100, clock() + 20 * DAY]
    for each in at:
        await store.opens.record([Open(recipient_id=id_, at=each, verdict=Verdict.PERSON, rule="browser")])
    before = await store.find.recipient(id_)
    assert before is not None
    clock.move(30 * DAY + 100)
    await store.retention.sweep(clock())
    same = await store.find.recipient(id_)
    assert same == before
    clock.move(1)
    await store.retention.sweep(clock())
    await store.retention.sweep(clock())
    after = await store.find.recipient(id_)
    assert after is not None
    day = at[0] // DAY * DAY
    assert (after.recipient.opened_at, after.recipient.last_opened_at) == (day, at[1])
    assert [event.at for event in after.events] == [*(event.at for event in before.events[:2]), day, at[1]]
    assert after.recipient.status is before.recipient.status
