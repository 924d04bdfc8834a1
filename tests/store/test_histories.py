"""Random histories: whatever happens in whatever order, no recipient is lost and every change has its event."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from store.errors import ClaimLost
from store.nouns import Open, State, Verdict
from store.open import Store, open_store
from store.settings import StoreSettings
from tests.conftest import Clock
from tests.store.mail import accept, bounced, deferred, delivered

ACTIONS = (
    "accept", "accept due", "claim", "dot", "deliver", "defer", "bounce", "give back", "cancel", "hold", "release",
    "open", "wait", "die", "stop", "clamp",
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 7)), max_size=40)


@dataclass
class World:
    """What a model knows: where each recipient must be."""

    expected: dict[int, State] = field(default_factory=dict)
    dots: set[int] = field(default_factory=set)
    addresses: int = 0

    def pick(self, number: int, *states: State) -> int | None:
        fitting = sorted(id_ for id_, state in self.expected.items() if state in states)
        return fitting[number % len(fitting)] if fitting else None


async def step(store: Store, clock: Clock, world: World, action: str, number: int) -> None:  # noqa: C901, PLR0912 - a table of actions
    queue = store.queue
    claimed, due, held = (world.pick(number, state) for state in (State.CLAIMED, State.DUE, State.HELD))
    if action.startswith("accept"):
        world.addresses += 1
        names = [f"m{world.addresses}-{n}@example.org" for n in range(number % 3 + 1)]
        taken = await accept(store, *names, now=clock(), hold=action == "accept")
        for it in await store.find.message(taken.message_id):
            world.expected[it.recipient.recipient_id] = State.CLAIMED if action == "accept" else State.DUE
    elif action == "claim":
        for job in await queue.claim_due(number):
            assert world.expected[job.recipient_id] is State.DUE
            world.expected[job.recipient_id] = State.CLAIMED
    elif action == "dot" and claimed:
        await queue.mark_dot(claimed)
        world.dots.add(claimed)
    elif action == "dot" and due:
        with pytest.raises(ClaimLost):
            await queue.mark_dot(due)
    elif action == "deliver" and (claimed or due):
        await queue.settle(claimed or due or 0, delivered(clock()))
        world.expected[claimed or due or 0] = State.SETTLED
    elif action == "bounce" and (claimed or due):
        await queue.settle(claimed or due or 0, bounced(clock(), suppress=False))
        world.expected[claimed or due or 0] = State.SETTLED
    elif action == "defer" and claimed:
        await queue.settle(claimed, deferred(clock(), clock() + number * 100))
        world.expected[claimed] = State.DUE
    elif action == "give back" and claimed:
        await queue.give_back([claimed], next_attempt_at=clock() + number)
        world.expected[claimed] = State.DUE
    elif action == "cancel" and (claimed or due or held):
        assert await queue.cancel([claimed or due or held or 0]) == 1
        world.expected[claimed or due or held or 0] = State.SETTLED
    elif action == "hold" and (claimed or due):
        assert await queue.hold([claimed or due or 0]) == 1
        world.expected[claimed or due or 0] = State.HELD
    elif action == "release" and held:
        assert await queue.release([held]) == 1
        world.expected[held] = State.DUE
    elif action == "open" and world.expected:
        id_ = sorted(world.expected)[number % len(world.expected)]
        await store.opens.record([Open(recipient_id=id_, at=clock(), verdict=list(Verdict)[number % 7], rule="r")])
    elif action == "wait":
        clock.move(number * 150)
    elif action == "clamp":
        await queue.clamp(300)


async def check(store: Store, world: World) -> None:
    """The queue is where the model says, and each settled or held recipient has an event that says so."""
    counts = await store.queue.counts()
    assert counts == {state: sum(it is state for it in world.expected.values()) for state in State}
    for id_, state in world.expected.items():
        found = await store.find.recipient(id_)
        assert found is not None
        row = found.recipient
        assert row.state is state
        assert (row.next_attempt_at is not None) == (state is State.DUE)
        kinds = [event.kind for event in found.events]
        assert kinds[0] == "accepted"
        if state is State.SETTLED:
            assert {"delivered", "bounced", "cancelled"} & set(kinds)
            assert row.settled_at is not None
        if state is State.HELD:
            assert any(event.note.startswith("held") for event in found.events)


async def live(directory: Path, url: str, steps: list[tuple[str, int]]) -> None:
    """Live through one history; a store that dies gives nothing back, one that stops gives all back."""
    clock, world = Clock(1_790_000_000.0), World()
    where = StoreSettings(url=url, contents=directory / "contents", reserve=0, segment_size=500)
    store = await open_store(where, clock=clock, node_name="n", serving=True)
    try:
        await store._connection.run(_empty)
        for action, number in steps:
            if action in ("die", "stop"):
                if action == "die":
                    store.queue.give_all_back = _nothing  # type: ignore[method-assign]  # as after kill -9
                await store.close()
                store = await open_store(where, clock=clock, node_name="n", serving=True)
                for _ in range(5):
                    await store.queue.release_lapsed()
                    clock.move(20)
                await _follow(store, world)
            else:
                await step(store, clock, world, action, number)
        await check(store, world)
    finally:
        await store.close()


async def _nothing() -> None:
    """Give nothing back."""


async def _follow(store: Store, world: World) -> None:
    """After a start what was claimed is due, or held where three died with it; nothing else moved."""
    for id_, state in world.expected.items():
        found = await store.find.recipient(id_)
        assert found is not None
        if state is State.CLAIMED:
            assert found.recipient.state in (State.DUE, State.HELD)
            world.expected[id_] = found.recipient.state
        assert found.recipient.state is world.expected[id_]


def _empty(connection: object) -> None:
    for table in ("event", "open", "recipient", "message", "content", "suppression"):
        connection.exec_driver_sql(f'DELETE FROM "{table}"')  # type: ignore[attr-defined]  # of SQLAlchemy


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_no_history_loses_a_recipient(settings: StoreSettings, tmp_path: Path, steps: list[tuple[str, int]]) -> None:
    """Accepting, claiming, settling, giving back, dying and stopping in any order: all recipients are accounted for."""
    asyncio.run(live(tmp_path, settings.url, steps))
