"""relay/handing_over.py: the developer's first call, over a whole relay: a mail by the API arrives, and is told of."""

from typing import Any

from aiohttp import ClientSession

from relay.config import Config
from store.token_nouns import Scope
from tests.conftest import ROOT, Clock
from tests.relay.whole import Whole, whole

MAIL = {
    "from": {"address": "office@club.test", "name": "The club"},
    "to": [{"address": "ann@school.test", "name": "Ann"}],
    "subject": "Your November fees",
    "text": "Please pay.",
    "html": "<html><body><p>Please pay.</p></body></html>",
    "customer": "4711",
    "invoice": "INV-1042",
}


async def call(world: Whole, token: str, path: str, body: Any = None) -> Any:
    """Do as docs/api.md shows with curl."""
    url = f"http://{world.relay.addresses['admin']}/api/v1{path}"
    headers = {"Authorization": f"Bearer {token}"}
    async with ClientSession(headers=headers) as client:
        ask = client.get(url) if body is None else client.post(url, json=body)
        async with ask as response:
            assert response.status < 300, await response.text()
            return await response.json()


async def test_the_document_lists_every_operation(config: Config, clock: Clock) -> None:
    """docs/api.md has each operation of the running program with its scope and its summary, and none beside."""
    async with whole(config, clock) as world:
        document = await call(world, "", "/openapi.json")
    there = {
        f"| `{method.upper()} {path}` | {operation['x-scope']} | {operation['summary']} |"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8").partition("## All operations")[2]
    assert {line for line in page.splitlines() if line.startswith("| `")} == there


async def test_a_mail_of_the_api_is_a_mail(config: Config, clock: Clock) -> None:
    """Taken as HTTP, tracked, delivered, and told of by customer and invoice; nothing of its controls leaves."""
    async with whole(config, clock) as world:
        token = await world.relay.store.tokens.create("app", [Scope.SEND, Scope.READ])
        taken = await call(world, token, "/messages", MAIL)
        (found,) = await world.relay.store.find.message(int(taken["message_id"]))
        await world.event(found.recipient.recipient_id, "delivered")
        (mail,) = world.sink.mails
        assert b"with HTTP id " + taken["message_id"].encode() in mail.content
        assert b"X-Homing" not in mail.content
        assert b'.gif" width="1" height="1"' in mail.content
        assert mail.recipient == "ann@school.test"
        view = await call(world, token, "/customers/4711")
        assert [(it["address"], it["status"], it["invoice"]) for it in view["items"]] == [
            ("ann@school.test", "delivered", "INV-1042")
        ]
        log = await call(world, token, "/invoices/INV-1042")
        assert [it["event"] for it in log["items"][0]["recipients"][0]["events"]] == ["accepted", "delivered"]
        again = await call(world, token, f"/recipients/{found.recipient.recipient_id}/resend", {})
        (found,) = await world.relay.store.find.message(int(again["message_ids"][0]))
        await world.event(found.recipient.recipient_id, "delivered")
        assert len(world.sink.mails) == 2
