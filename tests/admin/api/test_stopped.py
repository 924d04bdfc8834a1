"""Suppressions and opt-outs through the API: added, found, lifted, exported and imported; each change in the audit."""

import csv
import io

from store.open import Store
from tests.admin.api.conftest import Api
from tests.conftest import Clock
from tests.store.mail import accept, bounced

CSV = {"Content-Type": "text/csv"}


async def test_added_and_lifted(api: Api, store: Store) -> None:
    """By its address, however it is written."""
    path = "/suppressions/Ann%40Example.org"
    made = await api.ask(path, method="PUT", scope="admin", body={"note": "asked on the phone"})
    assert made.status == 200
    found = await api.get("/suppressions/ann@example.org")
    assert (found["address"], found["reason"], found["note"]) == ("Ann@Example.org", "suppressed", "asked on the phone")
    assert [it["address"] for it in (await api.get("/suppressions?q=PHONE"))["items"]] == ["Ann@Example.org"]
    assert (await api.ask(path, method="DELETE", scope="admin")).status == 204
    assert (await api.ask(path, method="DELETE", scope="admin")).status == 404
    assert (await api.ask("/suppressions/ann@example.org")).status == 404
    assert [(it.who, it.action) for it in await store.audit.list()] == [
        ("token:admin", "suppression.lift"), ("token:admin", "suppression.add"),
    ]  # fmt: skip


async def test_until(api: Api, clock: Clock) -> None:
    """It ends by itself; what would have ended is refused."""
    body = {"until": "2026-12-01T00:00:00Z"}
    assert (await api.ask("/suppressions/a@example.org", method="PUT", scope="admin", body=body)).status == 200
    assert (await api.get("/suppressions/a@example.org"))["until"] == "2026-12-01T00:00:00Z"
    clock.move(100 * 86_400)
    assert (await api.ask("/suppressions/a@example.org")).status == 404
    assert (await api.ask("/suppressions/a@example.org", method="PUT", scope="admin", body=body)).status == 409


async def test_it_names_its_cause(api: Api, store: Store, clock: Clock) -> None:
    """The mail that came back."""
    taken = await accept(store, "gone@example.org", now=clock(), subject="Invoice 7")
    await store.queue.settle(taken.jobs[0].recipient_id, bounced(clock()))
    for found in (await api.get("/suppressions/gone@example.org"), (await api.get("/suppressions"))["items"][0]):
        assert found["reason"] == "no_such_user"
        assert found["caused_by_message_id"] == str(taken.message_id)
        assert found["caused_by_subject"] == "Invoice 7"


async def test_out_and_in_again(api: Api, store: Store, clock: Clock) -> None:
    """What is exported can be imported; no cell is a formula to a spreadsheet; what is no address is told (W1)."""
    await store.suppressions.add("=cmd()@example.org", note="=1+1")
    await store.suppressions.add("bob@example.org", expires_at=clock() + 60)
    out = await api.ask("/suppressions.csv")
    assert out.headers["Content-Disposition"] == 'attachment; filename="suppressions.csv"'
    rows = list(csv.reader(io.StringIO(out.text)))
    assert rows[0] == ["address", "reason", "since", "until", "note"]
    assert [row[0] for row in rows[1:]] == ["'=cmd()@example.org", "bob@example.org"]
    assert rows[1][4] == "'=1+1"
    for address in ("=cmd()@example.org", "bob@example.org"):
        await store.suppressions.lift(address)
    given = out.text + "no address,,,,\r\nEva@example.org,,,,moved\r\n"
    told = await api.ask("/suppressions.csv", method="POST", scope="admin", data=given.encode(), headers=CSV)
    assert told.json == {"added": 3, "refused": ["line 4: no address"]}
    kept = (await api.get("/suppressions"))["items"]
    assert [(it["address"], it["note"]) for it in kept] == [
        ("=cmd()@example.org", "=1+1"), ("bob@example.org", ""), ("Eva@example.org", "moved"),
    ]  # fmt: skip
    bad = await api.ask("/suppressions.csv", method="POST", scope="admin", data=b"\xff", headers=CSV)
    assert bad.status == 422


async def test_opt_outs(api: Api, store: Store) -> None:
    """Opens of an address are noted no more, and again."""
    assert (await api.ask("/opt-outs/Ann@example.org", method="PUT", scope="admin")).status == 204
    assert [it["address"] for it in (await api.get("/opt-outs"))["items"]] == ["ann@example.org"]
    assert (await api.ask("/opt-outs/ann@example.org", method="DELETE", scope="admin")).status == 204
    assert (await api.ask("/opt-outs/ann@example.org", method="DELETE", scope="admin")).status == 404
    assert [it.action for it in await store.audit.list()] == ["opt-out.lift", "opt-out.add"]
