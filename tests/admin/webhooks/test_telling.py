"""Endpoints are told of every event, at least once, whatever receivers do (robustness.md W13, W14)."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from aiohttp import web

from admin.webhooks import follower
from admin.webhooks.follower import AT_ONCE, MOST_WAITING
from admin.webhooks.retry import GONE_WHY
from store.errors import StoreUnavailable
from store.open import Store, open_store
from store.settings import StoreSettings
from store.webhook_nouns import Call, CallResult, CallState, NewCall, Webhook
from tests.admin.webhooks.conftest import deliver, endpoint, telling
from tests.conftest import Clock
from tests.rigs.hook_receiver import HookReceiver, close, hang, status, take

both_engines = pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)


Condition = Callable[[], Awaitable[bool]]


async def until(so: Condition, *, clock: Clock | None = None, step: float = 301.0) -> None:
    """Wait until something is so; with a clock, let time go on meanwhile (see ``patient``)."""
    async with asyncio.timeout(90):
        while not await so():
            if clock is not None:
                clock.move(step)
            await asyncio.sleep(0.01)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the clock runs by itself no lease may pass while a call is under way, however slow the machine is."""
    monkeypatch.setattr(follower, "LEASE", 1e9)


async def settled(
    store: Store, hook: Webhook, state: CallState, count: int, *, clock: Clock | None = None, step: float = 301.0
) -> list[Call]:
    """Wait until so many calls stand so."""
    found: list[Call] = []

    async def so() -> bool:
        found[:] = [call for call in await store.webhook_calls.history(hook.id, 2_000) if call.state is state]
        return len(found) >= count

    await until(so, clock=clock, step=step)
    return found


async def stands(store: Store, hook: Webhook) -> Webhook:
    """Give an endpoint as it stands."""
    found = await store.webhooks.get(hook.id)
    assert found is not None
    return found


async def off(store: Store, hook: Webhook, *, clock: Clock | None = None) -> Webhook:
    """Wait until an endpoint is switched off."""

    async def so() -> bool:
        return not (await stands(store, hook)).enabled

    await until(so, clock=clock, step=3_600.0)
    return await stands(store, hook)


@both_engines
async def test_every_event_is_told_once_where_all_is_well(store: Store, clock: Clock, receiver: HookReceiver) -> None:
    """In JSON, with a name of its own; and nothing of what happened before the endpoint was made."""
    await deliver(store, clock, 2)
    hook = await endpoint(store, receiver)
    async with telling(store, clock, receiver):
        ids = await deliver(store, clock, 10)
        await receiver.until(lambda: len(receiver.taken) == 20)
        await settled(store, hook, CallState.DELIVERED, 20)
    said = [json.loads(told.body) for told in receiver.told]
    expected = Counter((kind, str(it)) for kind in ("accepted", "delivered") for it in ids)
    assert Counter((one["type"], one["data"]["recipient"]) for one in said) == expected
    assert len({told.name for told in receiver.told}) == 20


async def test_only_what_is_wanted_is_told(store: Store, clock: Clock, receiver: HookReceiver) -> None:
    """By kind, tag and customer."""
    await endpoint(store, receiver, kinds=("delivered",), tags=("fees",), customers=("4711",))
    async with telling(store, clock, receiver):
        await deliver(store, clock, 1, tags=("fees",), customer="12")
        await deliver(store, clock, 1, tags=("x",), customer="4711")
        (wanted,) = await deliver(store, clock, 1, tags=("fees", "x"), customer="4711")
        await receiver.until(lambda: len(receiver.taken) == 1)
        last = await store.journal.last_position()

        async def passed() -> bool:
            return (await store.webhooks.list())[0].position == last

        await until(passed)
    assert [json.loads(told.body)["data"]["recipient"] for told in receiver.told] == [str(wanted)]


@both_engines
@pytest.mark.usefixtures("patient")
async def test_13_a_receiver_that_fails_at_random(store: Store, clock: Clock, receiver: HookReceiver) -> None:
    """It answers 500, closes, redirects or hangs; in the end each event was taken, and the account fits."""
    chance = random.Random(7)
    moods = [take, status(500), status(503), close, status(302, Location="/x"), status(404)]
    asked: Counter[str] = Counter()

    async def moody(request: web.Request) -> web.StreamResponse:
        name = request.headers["webhook-id"]
        asked[name] += 1
        return await (chance.choice(moods) if asked[name] < 6 else take)(request)

    receiver.always = moody
    hook = await endpoint(store, receiver)
    async with telling(store, clock, receiver):
        ids = await deliver(store, clock, 15)
        calls = await settled(store, hook, CallState.DELIVERED, 30, clock=clock, step=20.0)
    taken = Counter(json.loads(told.body)["data"]["recipient"] for told in receiver.taken)
    assert set(taken) == {str(it) for it in ids}
    assert {call.name for call in calls} == {told.name for told in receiver.told}
    attempts = [await store.webhook_calls.attempts(call.id) for call in calls]
    assert sum(len(of) for of in attempts) == len(receiver.told)
    assert all(any(one.status == 204 for one in of) for of in attempts)
    assert all((one.status == 204) == (one.error == "") for of in attempts for one in of)


async def test_14_a_receiver_that_hangs_holds_nobody_up(store: Store, clock: Clock, receiver: HookReceiver) -> None:
    """Not another endpoint, nor the mail; of itself no more than a few calls are under way."""
    receiver.always = hang
    async with HookReceiver() as quick:
        await endpoint(store, receiver)
        await endpoint(store, quick, kinds=("delivered",))
        async with telling(store, clock, receiver, ports=(receiver.port, quick.port)):
            await deliver(store, clock, 30)
            await quick.until(lambda: len(quick.taken) == 30)
            await receiver.until(lambda: receiver.at_once == AT_ONCE)
    assert receiver.most_at_once == AT_ONCE
    assert receiver.taken == []


@pytest.mark.usefixtures("patient")
async def test_one_that_fails_is_asked_one_at_a_time(store: Store, clock: Clock, receiver: HookReceiver) -> None:
    """And rests in between: all its calls share its trouble. When it is well again, all is told."""
    receiver.always = status(503)
    hook = await endpoint(store, receiver)
    await deliver(store, clock, 40)
    async with telling(store, clock, receiver):
        await receiver.until(lambda: len(receiver.told) >= AT_ONCE)
        first = len(receiver.told)
        receiver.most_at_once = 0

        async def five_more() -> bool:
            return len(receiver.told) >= first + 5

        await until(five_more, clock=clock)
        assert receiver.most_at_once == 1
        receiver.always = take
        await settled(store, hook, CallState.DELIVERED, 80, clock=clock)
    assert len({told.name for told in receiver.taken}) == 80
    found = await stands(store, hook)
    assert (found.enabled, found.failing_since) == (True, None)


@pytest.mark.usefixtures("patient")
async def test_an_endpoint_that_is_dead_for_a_day_is_switched_off(
    store: Store, clock: Clock, receiver: HookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    """With a notice and the reason; switched on again, it is told of all that happened meanwhile."""
    receiver.always = status(500)
    hook = await endpoint(store, receiver)
    async with telling(store, clock, receiver):
        await deliver(store, clock, 1)
        await receiver.until(lambda: len(receiver.told) >= 1)
        found = await off(store, hook, clock=clock)
        assert found.off_why == "every call failed for 24 hours"
        assert found.failing_since is not None
        assert found.off_at is not None
        assert found.off_at - found.failing_since >= 86_400.0
        assert "is switched off: every call failed for 24 hours" in caplog.text
        await deliver(store, clock, 3)
        receiver.always = take
        await store.webhooks.change(hook.id, lambda it: replace(it, enabled=True))
        await receiver.until(lambda: len({told.name for told in receiver.taken}) >= 6)
    kinds = Counter(json.loads(told.body)["type"] for told in receiver.taken)
    assert kinds["delivered"] >= 3


async def test_410_switches_off_at_once(store: Store, clock: Clock, receiver: HookReceiver) -> None:
    """And what was not told is told after all when a person switches it on."""
    receiver.always = status(410)
    hook = await endpoint(store, receiver, kinds=("delivered",))
    async with telling(store, clock, receiver):
        await deliver(store, clock, 1)
        found = await off(store, hook)
        assert found.off_why == GONE_WHY
        receiver.always = take
        await store.webhooks.change(hook.id, lambda it: replace(it, enabled=True))
        await receiver.until(lambda: len(receiver.taken) == 1)
    assert len(receiver.told) == 2


async def test_a_restart_in_the_middle_loses_nothing(store: Store, clock: Clock, receiver: HookReceiver) -> None:
    """Calls under way when the process ends are made once more, by the same names."""
    receiver.always = hang
    await endpoint(store, receiver)
    async with telling(store, clock, receiver):
        await deliver(store, clock, 5)
        await receiver.until(lambda: receiver.at_once == 10)
    receiver.always = take
    clock.move(31.0)
    async with telling(store, clock, receiver):
        await receiver.until(lambda: len(receiver.taken) == 10)
    again = Counter(told.name for told in receiver.told)
    assert set(again.values()) == {2}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_two_nodes_on_one_store_do_not_double(
    store: Store, settings: StoreSettings, clock: Clock, receiver: HookReceiver
) -> None:
    """Both follow the journal; each call is written by one of them and made by one of them."""
    hook = await endpoint(store, receiver)
    other = await open_store(settings, clock=clock, node_name="other", serving=True)
    async with telling(store, clock, receiver), telling(other, clock, receiver):
        await asyncio.gather(deliver(store, clock, 25), deliver(other, clock, 25))
        await receiver.until(lambda: len(receiver.taken) == 100)
        await settled(store, hook, CallState.DELIVERED, 100)
    await other.close()
    assert Counter(told.name for told in receiver.told).most_common(1)[0][1] == 1
    assert len(receiver.told) == 100


async def test_batches(store: Store, clock: Clock, receiver: HookReceiver) -> None:
    """Full ones at once, the rest when it is old enough."""
    await endpoint(store, receiver, batch_size=4, batch_seconds=30.0)
    async with telling(store, clock, receiver):
        await deliver(store, clock, 5)
        await receiver.until(lambda: len(receiver.taken) == 2)
        clock.move(30.0)
        await receiver.until(lambda: len(receiver.taken) == 3)
    assert [len(json.loads(told.body)) for told in receiver.told] == [4, 4, 2]


async def test_calls_that_wait_are_bounded(store: Store, clock: Clock, receiver: HookReceiver) -> None:
    """Behind them the journal is the queue: what is not in a call yet costs nothing."""
    hook = await endpoint(store, receiver)
    position = hook.position
    await deliver(store, clock, 3)
    one = NewCall(name="x", body="{}", recipients=(), events=1, first_event_at=0.0)
    calls = [one] * (MOST_WAITING - 2)
    await store.webhook_calls.add(hook.id, seen=position, new=position, calls=calls, now=clock() + 1e6)
    receiver.always = hang
    async with telling(store, clock, receiver):
        await receiver.until(lambda: receiver.at_once == 2)
        assert await store.webhook_calls.waiting(hook.id) == MOST_WAITING
    found = await stands(store, hook)
    assert found.position == position + 2


async def test_a_removed_endpoint_is_told_no_more(store: Store, clock: Clock, receiver: HookReceiver) -> None:
    """Its loop ends, and the others go on."""
    hook = await endpoint(store, receiver)
    async with HookReceiver() as kept:
        await endpoint(store, kept)
        async with telling(store, clock, receiver, ports=(receiver.port, kept.port)):
            await deliver(store, clock, 1)
            await receiver.until(lambda: len(receiver.taken) == 2)
            await store.webhooks.remove(hook.id)
            await deliver(store, clock, 3)
            await kept.until(lambda: len(kept.taken) == 8)
    assert len(receiver.told) == 2


async def test_trouble_of_the_store_is_waited_out(
    store: Store,
    clock: Clock,
    receiver: HookReceiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is told in the log, once; an outcome that could not be noted makes the call come up again."""
    hook = await endpoint(store, receiver, kinds=("delivered",))
    settle, troubles = store.webhook_calls.settle, [StoreUnavailable("the disk is full")]
    read, away = store.webhooks.list, [StoreUnavailable("away")] * 3

    async def troubled(result: CallResult) -> bool:
        if troubles:
            raise troubles.pop()
        return await settle(result)

    async def listed() -> object:
        if away:
            raise away.pop()
        return await read()

    monkeypatch.setattr(store.webhook_calls, "settle", troubled)
    monkeypatch.setattr(store.webhooks, "list", listed)
    async with telling(store, clock, receiver):
        await deliver(store, clock, 1)
        await receiver.until(lambda: len(receiver.taken) == 1)

        async def told_of() -> bool:
            return "could not be noted: the disk is full" in caplog.text

        await until(told_of)
        clock.move(31.0)
        await receiver.until(lambda: len(receiver.taken) == 2)
        await settled(store, hook, CallState.DELIVERED, 1)
    assert receiver.taken[0].name == receiver.taken[1].name
    assert caplog.text.count("webhooks wait for the store") == 1
