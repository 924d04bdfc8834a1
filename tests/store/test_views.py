"""The views: a product, with stable names and columns, useful without documentation."""

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from store.changes import Change
from store.nouns import Open, Reason, RecipientStatus, Verdict
from store.open import Store
from store.views import NAMES
from tests.conftest import Clock
from tests.store.mail import accept, bounced, deferred, delivered

COLUMNS = {
    "customer_messages": "customer sent_at address subject invoice status reason explanation delivered_at "
    "first_opened_at last_opened_at opens bounced_at message_id recipient_id",
    "message_recipients": "message_id recipient_id address status reason explanation reply accepted_at delivered_at "
    "first_opened_at last_opened_at opens automatic_loads bounced_at attempts next_attempt_at remote_host tls "
    "caused_by_recipient_id subject",
    "message_overview": "message_id sent_at subject sender customer invoice octets recipients sending received opened "
    "bounced not_delivered received_and_tracked received_percent opened_percent not_tracked_because",
    "invoice_log": "invoice at event address subject status reason explanation customer message_id recipient_id "
    "position",
    "events": "position at event address subject reason explanation reply status_code remote_host remote_address tls "
    "attempt next_attempt_at opened_by rule note caused_by_recipient_id customer invoice message_id recipient_id",
    "suppressions": "address reason explanation since until note caused_by_recipient_id caused_by_message_id "
    "caused_by_subject",
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def select(store: Store, query: str) -> list[dict[str, Any]]:
    def read(connection: Connection) -> list[dict[str, Any]]:
        return [dict(row._mapping) for row in connection.exec_driver_sql(query)]

    return await store._reader.run(read)


async def every_status(store: Store, clock: Clock) -> int:
    """One message with a recipient in each status."""
    first = await accept(store, "gone@example.org", now=clock(), subject="Old")
    await store.queue.settle(first.jobs[0].recipient_id, bounced(clock()))
    taken = await accept(
        store, "sending@example.org", "delivered@example.org", "opened@example.org", "bounced@example.org",
        "gone@example.org", "later@example.org", "stopped@example.org",
        now=clock(), customer="42", invoice="R-7", subject="Invoice 7", header_from="office@club.example",
    )  # fmt: skip
    ids = {job.forward_path.partition("@")[0]: job.recipient_id for job in taken.jobs}
    for name in ("delivered", "opened"):
        await store.queue.settle(ids[name], delivered(clock()))
    await store.opens.record([Open(recipient_id=ids["opened"], at=clock() + 5, verdict=Verdict.PERSON, rule="r")])
    await store.queue.settle(ids["bounced"], bounced(clock(), Reason.MAILBOX_FULL, suppress=False))
    await store.queue.settle(ids["later"], deferred(clock(), clock() + 60))
    await store.queue.cancel([ids["stopped"]])
    return taken.message_id


@pytest.mark.parametrize("name", NAMES)
async def test_names_and_columns_are_stable(store: Store, clock: Clock, name: str) -> None:
    """Columns stay in their order for ever; a new one is only ever added at the end. Times are UTC with a Z."""
    await every_status(store, clock)
    rows = await select(store, f"SELECT * FROM {name}")
    assert rows
    assert " ".join(rows[0]).startswith(COLUMNS[name])
    for row in rows:
        for column, value in row.items():
            if value is not None and (column in ("at", "since", "until") or column.endswith("_at")):
                assert TIME.fullmatch(value), (column, value)
        assert row.get("explanation", ".").endswith(".")


async def test_message_recipients(store: Store, clock: Clock) -> None:
    """Each recipient has its word, its reason, and a sentence that staff understand."""
    message_id = await every_status(store, clock)
    rows = await select(store, f"SELECT * FROM message_recipients WHERE message_id = {message_id}")
    told = {row["address"].partition("@")[0]: (row["status"], row["reason"], row["explanation"]) for row in rows}
    assert told == {
        "sending": ("Sending", None, "The email is on its way."),
        "delivered": ("Delivered", None, "The recipient's mail system took the email."),
        "opened": ("Opened", None, "Somebody displayed the email."),
        "bounced": ("Bounced", "mailbox_full", "The recipient's mailbox is full."),
        "gone": ("Not delivered", "suppressed", "Not sent: an earlier email to this address came back."),
        "later": (
            "Sending",
            "rate_limited",
            "The recipient's mail system asked us to slow down or to try again later.",
        ),
        "stopped": ("Not delivered", None, "Somebody stopped the email before it was sent."),
    }
    accepted = next(row for row in rows if row["address"].startswith("opened"))
    assert accepted["accepted_at"] == "2026-09-21T14:13:20Z"
    assert accepted["first_opened_at"] == "2026-09-21T14:13:25Z"


async def test_message_overview(store: Store, clock: Clock) -> None:
    """The percentages say of how many."""
    message_id = await every_status(store, clock)
    (row,) = await select(store, f"SELECT * FROM message_overview WHERE message_id = {message_id}")
    counts = {name: int(row[name]) for name in ("recipients", "sending", "received", "opened", "bounced")}
    assert counts == {"recipients": 7, "sending": 2, "received": 2, "opened": 1, "bounced": 1}
    assert int(row["not_delivered"]) == 2
    assert float(row["received_percent"]) == pytest.approx(28.6)
    assert float(row["opened_percent"]) == 50.0


async def test_invoice_and_customer(store: Store, clock: Clock) -> None:
    """The log of one invoice and the list of one customer hold what was mailed about them, and nothing else."""
    await every_status(store, clock)
    log = await select(store, "SELECT * FROM invoice_log WHERE invoice = 'R-7' ORDER BY position")
    assert [row["event"] for row in log[:3]] == ["Accepted", "Accepted", "Accepted"]
    assert {row["event"] for row in log} == {
        "Accepted", "Delivered", "Opened", "Bounced", "Suppressed", "Deferred", "Cancelled",
    }  # fmt: skip
    assert len(await select(store, "SELECT * FROM customer_messages WHERE customer = '42'")) == 7


async def test_gone_or_mistyped(store: Store, clock: Clock) -> None:
    """An address that took mail before "no longer exists"; one that never did was "probably mistyped"."""
    for mistyped in (True, False):
        taken = await accept(store, f"m{mistyped}@example.org", now=clock())
        id_ = taken.jobs[0].recipient_id
        await store.queue.settle(id_, bounced(clock()))
        await store.queue.settle(id_, lambda _, it=mistyped: Change(mistyped=it, status=RecipientStatus.BOUNCED))
    rows = await select(store, "SELECT explanation FROM message_recipients ORDER BY recipient_id")
    assert [row["explanation"] for row in rows] == [
        "This email address was probably mistyped.",
        "This email address no longer exists.",
    ]


async def test_suppressions(store: Store, clock: Clock) -> None:
    """A suppression names the mail that caused it."""
    await every_status(store, clock)
    (row,) = await select(store, "SELECT * FROM suppressions")
    assert (row["address"], row["reason"], row["caused_by_subject"]) == ("gone@example.org", "no_such_user", "Old")


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_anybody_can_look(store: Store, clock: Clock, tmp_path: Path) -> None:
    """The file can be read with any SQLite while the relay runs, and tells the story in words."""
    await every_status(store, clock)
    file = sqlite3.connect(f"file:{tmp_path}/homing.db?mode=ro", uri=True)
    rows = file.execute("SELECT at, event, address, explanation FROM events").fetchall()
    file.close()
    assert ("2026-09-21T14:13:20Z", "Bounced", "bounced@example.org", "The recipient's mailbox is full.") in rows
