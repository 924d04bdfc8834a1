"""
One number wherever it is seen: read from the HTML of the pages, the JSON of the API, the text of the metrics, and SQL.

Whatever happened: the histories are those of tests/store/queries/test_views_agree.py.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from store.nouns import TrackingMode
from store.open import open_store
from store.settings import StoreSettings
from tests.admin.numbers.eyes import Eyes, Metrics, counted, eyes, numbers, statuses
from tests.conftest import Clock
from tests.store.queries.test_views_agree import FATES, MESSAGE, live

LATER = 21.5 * 3_600  # seconds: what was sent in the first hours is older than a day, the rest is not
DAY = 86_400
STANDINGS = ("opened", "delivered", "cannot_be_known", "bounced", "not_delivered", "sending")
Rows = list[dict[str, Any]]
VERDICT, COUNT = TrackingMode.VERDICT, TrackingMode.COUNT
# Each fate, each way to be followed, and invoices of either age: chance alone brings them together too seldom.
EVERYTHING: list[Any] = [
    ("42", "R-7", "", [(0, "bounced", VERDICT), (1, "loaded", VERDICT), (2, "delivered", COUNT)]),
    ("42", "", "", [(n, fate, VERDICT) for n, fate in enumerate(FATES[:6])]),
    ("43", "R-8", "", [(4, "opened late", VERDICT), (5, "deferred", VERDICT)]),
    ("42", "R-7", "plain text only", [(0, "waits", VERDICT), (1, "bounced late", VERDICT)]),
    (
        "",
        "",
        "",
        [(n, fate, mode) for n, (fate, mode) in enumerate(zip(FATES[3:], [COUNT, *[VERDICT] * 5], strict=True))],
    ),
    ("43", "", "", [(3, "cancelled", TrackingMode.OFF), (4, "delivered", TrackingMode.FULL)]),
]


def in_words(counts: dict[str, Any]) -> Counter[str]:
    """Give counts of the API in the words of chips and legends."""
    return +Counter({name.replace("_", " ").capitalize(): counts[name] for name in STANDINGS})


def of_statuses(rows: Rows) -> Counter[str]:
    """Count rows of SQL by status."""
    return Counter(row["status"] for row in rows)


def as_status(chips: Counter[str]) -> Counter[str]:
    """Leave out the sum, and count what cannot be known under Delivered, as a status is."""
    return +Counter(
        {
            "Delivered": chips["Delivered"] + chips["Cannot be known"],
            **{word: chips[word] for word in ("Opened", "Bounced", "Not delivered", "Sending")},
        }
    )


def percent(part: int, whole: int) -> int:
    """Give a percentage as a page rounds it: first to a tenth, as the API."""
    return round(round(100.0 * part / whole, 1)) if whole else 0


async def messages(see: Eyes) -> None:
    """Each message: the sentences, legend, bar and chart of its overview; chips and rows of its recipients."""
    for row in await see.sql("SELECT * FROM message_overview"):
        path = f"/messages/{row['message_id']}"
        page, about = await see.page(path), await see.api(f"{path}/overview")
        counts = about["counts"]
        rows = await see.sql(f"SELECT * FROM message_recipients WHERE message_id = {row['message_id']}")
        legend = counted(page, ".legend li")
        assert legend == in_words(counts)
        assert as_status(legend) == of_statuses(rows)
        assert (
            Counter({word: int(n) for word, _, n in (it.rpartition(": ") for it in page.texts(".bar title"))}) == legend
        )

        received, all_, in_percent, *unknown = numbers(page.texts(".overview .soft")[0])
        assert (received, all_) == (counts["received"], counts["recipients"]) == (row["received"], len(rows))
        assert in_percent == percent(received, all_)
        assert sum(unknown) == counts["cannot_be_known"] == row["cannot_be_known"]
        if row["received_and_tracked"]:
            opened, tracked, in_percent = numbers(page.texts(".overview .big")[0])
            assert tracked == counts["received_and_tracked"] == row["received_and_tracked"]
            assert in_percent == percent(opened, tracked) == round(counts["opened_percent"])
        all_the_same = [text for text in page.texts(".overview .soft") if "opened all the same" in text]
        assert (
            sum(sum(numbers(text)) for text in all_the_same) == counts["failed_and_opened"] == row["failed_and_opened"]
        )
        first_opens = [int(text.rpartition(": ")[2]) for text in page.texts(".chart title")]
        assert sum(first_opens) == sum(it["first_opened_at"] is not None for it in rows)

        page = await see.page(f"{path}/recipients")
        chips = counted(page, ".filters a")
        assert chips.pop("All") == len(rows)
        assert +chips == legend
        assert statuses(page) == of_statuses(rows)
        for word in legend:
            asked = word.lower().replace(" ", "_").replace("cannot_be_known", "unknown")
            assert len((await see.page(f"{path}/recipients?status={asked}")).texts(".list .first")) == legend[word]


async def customers(see: Eyes) -> None:
    """Each customer and each address: chips, kinds of mail, what is known of the address; and the list of addresses."""
    for key in ("42", "43"):
        rows = await see.sql(f"SELECT * FROM customer_messages WHERE customer = '{key}'")
        if rows:
            page, view = await see.page(f"/customers/{key}"), await see.api(f"/customers/{key}")
            chips = counted(page, ".filters a")
            about_invoices = sum(row["invoice"] != "" for row in rows)
            assert (chips.pop("All"), chips.pop("Invoices"), chips.pop("Other mail")) == (
                len(rows), about_invoices, len(rows) - about_invoices
            )  # fmt: skip
            assert (view["invoices"], view["messages"]) == (about_invoices, len(rows) - about_invoices)
            assert +chips == in_words(view["counts"])
            assert as_status(chips) == of_statuses(rows) == statuses(page)
    by_address: dict[str, Rows] = {}
    for row in await see.sql("SELECT * FROM message_recipients"):
        by_address.setdefault(row["address"], []).append(row)
    page = await see.page("/customers")
    listed = dict(zip(page.texts("table th[scope=row]"), page.page.css("table tbody tr"), strict=True))
    assert listed.keys() == by_address.keys()
    for address, rows in by_address.items():
        of = of_statuses(rows)
        failed = of["Bounced"] + of["Not delivered"]
        cells = [int(cell.text()) for cell in listed[address].css("td.number")]
        assert cells == [len(rows), of["Opened"], failed]
        known = await see.api(f"/addresses/{address}")
        assert [known["mails"], known["opened"], known["bounced"] + known["not_delivered"]] == cells
        said = (await see.page(f"/customers/{address}")).texts(".health .soft")[-1]
        assert numbers(said)[-3:] == [len(rows), of["Opened"], known["bounced"]]


async def invoices(see: Eyes, now: float) -> None:
    """The log of each invoice, and which ones are to chase."""
    to_chase = set()
    for invoice in ("R-7", "R-8"):
        log = await see.sql(f"SELECT * FROM invoice_log WHERE invoice = '{invoice}'")
        if not log:
            continue
        rows = await see.sql(f"SELECT * FROM customer_messages WHERE invoice = '{invoice}'")
        page, view = await see.page(f"/invoices/{invoice}"), await see.api(f"/invoices/{invoice}")
        of = of_statuses(rows)
        said = numbers(page.texts(".heading .labels > span")[0])
        assert said == [of["Delivered"] + of["Opened"], len(rows), of["Opened"]]
        assert said == [view["counts"][name] for name in ("received", "recipients", "opened")]
        assert len(page.texts("table.log tr")) == len(log)
        assert sum(len(who["events"]) for sent in view["items"] for who in sent["recipients"]) == len(log)
        overdue = min(row["sent_at"] for row in rows) < _iso(now - DAY)
        nobody = not of["Delivered"] + of["Sending"] and of["Bounced"] + of["Not delivered"]
        if not of["Opened"] and (overdue or nobody):
            to_chase.add(invoice)
    page = await see.page("/chase?days=1")
    assert {text.split(" · ")[0].removeprefix("Invoice ") for text in page.texts(".list .first")} == to_chase
    assert {line["invoice"] for line in (await see.api("/chase?days=1"))["items"]} == to_chase


async def today(see: Eyes, now: float) -> None:
    """The tiles of the last 24 hours."""
    since = _iso(now - DAY)
    rows = await see.sql(f"SELECT * FROM message_recipients WHERE accepted_at > '{since}'")
    of, received = of_statuses(rows), sum(row["status"] in ("Delivered", "Opened") for row in rows)
    given = await see.api(f"/today?since={since}")
    tiles = [numbers(text) for text in (await see.page("/")).texts(".tile")]
    if await see.sql("SELECT 1 FROM events LIMIT 1"):
        late = given["delayed_count"]
        sent = len({row["message_id"] for row in rows})
        assert tiles == [
            [sent, len(rows)], [received, len(rows)], [of["Opened"], received], [of["Bounced"]], [of["Not delivered"]],
            [late],
        ]  # fmt: skip
    assert given["messages"] == len({row["message_id"] for row in rows})
    assert as_status(in_words(given["counts"])) == of


async def metrics(see: Eyes, before: Metrics) -> None:
    """Events, failures and opens since the start, what waits, and addresses that are not used."""
    scraped = await see.metrics()

    def since(name: str) -> Counter[tuple[str, ...]]:
        found = {labels: it - before.get((key, labels), 0.0) for (key, labels), it in scraped.items() if key == name}
        return +Counter({tuple(it for _, it in labels): int(number) for labels, number in found.items()})

    events = await see.sql("SELECT * FROM events")
    assert since("homing_events_total") == Counter((row["event"].lower().replace(" ", "_"),) for row in events)
    assert since("homing_opens_total") == Counter((row["opened_by"],) for row in events if row["event"] == "Opened")
    failures = ("Deferred", "Bounced", "Expired", "Suppressed")
    assert since("homing_failures_total") == Counter(
        (row["event"].lower(), row["reason"] or "undetermined") for row in events if row["event"] in failures
    )
    told = (await see.api("/events?limit=500"))["items"]
    assert Counter(it["event"] for it in told) == Counter(
        {kind: it for (kind,), it in since("homing_events_total").items()}
    )

    waits = {
        dict(labels)["state"]: int(it) for (name, labels), it in scraped.items() if name == "homing_queue_recipients"
    }
    states = (await see.api("/queue"))["states"]
    assert waits == {state: states[state] for state in ("due", "claimed", "held")}
    chips = counted(await see.page("/queue"), ".filters a")
    assert waits == {"due": chips["Waiting for the next try"], "claimed": chips["Being tried"], "held": chips["Held"]}
    assert sum(waits.values()) == of_statuses(await see.sql("SELECT status FROM message_recipients"))["Sending"]

    stopped = await see.sql("SELECT * FROM suppressions")
    page = await see.page("/suppressions")
    assert scraped["homing_suppressions", ()] == len(stopped) == sum(counted(page, ".filters a").values())
    assert set(page.texts(".list .first")) == {row["address"] for row in stopped}
    assert {it["address"] for it in (await see.api("/suppressions"))["items"]} == {row["address"] for row in stopped}


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def empty(connection: Connection) -> None:
    for table in ("event", "open", "recipient", "message", "content", "suppression", "person", "session", "api_token"):
        connection.exec_driver_sql(f'DELETE FROM "{table}"')


@hypothesis_settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=st.lists(MESSAGE, max_size=6))
@example(history=EVERYTHING)
def test_pages_api_metrics_and_sql_agree(settings: StoreSettings, history: list[Any]) -> None:
    """Overview, recipients, customers, invoices, to chase, today, queue, suppressions, metrics: the same numbers."""

    async def run() -> None:
        clock = Clock(1_790_000_000.0)
        store = await open_store(settings, clock=clock, node_name="test", serving=True)
        try:
            await store._connection.run(empty)
            async with eyes(store, clock) as see:
                before = await see.metrics()
                await live(store, clock, history)
                now = clock.move(LATER)
                assert (await see.visitor.log_in("vera")).status == 303  # the session was idle for too long
                await messages(see)
                await customers(see)
                await invoices(see, now)
                await today(see, now)
                await metrics(see, before)
        finally:
            await store.close()

    asyncio.run(run())
