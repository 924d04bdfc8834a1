"""Webhooks through the whole program: made by the command, told by the relay that runs, verified by a library."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from standardwebhooks.webhooks import Webhook as Verifier

from relay.cli import main
from relay.config import Config
from relay.webhook_commands import (
    add_webhook,
    list_webhooks,
    remove_webhook,
    resend_calls,
    rotate_webhook,
    show_calls,
    switch_webhook,
    test_webhook,
)
from store.open import Store, open_store
from store.settings import StoreSettings
from store.webhook_nouns import CallResult, CallState, NewCall, Webhook
from tests.conftest import Clock
from tests.relay.whole import whole
from tests.rigs.hook_receiver import HookReceiver, status

test_webhook.__test__ = False  # type: ignore[attr-defined]  # a command, not a test


def opened(config: Config, receiver: HookReceiver, **more: Any) -> Config:
    """Let calls go to the receiver."""
    given = {"allow_http": True, "allow_private": ("127.0.0.0/8",), "ports": (receiver.port,), **more}
    webhooks = config.admin.webhooks.model_copy(update=given)
    return config.model_copy(update={"admin": config.admin.model_copy(update={"webhooks": webhooks})})


async def test_an_application_is_told_what_became_of_its_mail(config: Config) -> None:
    """From SMTP to a verified call: accepted and delivered, with the ids that the application gave."""
    clock = Clock(time.time())
    async with HookReceiver() as receiver:
        config = opened(config, receiver)
        async with whole(config, clock) as world:
            hook = await world.relay.store.webhooks.create(Webhook(id=0, url=receiver.url))
            recipient = await world.send(X_Homing_Invoice="INV-1042", X_Homing_Metadata_Term="2")
            await receiver.until(lambda: len(receiver.taken) == 2)
    said = [Verifier(hook.secret).verify(told.body, told.headers) for told in receiver.taken]
    assert [one["type"] for one in sorted(said, key=lambda one: one["data"]["position"])] == ["accepted", "delivered"]
    assert {one["data"]["recipient"] for one in said} == {str(recipient)}
    assert {one["data"]["invoice"] for one in said} == {"INV-1042"}
    assert said[0]["data"]["metadata"] == {"term": "2"}


async def test_commands(store: Store, config: Config, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Make one, see it, try it, rotate its secret, take it away; each change is in the audit without the secret."""
    async with HookReceiver() as receiver:
        config = opened(config, receiver)
        new = Webhook(id=0, url=receiver.url, kinds=("bounced",))
        await add_webhook(store, config, new, who="shell:eva", as_json=True)
        made = json.loads(capsys.readouterr().out)
        (hook,) = await store.webhooks.list()
        assert (made["id"], made["secret"], made["kinds"]) == (str(hook.id), hook.secret, ["bounced"])

        assert await test_webhook(store, config, hook.id, clock=time.time, draw=lambda: 0.5)
        assert capsys.readouterr().out.startswith("It answered 204 within ")
        Verifier(hook.secret).verify(receiver.told[0].body, receiver.told[0].headers)
        receiver.always = status(500)
        assert not await test_webhook(store, config, hook.id, clock=time.time, draw=lambda: 0.5)
        assert capsys.readouterr().out == "This did not work: it answered 500.\nno\n"

        await rotate_webhook(store, hook.id, who="shell:eva", as_json=False)
        out = capsys.readouterr().out
        (rotated,) = await store.webhooks.list()
        assert rotated.secret in out
        assert hook.secret not in out
        assert "is signed" not in out
        assert "with the secret before as well" in out

        await list_webhooks(store, as_json=False)
        out = capsys.readouterr().out
        assert out == f"{hook.id}  {receiver.url}  homing, bounced  on, 0 calls wait\n"
        await list_webhooks(store, as_json=True)
        listed = json.loads(capsys.readouterr().out)
        assert (listed["enabled"], "secret" in listed) == (True, False)

        assert await remove_webhook(store, hook.id, who="shell:eva")
        assert not await remove_webhook(store, hook.id, who="shell:eva")
        assert not await rotate_webhook(store, hook.id, who="shell:eva", as_json=False)
        assert not await test_webhook(store, config, hook.id, clock=clock, draw=lambda: 0.5)
    changes = await store.audit.list()
    assert [change.action for change in changes] == ["webhook.remove", "webhook.rotate", "webhook.add"]
    assert all("whsec" not in str(change) for change in changes)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"url": "http://hooks.club.example/"}, "only https"),
        ({"url": "https://127.0.0.1/"}, "loopback"),
        ({"kinds": ("boucned",)}, "there is no event boucned; there are: accepted, deferred"),
        ({"batch_size": 0}, "1 to 1000 events"),
        ({"batch_size": 1001}, "1 to 1000 events"),
        ({"batch_size": 2, "batch_seconds": -1.0}, "0 to 3600 seconds"),
        ({"description": "a\nb"}, "printable"),
        ({"tags": tuple(map(str, range(51)))}, "at most 50 tags"),
    ],
)
async def test_what_cannot_be_an_endpoint(store: Store, config: Config, given: dict[str, Any], why: str) -> None:
    """It is said at once, in plain words, and nothing is made."""
    new = Webhook(**{"id": 0, "url": "https://hooks.club.example/", **given})
    with pytest.raises(ValueError, match=why):
        await add_webhook(store, config, new, who="shell:eva", as_json=False)
    assert await store.webhooks.list() == []


def test_the_words_of_the_commands(tmp_path: Path) -> None:
    """What is wrong is said in a sentence, with exit status 2; what is not there with 1."""
    (tmp_path / "config.toml").write_text('[store]\nurl = "sqlite:///homing.db"\nreserve = "0B"\n')
    runner = CliRunner(env={"HOMING_CONFIG": str(tmp_path / "config.toml")})
    assert runner.invoke(main, ["webhook", "list"]).exit_code == 2  # there is no store yet
    asyncio.run(_make_store(tmp_path))
    added = runner.invoke(main, ["webhook", "add", "https://hooks.club.example/", "--event", "bounced", "--batch", "9"])
    assert added.exit_code == 0
    assert "whsec_" in added.output
    refused = runner.invoke(main, ["webhook", "add", "https://localhost/"])
    assert refused.exit_code == 2
    assert refused.output == "Error: 127.0.0.1 is loopback\n"
    listed = json.loads(runner.invoke(main, ["webhook", "list", "--json"]).output)
    assert (listed["kinds"], listed["batch_size"], listed["batch_seconds"]) == (["bounced"], 9, 5.0)
    assert runner.invoke(main, ["webhook", "rotate", listed["id"]]).exit_code == 0
    assert runner.invoke(main, ["webhook", "remove", listed["id"]]).exit_code == 0
    for command in ("remove", "rotate", "test", "on", "off", "calls", "resend"):
        assert runner.invoke(main, ["webhook", command, listed["id"]]).exit_code == 1


async def test_switching_calls_and_telling_again(
    store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Off by a person and on again; what was told with its answer; a call, or all that failed, once more."""
    hook = await store.webhooks.create(Webhook(id=0, url="https://hooks.club.example/"))
    assert await switch_webhook(store, hook.id, on=False, who="shell:eva", now=clock())
    (off,) = await store.webhooks.list()
    assert (off.enabled, off.off_why, off.off_at) == (False, "by shell:eva", clock())
    assert await switch_webhook(store, hook.id, on=True, who="shell:eva", now=clock())
    (on,) = await store.webhooks.list()
    assert (on.enabled, on.off_why) == (True, "")
    calls = [NewCall(name=f"evt_{n}", body="{}", recipients=(), events=1, first_event_at=clock()) for n in range(2)]
    await store.webhook_calls.add(hook.id, seen=hook.position, new=hook.position + 2, calls=calls, now=clock())
    capsys.readouterr()
    assert await show_calls(store, hook.id, limit=1, as_json=False)
    assert "evt_1  due  attempts: 0, not tried yet, next 2026-09-21T14:13:20.000Z" in capsys.readouterr().out
    for call in await store.webhook_calls.claim(hook.id, 2, now=clock(), lease=30.0):
        about = {"call_id": call.id, "webhook_id": hook.id, "at": clock(), "seconds": 0.1, "status": 500, "answer": ""}
        ended = {"error": "it answered 500", "state": CallState.FAILED, "next_attempt_at": None, "answered_well": False}
        await store.webhook_calls.settle(CallResult(**about, **ended))
    assert await show_calls(store, hook.id, limit=5, as_json=True)
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(it["name"], it["state"], it["error"]) for it in shown] == [
        ("evt_1", "failed", "it answered 500"),
        ("evt_0", "failed", "it answered 500"),
    ]
    assert await resend_calls(store, hook.id, call_id=int(shown[0]["id"]), since=0.0, now=clock())
    assert await resend_calls(store, hook.id, call_id=None, since=clock() + 9, now=clock())
    assert await resend_calls(store, hook.id, call_id=None, since=clock() - 9, now=clock())
    out = capsys.readouterr().out.splitlines()
    assert out == [f"{count} calls are made once more." for count in (1, 0, 1)]


async def _make_store(folder: Path) -> None:

    settings = StoreSettings(url=f"sqlite:///{folder}/homing.db", contents=folder / "contents", reserve=0)
    await (await open_store(settings, clock=time.time, node_name="test", serving=True)).close()
