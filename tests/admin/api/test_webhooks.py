"""Webhooks through the API: made, changed, looked into, told again; only by an admin's token (W7, W12)."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from admin.api.webhooks import WebhookRoutes
from admin.settings import WebhookSettings
from admin.webhooks.signature_sendgrid import verification_key
from relay.webhooks import make_sender, url_rules
from store.open import Store
from store.webhook_nouns import CallResult, CallState, NewCall
from tests.admin.api.serving import Asking, serving
from tests.admin.webhooks.conftest import Names
from tests.conftest import Clock
from tests.rigs.hook_receiver import HookReceiver, status

URL = "https://hooks.club.example/homing"


@pytest.fixture
async def receiver() -> AsyncIterator[HookReceiver]:
    async with HookReceiver() as running:
        yield running


@pytest.fixture
async def hooks(store: Store, clock: Clock, receiver: HookReceiver) -> AsyncIterator[Asking]:
    settings = WebhookSettings(allow_http=True, allow_private=("127.0.0.0/8",), ports=(443, receiver.port))
    sender = make_sender(settings, Names(), ipv6=True, clock=time.time, draw=lambda: 0.5)
    async with serving(WebhookRoutes(store, url_rules(settings), sender).routes(), store, clock) as api:
        yield api
    await sender.close()


async def make(api: Asking, **more: Any) -> Any:
    answer = await api.ask("/webhooks", method="POST", scope="admin", body={"url": URL, **more})
    assert answer.status == 201, answer.text
    return answer.json


async def test_an_endpoint_from_its_making_to_its_end(hooks: Asking, store: Store) -> None:
    """Its secret is shown when it is made and when it is rotated; each change stands in the audit, without it."""
    made = await make(hooks, events=["bounced"], tags=["fees"], batch_size=10, batch_seconds=5)
    (kept,) = await store.webhooks.list()
    assert (made["webhook_id"], made["secret"], made["events"]) == (str(kept.id), kept.secret, ["bounced"])
    one = f"/webhooks/{kept.id}"
    shown = await hooks.get(one, scope="admin")
    assert "secret" not in shown
    assert (shown["enabled"], shown["waiting"], shown["batch_size"]) == (True, 0, 10)

    changed = await hooks.get(one, method="PATCH", scope="admin", body={"events": ["opened"], "enabled": False})
    assert (changed["events"], changed["enabled"]) == (["opened"], False)
    assert changed["off_why"] == "switched off by the token admin"
    assert changed["tags"] == ["fees"]
    on = await hooks.get(one, method="PATCH", scope="admin", body={"enabled": True})
    assert (on["enabled"], on["off_why"], on["off_at"]) == (True, "", None)

    rotated = await hooks.get(one + "/rotate", method="POST", scope="admin")
    assert rotated["secret"] not in ("", made["secret"])
    assert rotated["previous_until"] is not None
    assert (await hooks.get("/webhooks", scope="admin"))["items"][0]["webhook_id"] == str(kept.id)
    assert (await hooks.ask(one, method="DELETE", scope="admin")).status == 204
    assert (await hooks.ask(one, scope="admin")).status == 404
    changes = await store.audit.list()
    actions = ["webhook.remove", "webhook.rotate", "webhook.change", "webhook.change", "webhook.add"]
    assert [change.action for change in changes] == actions
    assert "whsec" not in str(changes)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"url": "https://127.0.0.2:443/", "events": ["bounced"]}, None),
        ({"url": "https://10.0.0.1/"}, "10.0.0.1 is a private network"),
        ({"url": "https://[::ffff:127.0.0.1]/"}, "IPv4-mapped"),
        ({"url": "https://0x7f.1/"}, "no address in the usual spelling"),
        ({"url": "https://u:p@hooks.club.example/"}, "must not hold a user"),
        ({"url": "https://hooks.club.example:25/"}, "port 25"),
        ({"url": URL, "events": ["boucned"]}, "body.events"),
        ({"url": URL, "batch_size": 1001}, "body.batch_size"),
        ({"url": URL, "shape": "brevo"}, "body.shape"),
        ({"url": URL, "colour": "red"}, "body.colour"),
        ({}, "body.url"),
    ],
)
async def test_what_cannot_be_called_is_refused(hooks: Asking, store: Store, body: Any, why: str | None) -> None:
    """422 with what is wrong; nothing is made. What the configuration opened is taken."""
    answer = await hooks.ask("/webhooks", method="POST", scope="admin", body=body)
    assert answer.status == (201 if why is None else 422)
    assert why is None or why in answer.text
    assert len(await store.webhooks.list()) == (why is None)


async def test_a_change_is_checked_like_a_new_one(hooks: Asking, store: Store) -> None:
    """An endpoint cannot be turned to the inside afterwards."""
    made = await make(hooks)
    answer = await hooks.ask(
        f"/webhooks/{made['webhook_id']}", method="PATCH", scope="admin", body={"url": "https://169.254.169.254/"}
    )
    assert answer.status == 422
    assert (await store.webhooks.list())[0].url == URL


@pytest.mark.parametrize("scope", ["read", "send"])
async def test_only_an_admin(hooks: Asking, store: Store, scope: str) -> None:
    """Secrets and answers are for nobody else; each route says 403."""
    made = await make(hooks)
    one = f"/webhooks/{made['webhook_id']}"
    routes = [
        ("GET", "/webhooks"), ("POST", "/webhooks"), ("GET", one), ("PATCH", one), ("DELETE", one),
        ("POST", one + "/rotate"), ("POST", one + "/test"), ("POST", one + "/resend"), ("GET", one + "/calls"),
        ("GET", one + "/calls/1"), ("POST", one + "/calls/1/resend"),
    ]  # fmt: skip
    for method, path in routes:
        assert (await hooks.ask(path, method=method, scope=scope, body={})).status == 403
    assert len(await store.webhooks.list()) == 1


async def test_a_test_call_shows_the_answer(hooks: Asking, receiver: HookReceiver) -> None:
    """Taken or not, with the first words of what was said."""
    made = await make(hooks, url=receiver.url)
    path = f"/webhooks/{made['webhook_id']}/test"
    assert (await hooks.get(path, method="POST", scope="admin"))["taken"] is True
    assert Verifier(made["secret"]).verify(receiver.told[0].body, receiver.told[0].headers)["type"] == "test"
    receiver.always = status(500)
    told = await hooks.get(path, method="POST", scope="admin")
    assert (told["taken"], told["status"], told["error"], told["answer"]) == (False, 500, "it answered 500", "no")


async def test_calls_and_telling_them_again(hooks: Asking, store: Store, clock: Clock) -> None:
    """The newest first, page by page; one with its body and attempts; one or all since a time once more."""
    made = await make(hooks)
    hook = (await store.webhooks.list())[0]
    new = [
        NewCall(name=f"evt_{n}", body=f'{{"n":{n}}}', recipients=(1,), events=1, first_event_at=clock())
        for n in range(3)
    ]
    await store.webhook_calls.add(hook.id, seen=hook.position, new=hook.position + 3, calls=new, now=clock())
    for call in await store.webhook_calls.claim(hook.id, 9, now=clock(), lease=30.0):
        await store.webhook_calls.settle(
            CallResult(
                call_id=call.id,
                webhook_id=hook.id,
                at=clock(),
                seconds=0.25,
                status=503,
                error="it answered 503",
                answer="busy",
                state=CallState.FAILED,
                next_attempt_at=None,
                answered_well=False,
            )
        )
    path = f"/webhooks/{made['webhook_id']}/calls"
    first = await hooks.get(f"{path}?limit=2", scope="admin")
    second = await hooks.get(f"{path}?limit=2&cursor={first['next']}", scope="admin")
    assert [it["name"] for it in first["items"] + second["items"]] == ["evt_2", "evt_1", "evt_0"]
    assert second["next"] is None
    one = f"{path}/{first['items'][0]['call_id']}"
    whole = await hooks.get(one, scope="admin")
    assert (json.loads(whole["body"]), whole["state"], whole["last_status"]) == ({"n": 2}, "failed", 503)
    assert [(it["status"], it["error"], it["answer"], it["seconds"]) for it in whole["tried"]] == [
        (503, "it answered 503", "busy", 0.25)
    ]
    assert (await hooks.ask(one + "/resend", method="POST", scope="admin")).status == 204
    assert (await hooks.get(one, scope="admin"))["state"] == "due"
    again = {"since": "2026-01-01T00:00:00Z"}
    resent = await hooks.get(f"/webhooks/{made['webhook_id']}/resend", method="POST", scope="admin", body=again)
    assert resent == {"calls": 2}
    other = await make(hooks)
    stranger = f"/webhooks/{other['webhook_id']}/calls/{first['items'][0]['call_id']}"
    assert (await hooks.ask(stranger, scope="admin")).status == 404
    assert (await hooks.ask(stranger + "/resend", method="POST", scope="admin")).status == 404


async def test_the_key_of_sendgrids_signature(hooks: Asking) -> None:
    """It is of the secret, and there in that shape alone."""
    made = await make(hooks, shape="sendgrid")
    assert made["verification_key"] == verification_key(made["secret"])
    path = f"/webhooks/{made['webhook_id']}"
    assert (await hooks.get(path, scope="admin"))["verification_key"] == made["verification_key"]
    rotated = await hooks.get(f"{path}/rotate", method="POST", scope="admin")
    assert rotated["verification_key"] == verification_key(rotated["secret"]) != made["verification_key"]
    assert (await make(hooks, shape="postmark"))["verification_key"] is None
