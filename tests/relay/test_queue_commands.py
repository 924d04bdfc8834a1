"""relay/queue_commands.py: what `homing queue`, retry, hold, release and cancel do and print, over a real store."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from relay.cli import main
from relay.queue_commands import list_waiting, say, show_destinations, which
from store.nouns import State
from store.open import Store
from store.settle import Word
from store.waiting import Which
from tests.conftest import Clock
from tests.store.mail import accept, deferred


def always(_: int) -> bool:
    return True


async def test_the_queue_by_destination(store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """For people and for programs: the same numbers."""
    taken = await accept(store, "ann@big.test", "bob@big.test", now=clock())
    for job in taken.jobs:
        await store.queue.settle(job.recipient_id, deferred(clock(), clock() + 300))
    await accept(store, "eve@small.test", now=clock())
    await show_destinations(store, limit=10, as_json=True, now=clock())
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["domain"], one["due"], one["claimed"], one["held"]) for one in told] == [
        ("big.test", 2, 0, 0),
        ("small.test", 0, 1, 0),
    ]
    assert told[0]["next_attempt_at"] == "2026-09-21T14:18:20.000Z"
    await show_destinations(store, limit=10, as_json=False, now=clock())
    text = capsys.readouterr().out
    assert "big.test: 2 due; the oldest since 2026-09-21T14:13:20.000Z\n  next try 2026-09-21T14:18:20.000Z" in text
    assert text.endswith("2 due, 1 being tried in all.\n")
    await show_destinations(store, limit=1, as_json=False, now=clock())
    assert capsys.readouterr().out.endswith("These are the 1 longest queues.\n")


async def test_an_empty_queue(store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Said in words for people, and nothing for programs."""
    await show_destinations(store, limit=10, as_json=False, now=clock())
    assert capsys.readouterr().out == "Nothing waits.\n"
    await show_destinations(store, limit=10, as_json=True, now=clock())
    assert capsys.readouterr().out == ""


async def test_what_people_point_with(store: Store, clock: Clock) -> None:
    """A recipient's or a message's id, an address, a domain; anything else is said to be none of them."""
    taken = await accept(store, "ann@a.test", now=clock())
    id_ = taken.jobs[0].recipient_id
    assert await which(store, str(id_)) == Which(recipient_id=id_)
    assert await which(store, str(taken.message_id)) == Which(message_id=taken.message_id)
    assert await which(store, "ann@a.test", state=State.HELD) == Which(address="ann@a.test", state=State.HELD)
    assert await which(store, "BÜCHER.test") == Which(domain="xn--bcher-kva.test")
    assert await which(store, "@a.test") == Which(domain="a.test")
    with pytest.raises(ValueError, match="is neither an id nor an address nor a domain"):
        await which(store, "a b")


async def test_a_word_about_a_domain(store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Hold, release, retry and cancel: each says how many, and what it does not fit stays as it is."""
    await accept(store, *(f"r{n}@a.test" for n in range(1200)), now=clock(), hold=False)
    assert await say(store, Word.HOLD, "a.test", "", agreed=always) == 1200
    assert (await store.queue.counts())[State.HELD] == 1200
    assert await say(store, Word.RETRY, "a.test", "", agreed=always) == 0
    assert await say(store, Word.RELEASE, "r7@a.test", "", agreed=always) == 1
    assert await say(store, Word.CANCEL, "a.test", "wrong list", agreed=lambda _: False) == 0
    assert await say(store, Word.CANCEL, "a.test", "wrong list", agreed=always) == 1200
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "Held 1200 recipients: nothing is tried until they are released.",
        "Released 1 recipient.",
        "Cancelled 1200 recipients: not delivered, and not tried again.",
    ]
    assert said.err == "Nothing waits for its next attempt that fits a.test.\n"
    assert [record.event.note for record in await store.journal.after(0, 10_000)].count("wrong list") == 1200


async def test_recipients_one_by_one(store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """With what was said last, for people and for programs."""
    taken = await accept(store, "ann@a.test", now=clock())
    await store.queue.settle(taken.jobs[0].recipient_id, deferred(clock(), clock() + 300))
    await list_waiting(store, Which(), limit=10, as_json=False)
    assert capsys.readouterr().out.startswith(f"{taken.jobs[0].recipient_id} ann@a.test: due; since 2026-09-21T14:13")
    await list_waiting(store, Which(), limit=10, as_json=True)
    (told,) = capsys.readouterr().out.splitlines()
    assert (json.loads(told)["state"], json.loads(told)["reason"]) == ("due", "rate_limited")


async def test_the_commands(store: Store, clock: Clock, tmp_path: Path) -> None:
    """The words of the command line reach the queue; status 1 where nothing fits, 2 where nothing is pointed at."""
    await accept(store, "ann@a.test", now=clock(), hold=False)
    await store.close()
    config = tmp_path / "config.toml"
    config.write_text("")
    shutil.copytree(tmp_path / "contents", tmp_path / "var" / "contents")
    shutil.copy(tmp_path / "homing.db", tmp_path / "var" / "homing.db")

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, [*words, "--config", str(config)])
        return done.exit_code, done.output

    def in_thread() -> None:
        assert run("queue")[1].startswith("a.test: 1 due")
        assert '"state": "due"' in run("queue", "list", "a.test", "--json")[1]
        assert run("hold", "ann@a.test") == (0, "Held 1 recipient: nothing is tried until they are released.\n")
        assert run("queue", "list", "--state", "due") == (0, "")
        assert run("cancel", "b.test")[0] == 1
        assert run("retry", "a b")[0] == 2

    await asyncio.to_thread(in_thread)
