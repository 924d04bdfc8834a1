"""Webhooks in the store: endpoints with secrets, calls made from the journal exactly once, and what is kept of them."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from store.ids import first_at
from store.open import Store
from store.webhook_nouns import CallResult, CallState, NewCall, Shape, Webhook
from store.webhooks import ROTATION_SECONDS
from tests.conftest import Clock
from tests.store.conftest import OpenAgain
from tests.store.mail import accept, delivered

URL = "https://hooks.club.example/homing"


def endpoint(**more: Any) -> Webhook:
    return Webhook(**{"id": 0, "url": URL, **more})


def call(name: str = "evt_1", *, recipients: tuple[int, ...] = (1,), events: int = 1, at: float = 0.0) -> NewCall:
    return NewCall(name=name, body="{}", recipients=recipients, events=events, first_event_at=at)


def result(call_id: int, webhook_id: int, at: float, **more: Any) -> CallResult:
    well = {"status": 200, "error": "", "state": CallState.DELIVERED, "next_attempt_at": None, "answered_well": True}
    about = {"call_id": call_id, "webhook_id": webhook_id, "at": at, "seconds": 0.1, "answer": "ok"}
    return CallResult(**{**about, **well, **more})


async def add(store: Store, it: Webhook, calls: Sequence[NewCall], clock: Clock) -> bool:
    """Write calls as if for the events behind an endpoint's position."""
    new = it.position + max(1, len(calls))
    return await store.webhook_calls.add(it.id, seen=it.position, new=new, calls=calls, now=clock())


async def test_an_endpoint_comes_back_as_it_was_made(store: Store, clock: Clock) -> None:
    """All that was said of it is kept; it begins behind the newest event, with a secret of 256 bits."""
    await accept(store, "ann@example.org", now=clock())
    made = await store.webhooks.create(
        endpoint(kinds=("bounced",), tags=("fees",), customers=("4711",), shape=Shape.MAILGUN, batch_size=50)
    )
    assert made.position == await store.journal.last_position() > 0
    assert await store.webhooks.get(made.id) == made
    assert await store.webhooks.list() == [made]
    prefix, _, encoded = made.secret.partition("_")
    assert (prefix, len(base64.b64decode(encoded, validate=True))) == ("whsec", 32)
    assert made.wants("bounced", ["x", "fees"], "4711")
    assert not made.wants("opened", ["fees"], "4711")
    assert not made.wants("bounced", ["x"], "4711")
    assert not made.wants("bounced", ["fees"], "12")
    assert await store.webhooks.get(made.id + 1) is None


async def test_after_a_rotation_two_secrets_sign_for_a_day(store: Store, clock: Clock) -> None:
    """The new one first; the one before until its time is over, and not a moment longer."""
    made = await store.webhooks.create(endpoint())
    rotated = await store.webhooks.rotate(made.id)
    assert rotated is not None
    assert rotated.secret != made.secret
    assert rotated.secrets(clock()) == (rotated.secret, made.secret)
    clock.move(ROTATION_SECONDS)
    assert rotated.secrets(clock()) == (rotated.secret,)
    assert await store.webhooks.rotate(made.id + 1) is None


async def test_the_journal_is_told_once_by_two_nodes(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """Of two that read the same events and want to write their calls, one does; the other writes nothing."""
    made = await store.webhooks.create(endpoint())
    other = store if store.dialect == "sqlite" else await open_again(name="other")
    assert await add(store, made, [call()], clock) is True
    assert await add(other, made, [call()], clock) is False
    assert len(await store.webhook_calls.history(made.id, 10)) == 1
    found = await store.webhooks.get(made.id)
    assert found is not None
    assert found.position == made.position + 1


async def test_a_call_is_claimed_by_one_and_comes_up_again(store: Store, clock: Clock) -> None:
    """What is claimed is nobody else's, until its lease is over: then its process is taken for dead."""
    made = await store.webhooks.create(endpoint())
    calls = [call(f"evt_{n}") for n in range(3)]
    await add(store, made, calls, clock)
    claimed = await store.webhook_calls.claim(made.id, 2, now=clock(), lease=60.0)
    assert [it.name for it in claimed] == ["evt_0", "evt_1"]
    assert [it.name for it in await store.webhook_calls.claim(made.id, 9, now=clock(), lease=60.0)] == ["evt_2"]
    assert await store.webhook_calls.next_due(made.id) == clock() + 60.0
    await store.webhook_calls.settle(result(claimed[0].id, made.id, clock()))
    clock.move(60.0)
    again = await store.webhook_calls.claim(made.id, 9, now=clock(), lease=60.0)
    assert [(it.name, it.attempts) for it in again] == [("evt_1", 2), ("evt_2", 2)]
    assert await store.webhook_calls.waiting(made.id) == 2
    assert await store.webhook_calls.waiting_of_each() == {made.id: (2, 0.0)}


async def test_the_history_has_each_attempt(store: Store, clock: Clock) -> None:
    """Status, time, duration, and the first characters of the answer; the newest call comes first, page by page."""
    made = await store.webhooks.create(endpoint())
    calls = [call("evt_1"), call("evt_2")]
    await add(store, made, calls, clock)
    one, two = await store.webhook_calls.claim(made.id, 9, now=clock(), lease=60.0)
    ill = {"status": 500, "error": "answered 500", "answered_well": False, "answer": "x" * 9000}
    later = {**ill, "state": CallState.DUE, "next_attempt_at": clock() + 5}
    assert await store.webhook_calls.settle(result(one.id, made.id, clock(), **later)) is False
    assert await store.webhook_calls.settle(result(one.id, made.id, clock() + 5)) is False
    (first, second) = await store.webhook_calls.attempts(one.id)
    assert (first.status, first.error, len(first.answer), first.seconds) == (500, "answered 500", 500, 0.1)
    assert (second.status, second.at) == (200, clock() + 5)
    history = await store.webhook_calls.history(made.id, 1)
    assert [(it.name, it.state) for it in history] == [("evt_2", CallState.DUE)]
    history = await store.webhook_calls.history(made.id, 9, before=two.id)
    assert [(it.name, it.state, it.last_status) for it in history] == [("evt_1", CallState.DELIVERED, 200)]


async def test_an_endpoint_is_switched_off_and_on(store: Store, clock: Clock) -> None:
    """Off with a reason, and no call is added; on again, what waited is due at once and has all its attempts."""
    made = await store.webhooks.create(endpoint())
    await add(store, made, [call()], clock)
    (claimed,) = await store.webhook_calls.claim(made.id, 9, now=clock(), lease=60.0)
    ill = {"status": 410, "error": "answered 410", "answered_well": False, "off_why": "it answered 410 Gone"}
    gone = result(claimed.id, made.id, clock(), **ill, state=CallState.DUE, next_attempt_at=clock() + 900.0)
    assert await store.webhook_calls.settle(gone) is True
    assert await store.webhook_calls.settle(gone) is False
    off = await store.webhooks.get(made.id)
    assert off is not None
    assert (off.enabled, off.off_why, off.off_at, off.failing_since) == (
        False,
        "it answered 410 Gone",
        clock(),
        clock(),
    )
    assert await add(store, off, [], clock) is False
    on = await store.webhooks.change(made.id, lambda it: replace(it, enabled=True))
    assert on is not None
    assert (on.enabled, on.off_why, on.failing_since) == (True, "", None)
    (again,) = await store.webhook_calls.claim(made.id, 9, now=clock(), lease=60.0)
    assert (again.id, again.attempts) == (claimed.id, 1)


async def test_what_ended_is_told_again_when_asked_for(store: Store, clock: Clock) -> None:
    """One call, or all since a time, the failed ones alone if wanted; the name stays, so a receiver knows it again."""
    made = await store.webhooks.create(endpoint())
    calls = [call(f"evt_{n}") for n in range(3)]
    await add(store, made, calls, clock)
    claimed = await store.webhook_calls.claim(made.id, 9, now=clock(), lease=60.0)
    for it, state in zip(claimed, (CallState.DELIVERED, CallState.FAILED, CallState.DELIVERED), strict=True):
        await store.webhook_calls.settle(result(it.id, made.id, clock(), state=state))
    assert await store.webhook_calls.resend(made.id, claimed[0].id, now=clock()) is True
    assert await store.webhook_calls.resend(made.id, claimed[0].id, now=clock()) is False
    assert await store.webhook_calls.resend(made.id + 1, claimed[2].id, now=clock()) is False
    assert await store.webhook_calls.resend_since(made.id, clock() - 1, now=clock(), failed_only=True) == 1
    assert await store.webhook_calls.resend_since(made.id, clock() + 9, now=clock(), failed_only=False) == 0
    assert await store.webhook_calls.resend_since(made.id, clock() - 1, now=clock(), failed_only=False) == 1
    again = await store.webhook_calls.claim(made.id, 9, now=clock(), lease=60.0)
    assert [(it.name, it.attempts) for it in again] == [("evt_0", 1), ("evt_1", 1), ("evt_2", 1)]


async def test_a_removed_endpoint_leaves_nothing(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its calls and their attempts go with it, those of others stay; also where they are more than a transaction's."""
    monkeypatch.setattr("store.webhooks._CHUNK", 2)
    made, other = await store.webhooks.create(endpoint()), await store.webhooks.create(endpoint())
    for it in (made, other):
        calls = [call(f"evt_{n}") for n in range(5)]
        await add(store, it, calls, clock)
        for claimed in await store.webhook_calls.claim(it.id, 9, now=clock(), lease=60.0):
            await store.webhook_calls.settle(result(claimed.id, it.id, clock()))
    gone = await store.webhook_calls.history(made.id, 9)
    assert await store.webhooks.remove(made.id) is True
    assert await store.webhooks.remove(made.id) is False
    assert await store.webhook_calls.history(made.id, 9) == []
    assert await store.webhook_calls.attempts(gone[0].id) == []
    (kept, *_) = await store.webhook_calls.history(other.id, 9)
    assert len(await store.webhook_calls.attempts(kept.id)) == 1
    assert await store.webhook_calls.get(gone[0].id) is None
    assert await store.webhook_calls.get(kept.id) == kept


async def test_9_calls_have_a_retention(store: Store, clock: Clock) -> None:
    """They go after a week, with their attempts; the endpoint stays."""
    await store.retention.sweep(clock())
    made = await store.webhooks.create(endpoint())
    await add(store, made, [call()], clock)
    (claimed,) = await store.webhook_calls.claim(made.id, 9, now=clock(), lease=60.0)
    await store.webhook_calls.settle(result(claimed.id, made.id, clock()))
    for _ in range(8):
        assert await store.webhook_calls.get(claimed.id) is not None
        clock.move(86_400.0)
        await store.retention.sweep(clock())
    assert await store.webhook_calls.get(claimed.id) is None
    assert await store.webhook_calls.attempts(claimed.id) == []
    assert len(await store.webhooks.list()) == 1


async def test_calls_about_an_erased_address_go(store: Store, clock: Clock) -> None:
    """Those about it alone at once, and a batch once it was told; one that others wait for is left until then."""
    made = await store.webhooks.create(endpoint())
    taken = await accept(store, "ann@example.org", "ben@example.org", now=clock())
    rows = {
        row.recipient.forward_path: row.recipient.recipient_id for row in await store.find.message(taken.message_id)
    }
    ann, ben = rows["ann@example.org"], rows["ben@example.org"]
    await store.queue.settle(ann, delivered(clock()))
    calls = [
        call("ann", recipients=(ann,)),
        call("ben", recipients=(ben,)),
        call("told", recipients=(ann, ben), events=2),
        call("untold", recipients=(ann, ben), events=2),
    ]
    await add(store, made, calls, clock)
    claimed = await store.webhook_calls.claim(made.id, 9, now=clock(), lease=60.0)
    await store.webhook_calls.settle(result(claimed[2].id, made.id, clock()))
    exported = await store.subjects.export("ann@example.org")
    assert [row["name"] for row in exported["webhook_calls"]] == ["ann", "told", "untold"]
    await store.subjects.erase("ann@example.org", done_by="eva")
    left = await store.webhook_calls.history(made.id, 9)
    assert [it.name for it in left] == ["untold", "ben"]
    assert await store.webhook_calls.attempts(claimed[2].id) == []


async def test_an_event_is_told_with_its_mail(store: Store, clock: Clock) -> None:
    """Tags, metadata, sender and Message-ID stand beside the event; a page begins behind the one before."""
    taken = await accept(
        store,
        "ann@example.org",
        now=clock(),
        tags=("fees", "november"),
        metadata={"term": "2"},
        header_from="office@club.example",
        header_message_id="1@club.example",
        size=99,
    )
    (row,) = await store.find.message(taken.message_id)
    await store.queue.settle(row.recipient.recipient_id, delivered(clock()))
    first, second = await store.journal.told(0)
    assert (first.record.event.kind, second.record.event.kind) == ("accepted", "delivered")
    assert (second.tags, second.metadata) == (("fees", "november"), {"term": "2"})
    assert (second.sender, second.header_message_id, second.size) == ("office@club.example", "1@club.example", 99)
    assert second.first_opened_at is None
    assert await store.journal.told(0, 1) == [first]
    assert await store.journal.told(first.record.position) == [second]
    assert first_at(clock()) <= taken.message_id
