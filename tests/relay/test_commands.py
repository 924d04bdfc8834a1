"""relay/commands.py: what the commands print, over a real store."""

import json
from typing import Any

import pytest

from relay import commands
from relay.queue_commands import say
from store.open import Store
from store.settle import Word
from tests.conftest import Clock
from tests.store.mail import accept, delivered


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed(capsys)]


async def test_tail_stops_at_the_newest_event_when_told(
    store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every event from the position on, in order, once."""
    taken = await accept(store, "ann@example.org", "tom@example.org", now=clock())
    await store.queue.settle(taken.jobs[0].recipient_id, delivered(clock()))
    await commands.follow(store, as_json=True, after=0, stop_at_end=True)
    told = objects(capsys)
    assert [(one["event"], one["address"]) for one in told] == [
        ("accepted", "ann@example.org"),
        ("accepted", "tom@example.org"),
        ("delivered", "ann@example.org"),
    ]
    await commands.follow(store, as_json=True, after=told[1]["position"], stop_at_end=True)
    assert [one["event"] for one in objects(capsys)] == ["delivered"]


async def test_tail_begins_with_the_last_ten(store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """As tail -f does."""
    await accept(store, *(f"a{n}@example.org" for n in range(15)), now=clock())
    await commands.follow(store, as_json=False, after=None, stop_at_end=True)
    lines = printed(capsys)
    assert len(lines) == 10
    assert "a14@example.org" in lines[-1]


async def test_a_suppression_is_added_listed_and_lifted(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """However the address is written; lifting what is not suppressed says so."""
    await commands.add_suppression(store, "Tom@Example.org", "moved away")
    await commands.list_suppressions(store, as_json=True)
    assert capsys.readouterr().out.startswith("No mail goes to Tom@Example.org any more.\n")
    await commands.list_suppressions(store, as_json=False)
    assert "by a person: moved away" in capsys.readouterr().out
    assert await commands.lift_suppression(store, "tom@example.org")
    assert not await commands.lift_suppression(store, "tom@example.org")
    with pytest.raises(ValueError, match="is no address"):
        await commands.add_suppression(store, "tom", "")


async def test_what_a_credential_may_do_is_listed(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Rate and network login, in words and for programs."""
    await commands.add_user(store, "printer", [], ["192.0.2.0/24"], rate=20, network_login=True, as_json=False)
    capsys.readouterr()
    await commands.list_users(store, as_json=False)
    assert ", on 192.0.2.0/24, without a password there, at most 20 messages an hour\n" in capsys.readouterr().out
    await commands.list_users(store, as_json=True)
    (listed,) = objects(capsys)
    assert (listed["rate"], listed["network_login"]) == (20, True)


async def test_a_credential_is_made_listed_and_revoked(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """The password is shown once, works, and is in no list."""
    await commands.add_user(store, "office", ["club.test"], ["192.0.2.0/24"], as_json=True)
    (made,) = objects(capsys)
    assert await store.credentials.check(made["user"], made["password"], "192.0.2.7")
    await commands.list_users(store, as_json=False)
    line = capsys.readouterr().out
    assert line == f"office: {made['user']}, in force, from club.test, on 192.0.2.0/24\n"
    with pytest.raises(ValueError, match="there is a credential named office already"):
        await commands.add_user(store, "office", [], [], as_json=True)
    assert await commands.revoke_user(store, "office")
    assert not await commands.revoke_user(store, "office")
    assert await store.credentials.check(made["user"], made["password"], "192.0.2.7") is None


async def test_what_is_changed_at_the_shell_is_in_the_audit(store: Store, clock: Clock) -> None:
    """Who, and what, as with changes by the pages and the API; what changed nothing is not there."""
    await commands.add_suppression(store, "ann@example.org", "asked by phone")
    await commands.lift_suppression(store, "ann@example.org")
    await commands.lift_suppression(store, "ann@example.org")
    await commands.add_user(store, "app", ["example.org"], [], as_json=True)
    await commands.revoke_user(store, "app")
    await commands.revoke_user(store, "app")
    taken = await accept(store, "tom@example.org", now=clock())
    await say(store, Word.HOLD, str(taken.message_id), "wait", agreed=lambda _: True)
    await say(store, Word.RETRY, str(taken.message_id), "", agreed=lambda _: True)
    told = await store.audit.list()
    assert [one.action for one in reversed(told)] == [
        "suppression.add",
        "suppression.lift",
        "credential.add",
        "credential.revoke",
        "queue.hold",
    ]
    assert {one.who.partition(":")[0] for one in told} == {"shell"}
    assert told[0].after == {"recipients": 1, "note": "wait"}
