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
from relay.webhook_commands import add_webhook, list_webhooks, remove_webhook, rotate_webhook, test_webhook
from store.open import Store, open_store
from store.settings import StoreSettings
from store.webhook_nouns import Webhook
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
    for command in ("remove", "rotate", "test"):
        assert runner.invoke(main, ["webhook", command, listed["id"]]).exit_code == 1


async def _make_store(folder: Path) -> None:

    settings = StoreSettings(url=f"sqlite:///{folder}/homing.db", contents=folder / "contents", reserve=0)
    await (await open_store(settings, clock=time.time, node_name="test", serving=True)).close()
