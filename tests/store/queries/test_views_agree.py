"""One number wherever it is seen: the SQL views and the queries agree, whatever happened."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from admin.api import shown
from store.nouns import Open, Reason, TrackingMode, Verdict
from store.open import Store, open_store
from store.queries.events import Which
from store.queries.search import Search
from store.queries.standing import Counts, Standing, standing_of
from store.queries.stats import By
from store.settings import StoreSettings
from tests.conftest import Clock
from tests.store.mail import accept, bounced, deferred, delivered, new_recipient

FATES = ("waits", "deferred", "delivered", "opened", "loaded", "bounced", "cancelled", "bounced late", "opened late")
RECIPIENT = st.tuples(st.integers(0, 5), st.sampled_from(FATES), st.sampled_from(list(TrackingMode)))
MESSAGE = st.tuples(
    st.sampled_from(["", "42", "43"]),
    st.sampled_from(["", "R-7", "R-8"]),
    st.sampled_from(["", "plain text only"]),
    st.lists(RECIPIENT, min_size=1, max_size=5, unique_by=lambda it: it[0]),
)
WORDS = {"Opened": Standing.OPENED, "Bounced": Standing.BOUNCED, "Not delivered": Standing.NOT_DELIVERED,
         "Sending": Standing.SENDING}  # fmt: skip


async def live(store: Store, clock: Clock, history: list[Any]) -> None:
    """Let it all happen."""
    for customer, invoice, why, people in history:
        clock.move(3_600)
        made = [new_recipient(store, f"p{n}@example.org", tracking=mode) for n, _, mode in people]
        taken = await accept(
            store, now=clock(), recipients=made, customer=customer, invoice=invoice, no_pixel_why=why,
            tags=("reminder",) if invoice else (), subject=f"About {invoice}",
        )  # fmt: skip
        fates = {f"p{n}@example.org": fate for n, fate, _ in people}
        for job in taken.jobs:
            await befall(store, clock, job.recipient_id, fates[job.forward_path])


async def befall(store: Store, clock: Clock, id_: int, fate: str) -> None:
    """Let one thing happen to one recipient."""
    if fate == "deferred":
        await store.queue.settle(id_, deferred(clock(), clock() + 60))
    elif fate == "cancelled":
        await store.queue.cancel([id_])
    elif fate in ("bounced", "opened late"):
        await store.queue.settle(id_, bounced(clock(), Reason.MAILBOX_FULL, suppress=fate == "bounced"))
    elif fate != "waits":
        await store.queue.settle(id_, delivered(clock()))
    verdict = {"opened": Verdict.PERSON, "loaded": Verdict.PREFETCH, "opened late": Verdict.PROXY}.get(fate)
    if verdict is not None:
        await store.opens.record([Open(recipient_id=id_, at=clock() + 5, verdict=verdict, rule="r")])
    if fate == "bounced late":
        await store.queue.settle(id_, bounced(clock() + 9, Reason.NO_SUCH_USER, suppress=False))


async def select(store: Store, query: str) -> list[dict[str, Any]]:
    def read(connection: Connection) -> list[dict[str, Any]]:
        return [dict(row._mapping) for row in connection.exec_driver_sql(query)]

    return await store._reader.run(read)


def by_word(rows: list[dict[str, Any]]) -> dict[str, int]:
    return dict(Counter(row["status"] for row in rows))


def words(counts: Counts) -> dict[str, int]:
    """Say counts in the words of the SQL views, where what cannot be known is Delivered."""
    said = {word: counts.of(standing) for word, standing in WORDS.items()}
    said["Delivered"] = counts.delivered + counts.unknown
    return {word: number for word, number in said.items() if number}


async def agree(store: Store) -> None:
    """Compare all there is."""
    queries = store.queries
    for row in await select(store, "SELECT * FROM message_overview"):
        overview = await queries.overviews.of(row["message_id"])
        assert overview is not None
        counts = overview.counts
        given = shown.overview(overview).counts
        for name in (
            "recipients", "sending", "received", "opened", "bounced", "not_delivered", "received_and_tracked",
            "counted_together", "cannot_be_known", "failed_and_opened",
        ):  # fmt: skip
            assert int(row[name]) == getattr(given, name), name
        assert given.opened + given.delivered + given.cannot_be_known == given.received
        assert given.received + given.bounced + given.not_delivered + given.sending == given.recipients
        for name, percent in (
            ("received_percent", counts.received_percent), ("opened_percent", counts.opened_percent)
        ):  # fmt: skip
            assert (None if row[name] is None else float(row[name])) == pytest.approx(percent, abs=0.051), name
        one = f"SELECT * FROM message_recipients WHERE message_id = {row['message_id']}"
        rows = await select(store, one)
        assert by_word(rows) == words(counts)
        listed = await queries.recipients.failures_first(Search(message_id=row["message_id"]))
        assert {it.recipient_id for it in listed.items} == {it["recipient_id"] for it in rows}
        assert Counter(map(standing_of, listed.items)) == {it: n for it in Standing if (n := counts.of(it))}
        line = await queries.messages.get(row["message_id"])
        assert line is not None
        assert line.counts == counts
        assert sum(it.count for it in overview.first_opens) == sum(it["first_opened_at"] is not None for it in rows)
    for customer in ("42", "43"):
        rows = await select(store, f"SELECT * FROM customer_messages WHERE customer = '{customer}'")
        view = await queries.customers.view(customer, search=Search(), now=0.0)
        assert (view is None) == (not rows)
        if view is not None:
            assert words(view.counts) == by_word(rows)
            assert [it.recipient_id for it in view.rows.items] == sorted(
                (it["recipient_id"] for it in rows), reverse=True
            )[:50]
            assert (view.invoices, view.messages) == (
                sum(it["invoice"] != "" for it in rows), sum(it["invoice"] == "" for it in rows)
            )  # fmt: skip
    for invoice in ("R-7", "R-8"):
        rows = await select(store, f"SELECT * FROM invoice_log WHERE invoice = '{invoice}'")
        log = await queries.invoices.log(invoice)
        assert (log is None) == (not rows)
        if log is not None:
            told = [event for sent in log.sent.items for one in sent.recipients for event in one.events]
            assert Counter(event.kind.capitalize() for event in told) == Counter(row["event"] for row in rows)
            assert log.counts.recipients == len({row["recipient_id"] for row in rows})
    everything = await select(store, "SELECT * FROM message_recipients")
    assert words(await queries.recipients.counts(Search())) == by_word(everything)
    for what in (By.DAY, By.DOMAIN):
        assert sum(line.counts.recipients for line in await queries.stats.by(what, Search())) == len(everything)
    stopped = await queries.stopped.suppressions()
    assert {it.suppression.address for it in stopped.items} == {
        row["address"] for row in await select(store, "SELECT address FROM suppressions")
    }
    events = await queries.events.oldest(Which(), limit=500)
    assert [it.position for it in events.items] == [
        row["position"] for row in await select(store, "SELECT position FROM events ORDER BY position LIMIT 500")
    ]


def empty(connection: Connection) -> None:
    for table in ("event", "open", "recipient", "message", "content", "suppression"):
        connection.exec_driver_sql(f'DELETE FROM "{table}"')


@hypothesis_settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=st.lists(MESSAGE, max_size=6))
def test_views_and_queries_agree(settings: StoreSettings, history: list[Any]) -> None:
    """Customer, recipients, overview, invoice log, suppressions and events: the same rows and the same counts."""

    async def run() -> None:
        clock = Clock(1_790_000_000.0)
        store = await open_store(settings, clock=clock, node_name="test", serving=True)
        try:
            await store._connection.run(empty)
            await live(store, clock, history)
            await agree(store)
        finally:
            await store.close()

    asyncio.run(run())
