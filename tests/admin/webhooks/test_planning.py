"""admin/webhooks/planning.py: which calls are made of events."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from admin.webhooks.planning import LARGEST_BATCH, plan
from store.webhook_nouns import Shape, Webhook
from tests.admin.webhooks.events import AT, told


def endpoint(**more: Any) -> Webhook:
    return Webhook(**{"id": 1, "url": "https://hooks.club.example/", "position": 10, **more})


EVENTS = [told(position=n, at=AT + n) for n in range(11, 16)]


def test_each_event_is_a_call() -> None:
    """Named by its position, which is the same however often it is told; the endpoint moves on behind the last."""
    planned = plan(endpoint(), EVENTS, room=100, now=AT)
    assert [call.name for call in planned.calls] == ["evt_11", "evt_12", "evt_13", "evt_14", "evt_15"]
    assert (planned.position, planned.full_at) == (15, None)
    assert planned.calls[0].recipients == (22,)
    assert planned.calls[0].first_event_at == AT + 11


def test_where_there_is_no_room_the_journal_keeps_the_rest() -> None:
    """The position stays behind what was made into calls."""
    planned = plan(endpoint(), EVENTS, room=2, now=AT)
    assert ([call.name for call in planned.calls], planned.position) == (["evt_11", "evt_12"], 12)
    assert plan(endpoint(), EVENTS, room=0, now=AT).position == 10


def test_what_is_not_wanted_is_passed_over() -> None:
    """By kind, tag, customer, or because the shape has no word for it."""
    events = [told("opened", position=11), told("bounced", position=12), told("cancelled", position=13)]
    planned = plan(endpoint(kinds=("bounced",)), events, room=9, now=AT)
    assert ([call.name for call in planned.calls], planned.position) == (["evt_12"], 13)
    assert plan(endpoint(tags=("x",)), events, room=9, now=AT).calls == ()
    assert plan(endpoint(customers=("x",)), events, room=9, now=AT).position == 13
    assert plan(endpoint(kinds=("cancelled",), shape=Shape.MAILGUN), events, room=9, now=AT).calls == ()


def test_a_batch_is_told_when_it_is_full() -> None:
    """The rest waits for more, and the position stays in front of it."""
    planned = plan(endpoint(batch_size=2, batch_seconds=60.0), EVENTS, room=9, now=AT + 15)
    assert [(call.name, call.events) for call in planned.calls] == [("evt_11-12", 2), ("evt_13-14", 2)]
    assert (planned.position, planned.full_at) == (14, AT + 15 + 60)
    assert [one["data"]["position"] for one in json.loads(planned.calls[1].body)] == [13, 14]


def test_a_batch_is_told_when_it_is_old() -> None:
    """At the limit, and not a moment before."""
    webhook = endpoint(batch_size=9, batch_seconds=60.0)
    before = plan(webhook, EVENTS, room=9, now=AT + 11 + 59.9)
    assert (before.calls, before.position) == ((), 10)
    planned = plan(webhook, EVENTS, room=9, now=AT + 11 + 60)
    assert [(call.name, call.events) for call in planned.calls] == [("evt_11-15", 5)]
    assert planned.position == 15


def test_a_batch_that_waits_holds_back_no_more_than_itself() -> None:
    """What nobody wants in front of it is passed over; what is behind it comes again with it."""
    events = [told("opened", position=11), told("bounced", position=12), told("opened", position=13)]
    planned = plan(endpoint(kinds=("bounced",), batch_size=2, batch_seconds=60.0), events, room=9, now=AT)
    assert (planned.calls, planned.position) == ((), 11)


def test_a_batch_is_bounded_in_size() -> None:
    """Long subjects and replies end it before its number does."""
    events = [told(position=n, reply="x" * 60_000) for n in range(11, 20)]
    planned = plan(endpoint(batch_size=100), events, room=9, now=AT + 99)
    assert [call.events for call in planned.calls] == [4, 4, 1]
    assert all(len(call.body) < LARGEST_BATCH + 10 for call in planned.calls)
    assert plan(endpoint(batch_size=100), events, room=1, now=AT + 99).position == 14


@given(
    st.lists(st.sampled_from(["delivered", "opened", "bounced"]), max_size=40),
    st.integers(1, 7),
    st.integers(1, 5),
    st.sampled_from([(), ("bounced",), ("bounced", "delivered")]),
)
def test_every_event_is_in_one_call(kinds: list[str], batch: int, room: int, wanted: tuple[str, ...]) -> None:
    """Whatever the batches and the room: going on from each position, every wanted event is told once, in order."""
    events = [told(kind, position=11 + n, at=AT) for n, kind in enumerate(kinds)]
    webhook, seen = endpoint(batch_size=batch, kinds=wanted), []
    position = webhook.position
    for _ in range(len(kinds) + 1):
        left = [event for event in events if event.record.position > position]
        planned = plan(endpoint(batch_size=batch, kinds=wanted, position=position), left, room=room, now=AT + 1)
        for call in planned.calls:
            said = json.loads(call.body)
            seen += [one["data"]["position"] for one in (said if batch > 1 else [said])]
        position = planned.position
    assert seen == [event.record.position for event in events if not wanted or event.record.event.kind in wanted]
