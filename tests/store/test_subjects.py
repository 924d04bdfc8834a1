"""What is kept of an address: given out, and erased."""

import base64
import json

from sqlalchemy import Connection, text

from store.nouns import Open, Reason, TrackingMode, Verdict
from store.open import Store
from tests.conftest import Clock
from tests.store.mail import CONTENT, accept, bounced, delivered, new_recipient

ANN = "ann@example.org"
TABLES = ("recipient", "message", "event", "open", "report", "transcript", "suppression", "opt_out", "content")


async def counts(store: Store) -> dict[str, int]:
    def read(connection: Connection) -> dict[str, int]:
        return {name: int(connection.execute(text(f'SELECT COUNT(*) FROM "{name}"')).scalar_one()) for name in TABLES}

    return await store._reader.run(read)


async def filled(store: Store, clock: Clock) -> tuple[int, int]:
    """A mail to Ann alone, opened and returned, and one to Ann and Bob; gives both messages."""
    alone = await accept(store, now=clock(), recipients=[new_recipient(store, ANN, tracking=TrackingMode.FULL)])
    id_ = alone.jobs[0].recipient_id
    await store.queue.settle(id_, delivered(clock()))
    await store.opens.record([Open(recipient_id=id_, at=clock(), verdict=Verdict.PERSON, rule="browser", agent="A")])
    shared = await accept(store, ANN, "bob@example.org", now=clock())
    for job in shared.jobs:
        await store.queue.settle(job.recipient_id, delivered(clock()))
    await store.queue.settle(id_, bounced(clock()))
    await store.reports.keep(id_, clock(), "bounce", b"a report")
    return alone.message_id, shared.message_id


async def test_export_gives_all(store: Store, clock: Clock) -> None:
    """Every row about the address, the mails themselves, and nothing of others; it is JSON."""
    alone, shared = await filled(store, clock)
    told = json.loads(json.dumps(await store.subjects.export("Ann@Example.org")))
    assert [row["forward_path"] for row in told["recipients"]] == [ANN, ANN]
    assert [row["id"] for row in told["messages"]] == [alone, shared]
    assert base64.b64decode(told["messages"][0]["content"]) == CONTENT
    assert [row["kind"] for row in told["events"]] == [
        "accepted",
        "delivered",
        "opened",
        "accepted",
        "delivered",
        "bounced",
    ]
    assert [row["agent"] for row in told["opens"]] == ["A"]
    assert base64.b64decode(told["reports"][0]["raw"]) == b"a report"
    assert (told["suppression"][0]["reason"], told["opt_out"]) == (Reason.NO_SUCH_USER, [])
    nobody = await store.subjects.export("nobody@example.org")
    assert not any(nobody[name] for name in ("recipients", "messages", "events", "opens", "suppression"))


async def test_erase_leaves_others_alone(store: Store, clock: Clock) -> None:
    """The address's rows and the mail that nobody else got are gone; Bob's mail, and why nothing is sent, stay."""
    alone, shared = await filled(store, clock)
    ref = await store.contents.ref(alone)
    await store.opens.opt_out(ANN)
    erased = await store.subjects.erase("ANN@example.org", done_by="eva")
    assert (erased.recipients, erased.messages, erased.under_way) == (2, 1, 0)
    assert (erased.suppressed, erased.opted_out) == (True, True)
    left = await counts(store)
    assert [left[name] for name in ("recipient", "message", "open", "report", "suppression")] == [1, 1, 0, 0, 1]
    [bob] = await store.find.message(shared)
    assert (bob.recipient.forward_path, len(bob.events)) == ("bob@example.org", 2)
    kept = await store.contents.ref(shared)
    assert kept is not None
    assert await store.contents.read(kept) == CONTENT
    assert ref is not None
    assert await store.contents.ref(alone) is None
    suppressed = await store.suppressions.get(ANN)
    assert suppressed is not None
    assert suppressed.reason is Reason.NO_SUCH_USER


async def test_erase_all(store: Store, clock: Clock) -> None:
    """With everything, the suppression and the opt-out go, too; the note says who and when, and not which address."""
    await filled(store, clock)
    await store.opens.opt_out(ANN)
    erased = await store.subjects.erase(ANN, done_by="eva", everything=True)
    assert (erased.suppressed, erased.opted_out) == (False, False)
    assert await store.suppressions.get(ANN) is None

    def read(connection: Connection) -> list[dict[str, object]]:
        return [dict(row) for row in connection.execute(text("SELECT * FROM erasure")).mappings()]

    [note] = await store._reader.run(read)
    assert (note["done_by"], note["recipients"], note["messages"], note["at"]) == ("eva", 2, 1, clock())
    assert ANN not in str(note)


async def test_what_is_on_its_way_is_left_and_what_waits_is_not_sent(store: Store, clock: Clock) -> None:
    """A mail that a process works on keeps its row until its outcome is there; one that waits leaves the queue."""
    working = await accept(store, ANN, now=clock())
    await accept(store, ANN, now=clock(), hold=False)
    erased = await store.subjects.erase(ANN, done_by="eva")
    assert (erased.recipients, erased.messages, erased.under_way) == (1, 1, 1)
    assert await store.queue.claim_due(10) == []
    await store.queue.settle(working.jobs[0].recipient_id, delivered(clock()))
    assert (await store.subjects.erase(ANN, done_by="eva")).under_way == 0
    assert (await counts(store))["event"] == 0


async def test_many_mails(store: Store, clock: Clock) -> None:
    """More than one transaction takes."""
    recipients = [new_recipient(store, ANN) for _ in range(450)]
    taken = await accept(store, now=clock(), recipients=recipients, hold=False)
    erased = await store.subjects.erase(ANN, done_by="eva")
    assert (erased.recipients, erased.messages) == (450, 1)
    assert await store.find.message(taken.message_id) == []
