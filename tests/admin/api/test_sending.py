"""Sending through the API: the very acceptance of SMTP, by token."""

from typing import Any

from relay.handing_over import once_more
from store.nouns import RecipientStatus
from store.open import Store
from store.queries.search import Search
from store.token_nouns import Scope
from tests.admin.api.conftest import Api
from tests.conftest import Clock
from tests.store.mail import bounced

MAIL = {
    "from": {"address": "office@club.example", "name": "The club"},
    "to": [{"address": "ann@example.org"}],
    "bcc": [{"address": "bob@example.org"}],
    "subject": "Your November fees",
    "html": "<html><body><p>42.00</p></body></html>",
    "customer": "4711",
    "invoice": "INV-1042",
    "tags": ["reminder"],
    "metadata": {"run": "7"},
}
RAW = b"From: office@club.example\nTo: Ann <ann@example.org>\nBcc: bob@example.org\nSubject: Hi\n\nHello\n.\nyou\n"


async def send(api: Api, body: Any = None, *, status: int = 202, scope: str = "send", **more: Any) -> Any:
    response = await api.ask("/messages", method="POST", scope=scope, body=MAIL if body is None else body, **more)
    assert response.status == status, response.text
    return response.json


async def test_a_mail_as_json(api: Api, store: Store) -> None:
    """It is on disk with what was said about it, under the token's name, one recipient an address."""
    taken = await send(api)
    assert taken["recipients"] == 2
    about = await api.get(f"/messages/{taken['message_id']}")
    said = ("customer", "invoice", "tags", "metadata", "subject", "credential", "sender", "return_path")
    assert [about[name] for name in said] == [
        "4711", "INV-1042", ["reminder"], {"run": "7"}, "Your November fees", "token:send", "office@club.example",
        "office@club.example",
    ]  # fmt: skip
    listed = await api.get(f"/messages/{taken['message_id']}/recipients")
    assert {it["address"] for it in listed["items"]} == {"ann@example.org", "bob@example.org"}
    content = await api.ask(f"/messages/{taken['message_id']}/content")
    assert content.headers["Content-Type"] == "message/rfc822"
    assert content.headers["Content-Disposition"] == f'attachment; filename="{taken["message_id"]}.eml"'
    assert b"bob@example.org" not in content.octets
    line = await store.queries.messages.get(int(taken["message_id"]))
    assert line is not None
    assert line.message.client == "api [127.0.0.1]"


async def test_a_mail_as_it_is(api: Api) -> None:
    """Line ends become CRLF, nothing else changes; its own fields name the recipients, unless the query does."""
    url = "/messages/mime"
    more: dict[str, Any] = {
        "method": "POST",
        "scope": "send",
        "data": RAW,
        "headers": {"Content-Type": "message/rfc822"},
    }
    taken = (await api.ask(url, **more)).json
    content = (await api.ask(f"/messages/{taken['message_id']}/content")).octets
    assert content == RAW.replace(b"\n", b"\r\n")
    listed = await api.get(f"/messages/{taken['message_id']}/recipients")
    assert {it["address"] for it in listed["items"]} == {"ann@example.org", "bob@example.org"}
    taken = (await api.ask(f"{url}?to=eva@example.org&return_path=back@club.example", **more)).json
    listed = await api.get(f"/messages/{taken['message_id']}/recipients")
    assert [it["address"] for it in listed["items"]] == ["eva@example.org"]
    assert (await api.get(f"/messages/{taken['message_id']}"))["return_path"] == "back@club.example"
    more["data"] = b"From: office@club.example\r\n\r\nto nobody"
    assert (await api.ask(url, **more)).status == 422


async def test_the_same_key_sends_once(api: Api, store: Store) -> None:
    """A repeat of Idempotency-Key gives the first message's id and sends nothing."""
    first = await send(api, headers={"Idempotency-Key": "k-1"})
    again = await send(api, headers={"Idempotency-Key": "k-1"})
    other = await send(api, headers={"Idempotency-Key": "k-2"})
    assert first["message_id"] == again["message_id"] != other["message_id"]
    assert len((await store.queries.messages.newest(Search())).items) == 2
    for wrong in ("", "x" * 201, "a b"):
        await send(api, headers={"Idempotency-Key": wrong}, status=422)


async def test_a_token_sends_from_its_own_domains(api: Api, store: Store) -> None:
    """Another sender is refused, and so is another reverse-path; its rate is its own."""
    api.tokens["club"] = await store.tokens.create("club", [Scope.SEND], from_domains=["club.example"], rate=2)
    await send(api, scope="club")
    other = {**MAIL, "from": {"address": "office@other.example"}}
    problem = await send(api, other, scope="club", status=403)
    assert problem["detail"] == "This sender is not allowed for this user."
    await send(api, {**MAIL, "return_path": "x@other.example"}, scope="club", status=403)
    await send(api, scope="club")
    response = await api.ask("/messages", method="POST", scope="club", body=MAIL)
    assert (response.status, response.headers["Retry-After"]) == (429, "60")
    await send(api, scope="send")


async def test_what_waits_is_stopped(api: Api, store: Store) -> None:
    """Once; what is stopped is Not delivered."""
    taken = await send(api)
    path = f"/messages/{taken['message_id']}/cancel"
    assert (await api.ask(path, method="POST", scope="send")).json == {"recipients": 2}
    assert (await api.ask(path, method="POST", scope="send")).json == {"recipients": 0}
    assert (await api.get(f"/messages/{taken['message_id']}"))["counts"]["not_delivered"] == 2
    (change, *_) = await store.audit.list()
    assert (change.who, change.action, change.subject) == ("token:send", "message.cancel", taken["message_id"])


async def test_sent_again(api: Api, store: Store, clock: Clock) -> None:
    """To those who did not get it, as a new message with a new Message-ID; to nobody else."""
    taken = await send(api, headers={"Idempotency-Key": "k"})
    path = f"/messages/{taken['message_id']}/resend"
    assert (await api.ask(path, method="POST", scope="send")).status == 409
    rows = (await store.queries.recipients.newest(Search(address="ann@example.org"))).items
    await store.queue.settle(rows[0].recipient_id, bounced(clock(), suppress=False))
    clock.move(3_600)
    again = (await api.ask(path, method="POST", scope="send")).json
    (new,) = again["message_ids"]
    first, second = await api.get(f"/messages/{taken['message_id']}"), await api.get(f"/messages/{new}")
    same = ("subject", "customer", "invoice", "tags", "credential", "return_path")
    assert [first[name] for name in same] == [second[name] for name in same]
    assert first["header_message_id"] != second["header_message_id"]
    listed = await api.get(f"/messages/{new}/recipients")
    assert [it["address"] for it in listed["items"]] == ["ann@example.org"]
    one = await api.ask(f"/recipients/{rows[0].recipient_id}/resend", method="POST", scope="send")
    assert one.status == 202
    await store.contents.erase(int(taken["message_id"]))
    assert (await api.ask(path, method="POST", scope="send")).status == 410


async def test_others_mails_are_not_there(api: Api, store: Store) -> None:
    """A token says a word about its own mails only; for it there are no others (W7). Admin may."""
    api.tokens["other"] = await store.tokens.create("other", [Scope.SEND])
    taken = await send(api)
    (row, *_) = (await store.queries.recipients.newest(Search())).items
    for path in (
        f"/messages/{taken['message_id']}/cancel",
        f"/messages/{taken['message_id']}/resend",
        f"/recipients/{row.recipient_id}/resend",
    ):
        assert (await api.ask(path, method="POST", scope="other")).status == 404
    kept = await store.queries.recipients.newest(Search())
    assert {it.status for it in kept.items} == {RecipientStatus.SENDING}
    assert (await api.ask(f"/messages/{taken['message_id']}/cancel", method="POST", scope="admin")).status == 200


async def test_a_store_that_is_full_puts_off(api: Api, store: Store) -> None:
    """A fault of ours is 503 with a time to come back, and shows nothing of itself."""
    await store._writer.stop()
    response = await api.ask("/messages", method="POST", scope="send", body=MAIL)
    assert response.status == 503
    assert response.headers["Retry-After"] in ("5", "60")
    assert "closed" not in response.text


def test_once_more() -> None:
    """The key and an unsigned Message-ID go; a signed mail stays as it is, but for the key."""
    key = b"X-Homing-Idempotency-Key: k\r\n"
    plain = b"From: a@b\r\n" + key + b"Message-ID: <1@b>\r\nSubject: x\r\n\r\nMessage-ID: body\r\n"
    assert once_more(plain) == b"From: a@b\r\nSubject: x\r\n\r\nMessage-ID: body\r\n"
    signed = b"DKIM-Signature: v=1;\r\n b=x\r\nMessage-ID: <1@b>\r\n" + key + b"\r\nbody\r\n"
    assert once_more(signed) == signed.replace(key, b"")
