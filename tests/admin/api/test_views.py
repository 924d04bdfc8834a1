"""The views through HTTP: the same rows and numbers as the queries and the SQL views."""

from typing import Any

import pytest

from bench.seed_views import Rows, everything, insert_rows
from store.nouns import RecipientStatus
from store.open import Store
from tests.admin.api.conftest import Api
from tests.conftest import Clock

READ = [
    "/customers", "/messages", "/recipients", "/events", "/chase", "/today", "/queue", "/sizes", "/stats/day",
    "/stats/domain", "/stats/reason", "/stats/tag",
]  # fmt: skip


@pytest.fixture
async def seeded(store: Store, clock: Clock) -> Rows:
    """A year of an office."""
    whole = everything(200, now=clock())
    await store._connection.run(lambda connection: insert_rows(connection, whole))
    return whole


async def select(store: Store, query: str) -> list[dict[str, Any]]:
    return await store._reader.run(lambda c: [dict(row._mapping) for row in c.exec_driver_sql(query)])


async def walk(api: Api, path: str) -> list[Any]:
    """Go through all pages."""
    items: list[Any] = []
    cursor = ""
    while True:
        page = await api.get(f"{path}{'&' if '?' in path else '?'}limit=90{cursor and '&cursor=' + cursor}")
        items += page["items"]
        if page["next"] is None or not page["items"]:
            return items
        cursor = page["next"]


async def test_the_same_numbers_as_the_sql_views(api: Api, store: Store, seeded: Rows) -> None:
    """Each message's overview and recipients, each customer's and each invoice's rows."""
    for row in await select(store, "SELECT * FROM message_overview"):
        about = await api.get(f"/messages/{row['message_id']}/overview")
        names = {
            "recipients", "sending", "received", "opened", "bounced", "not_delivered", "received_and_tracked",
            "counted_together", "cannot_be_known", "failed_and_opened", "received_percent", "opened_percent",
        }  # fmt: skip
        assert {name: about["counts"][name] for name in names} == {name: row[name] for name in names}
        listed = await walk(api, f"/messages/{row['message_id']}/recipients")
        theirs = await select(store, f"SELECT * FROM message_recipients WHERE message_id = {row['message_id']}")
        words = {str(it["recipient_id"]): it["status"] for it in theirs}
        assert {it["recipient_id"]: RecipientStatus(it["status"]).word for it in listed} == words
    for customer in {row["customer"] for row in seeded["message"]} - {""}:
        theirs = await select(store, f"SELECT * FROM customer_messages WHERE customer = '{customer}'")
        view = await api.get(f"/customers/{customer}")
        assert {it["recipient_id"] for it in view["items"]} == {str(it["recipient_id"]) for it in theirs}
    for invoice in {row["invoice"] for row in seeded["message"]} - {""}:
        theirs = await select(store, f"SELECT * FROM invoice_log WHERE invoice = '{invoice}'")
        log = await api.get(f"/invoices/{invoice}")
        events = [event for sent in log["items"] for who in sent["recipients"] for event in who["events"]]
        assert sorted(it["event"].capitalize() for it in events) == sorted(it["event"] for it in theirs)


@pytest.mark.parametrize("path", READ)
async def test_every_list_answers(api: Api, seeded: Rows, path: str) -> None:
    """With JSON that no browser takes for anything else, and a mark by which it need not be sent again."""
    del seeded
    response = await api.ask(path)
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    again = await api.ask(path, headers={"If-None-Match": response.headers["ETag"]})
    for _ in range(100):  # the store's heart beats meanwhile, and its file grows: /sizes says so, and has another mark
        if again.status == 304:
            break
        assert path == "/sizes"
        assert again.status == 200
        assert again.octets != response.octets
        assert again.headers["ETag"] != response.headers["ETag"]
        response = again
        again = await api.ask(path, headers={"If-None-Match": response.headers["ETag"]})
    assert again.status == 304
    assert again.octets == b""
    assert again.headers["ETag"] == response.headers["ETag"]


async def test_lists_go_on_by_cursor(api: Api, seeded: Rows) -> None:
    """Page by page each row once, in the order of the whole."""
    for path, name in (("/recipients", "recipient"), ("/messages", "message")):
        ids = [it[f"{name}_id"] for it in await walk(api, path)]
        assert ids == [str(it) for it in sorted((row["id"] for row in seeded[name]), reverse=True)]
    positions = [it["position"] for it in await walk(api, "/events")]
    assert positions == list(range(1, len(seeded["event"]) + 1))


async def test_filters(api: Api, seeded: Rows) -> None:
    """By the names of the query and by a line of words alike."""
    bounced = {str(it["id"]) for it in seeded["recipient"] if it["status"] == "bounced"}
    for path in ("/recipients?standing=bounced", "/recipients?q=status:bounced"):
        assert {it["recipient_id"] for it in await walk(api, path)} == bounced
    both = await walk(api, "/recipients?standing=bounced&standing=not_delivered")
    assert {it["status"] for it in both} == {"bounced", "not_delivered"}
    (first, *_) = await walk(api, "/recipients?to=%40gmail.com")
    assert first["address"].endswith("@gmail.com")
    events = await walk(api, f"/events?address={first['address']}&event=accepted")
    assert {it["address"] for it in events} == {first["address"]}
    health = await api.get(f"/addresses/{first['address']}")
    assert health["mails"] == len(events)


async def test_following_events(api: Api, seeded: Rows) -> None:
    """At the end ``next`` stays where one is, so that a follower asks on for ever."""
    last = len(seeded["event"])
    page = await api.get(f"/events?cursor={last}")
    assert (page["items"], page["next"]) == ([], str(last))
    newest = await api.get("/events?order=newest&limit=1")
    assert newest["items"][0]["position"] == last


async def test_what_is_not_there(api: Api) -> None:
    """404, also for an id that cannot be one."""
    for path in (
        "/messages/1", "/messages/x", "/messages/99999999999999999999", "/messages/1/overview",
        "/messages/1/recipients", "/messages/1/content", "/recipients/1", "/recipients/1/transcripts",
        "/recipients/1/reports", "/reports/1/content", "/customers/nobody", "/addresses/nobody@example.org",
        "/invoices/none", "/nothing",
    ):  # fmt: skip
        problem = await api.get(path, status=404)
        assert problem["type"] == "urn:homing:problem:not-found"
