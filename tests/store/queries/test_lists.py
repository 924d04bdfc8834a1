"""Lists, on a store with every status: the same rows as a search through what was written, page by page."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bench.seed_views import Rows
from store.nouns import Reason
from store.open import Store
from store.queries.events import Which
from store.queries.page import BadCursor, Page
from store.queries.search import Search
from store.queries.standing import FAILURES_FIRST, Standing, standing_of
from store.queries.stats import By
from store.queries.words import parse
from tests.conftest import Clock

DAY = 86_400.0


async def walk(turn: Callable[[str | None], Awaitable[Page[Any]]]) -> list[Any]:
    """Go through all pages."""
    items: list[Any] = []
    cursor: str | None = None
    while True:
        shown = await turn(cursor)
        items += shown.items
        if shown.next is None:
            return items
        cursor = shown.next


def standing(row: dict[str, Any]) -> str:
    return "unknown" if row["status"] == "delivered" and row["machine_opens"] else row["status"]


Fits = Callable[[dict[str, Any], dict[str, Any]], bool]


def of_message(fits: Callable[[dict[str, Any]], bool]) -> Fits:
    return lambda message, _: fits(message)


def of_recipient(fits: Callable[[dict[str, Any]], bool]) -> Fits:
    return lambda _, recipient: fits(recipient)


LINES: dict[str, Fits] = {
    "status:bounced": of_recipient(lambda it: standing(it) == "bounced"),
    "status:unknown status:opened": of_recipient(lambda it: standing(it) in ("unknown", "opened")),
    "to:@gmail.com": of_recipient(lambda it: it["address_key"].endswith("@gmail.com")),
    "domain:outlook.com status:delivered": of_recipient(
        lambda it: it["domain"] == "outlook.com" and standing(it) == "delivered"
    ),
    "reason:mailbox_full": of_recipient(lambda it: it["reason"] == "mailbox_full"),
    "tag:reminder": of_message(lambda it: it["tags"] == '["reminder"]'),
    "is:invoice to:maria": lambda m, r: m["invoice"] != "" and "maria" in r["address_key"],
    "NEWSLETTER": of_message(lambda it: "newsletter" in it["subject"].lower()),
    "Family fees": of_message(lambda it: "Family" in it["header_to"] and "fees" in it["subject"]),
    "subject:receipt from:OFFICE@": of_message(lambda it: "Receipt" in it["subject"]),
    "since:2026-06-01 until:2026-06-30": of_recipient(lambda it: 1_780_272_000 <= it["accepted_at"] < 1_782_864_000),
    "lopez status:bounced": lambda m, r: "lopez" in m["header_to"] + r["address_key"] and standing(r) == "bounced",
    "' OR 1=1 --": of_message(lambda it: "' OR 1=1 --" in it["subject"]),
    "_": of_message(lambda it: "_" in it["subject"]),
    "back\\slash": of_message(lambda it: "back\\slash" in it["subject"]),
    "%": of_message(lambda it: "%" in it["subject"]),
}


@pytest.mark.parametrize("line", LINES)
async def test_a_search_gives_what_fits(store: Store, seeded: Rows, line: str) -> None:
    """Recipients that fit, newest first; messages of which one recipient fits; the counts are of the same rows."""
    about = {row["id"]: row for row in seeded["message"]}
    typed = parse(line)
    assert typed.not_understood == ()
    fitting = [row for row in seeded["recipient"] if LINES[line](about[row["message_id"]], row)]
    rows = await walk(lambda cursor: store.queries.recipients.newest(typed.search, limit=200, cursor=cursor))
    assert [row.recipient_id for row in rows] == sorted((row["id"] for row in fitting), reverse=True)
    counts = await store.queries.recipients.counts(typed.search)
    assert counts.recipients == len(fitting)
    assert sum(counts.of(standing) for standing in Standing) == len(fitting)
    lines = await walk(lambda cursor: store.queries.messages.newest(typed.search, limit=100, cursor=cursor))
    wanted = {row["message_id"] for row in fitting}
    assert [it.message.message_id for it in lines] == sorted(wanted, reverse=True)


async def test_an_id_is_found(store: Store, seeded: Rows) -> None:
    """Whatever people have in hand: ids of message and recipient, Message-ID with its brackets, invoice, customer."""
    row = next(it for it in seeded["message"] if it["invoice"] and it["customer"])
    who = next(it for it in seeded["recipient"] if it["message_id"] == row["id"])
    for word in (str(row["id"]), str(who["id"]), f"<{row['header_message_id']}>", row["invoice"], who["forward_path"]):
        found = await store.queries.recipients.newest(parse(f'"{word}"').search, limit=500)
        assert who["id"] in {it.recipient_id for it in found.items}, word
        lines = await store.queries.messages.newest(parse(f'"{word}"').search, limit=500)
        assert row["id"] in {it.message.message_id for it in lines.items}, word


async def test_failures_come_first(store: Store, seeded: Rows) -> None:
    """The recipients of one message: what needs a person first, and page by page each of them once."""
    sizes: dict[int, int] = {}
    for row in seeded["recipient"]:
        sizes[row["message_id"]] = sizes.get(row["message_id"], 0) + 1
    message_id = max(sizes, key=lambda it: sizes[it])
    search = Search(message_id=message_id)
    rows = await walk(lambda cursor: store.queries.recipients.failures_first(search, limit=17, cursor=cursor))
    order = [(FAILURES_FIRST.index(standing_of(row)), row.recipient_id) for row in rows]
    assert order == sorted(order)
    assert len(rows) == sizes[message_id] > 17
    ids = await store.queries.recipients.ids(search, limit=1_000)
    assert ids == sorted(row.recipient_id for row in rows)
    assert [row.recipient_id for row in await store.queries.recipients.get(ids[:3])] == ids[:3]


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "9" * 19, "9" * 30, "²"])
async def test_a_bad_cursor_is_told(store: Store, cursor: str) -> None:
    """A cursor that no page gave raises, and reaches no database."""
    with pytest.raises(BadCursor):
        await store.queries.recipients.newest(Search(), cursor=cursor)
    with pytest.raises(BadCursor):
        await store.queries.messages.newest(Search(), cursor=cursor)
    with pytest.raises(BadCursor):
        await store.queries.recipients.failures_first(Search(), cursor=f"{cursor}.1")


async def test_customer_and_health(store: Store, seeded: Rows, clock: Clock) -> None:
    """A customer's view knows their addresses, what works, and the mail that stopped one."""
    stopped = seeded["suppression"][-1]
    view = await store.queries.customers.view(stopped["address"].upper(), search=Search(), now=clock())
    assert view is not None
    (health,) = view.addresses
    assert health.suppression is not None
    assert health.suppression.reason == stopped["reason"]
    assert health.cause is not None
    assert health.cause.recipient_id == stopped["caused_by"]
    mails = [row for row in seeded["recipient"] if row["address_key"] == stopped["address_key"]]
    assert (health.mails, health.bounced) == (len(mails), sum(row["status"] == "bounced" for row in mails))
    assert view.counts.recipients == len(mails)
    narrowed = await store.queries.customers.view(
        stopped["address"], search=Search(standings=(Standing.BOUNCED,)), now=clock()
    )
    assert narrowed is not None
    assert narrowed.counts == view.counts
    assert len(narrowed.rows.items) == health.bounced
    assert await store.queries.customers.view("nobody@example.org", search=Search(), now=clock()) is None
    assert await store.queries.customers.address(stopped["address"], now=clock()) == health


async def test_customers_are_found(store: Store, seeded: Rows, clock: Clock) -> None:
    """Addresses, the one written to last first, each once, page by page."""
    find = store.queries.customers.find
    found = await walk(lambda cursor: find(Search(to=("maria",)), now=clock(), limit=7, cursor=cursor))
    keys = {row["address_key"]: row["id"] for row in seeded["recipient"] if "maria" in row["address_key"]}
    assert [it.address_key for it in found] == sorted(keys, key=lambda it: -keys[it])


async def test_what_to_chase(store: Store, seeded: Rows, clock: Clock) -> None:
    """Sent before then and opened by nobody; or delivered to nobody, at once. Once opened, or a day old, it is out."""
    sent_before = clock() - 7 * DAY
    by_invoice: dict[str, list[dict[str, Any]]] = {}
    for row in seeded["message"]:
        if row["invoice"]:
            by_invoice.setdefault(row["invoice"], []).append(row)
    wanted = []
    for invoice, mails in by_invoice.items():
        ids = {row["id"] for row in mails}
        statuses = {row["status"] for row in seeded["recipient"] if row["message_id"] in ids}
        late = min(row["accepted_at"] for row in mails) < sent_before - 1
        if "opened" not in statuses and (late or not statuses & {"delivered", "sending"}):
            wanted.append((min(ids), invoice))
    lines = await walk(lambda cursor: store.queries.chase.invoices(sent_before=sent_before, limit=9, cursor=cursor))
    assert [it.invoice for it in lines] == [invoice for _, invoice in sorted(wanted, reverse=True)]
    assert all(it.counts.opened == 0 and it.recipients and it.mails == len(by_invoice[it.invoice]) for it in lines)


async def test_today(store: Store, seeded: Rows, clock: Clock) -> None:
    """What was sent since a time, what failed of it, and what waits too long."""
    since = clock() - 90 * DAY
    lately = [row for row in seeded["recipient"] if row["accepted_at"] > since + 0.01]
    sent = await store.queries.today.sent(since)
    assert (sent.messages, sent.counts.recipients) == (len({row["message_id"] for row in lately}), len(lately))
    failed = await walk(lambda cursor: store.queries.today.failed(since, limit=5, cursor=cursor))
    assert {it.recipient_id for it in failed} == {
        row["id"] for row in lately if row["status"] in ("bounced", "not_delivered")
    }
    waiting = {row["id"] for row in seeded["recipient"] if row["status"] == "sending"}
    delayed = await store.queries.today.delayed(clock() + 1)
    assert {it.recipient_id for it in delayed.items} == waiting
    assert await store.queries.today.delayed_count(clock() + 1) == len(waiting)
    assert (await store.queries.today.delayed(clock() - 400 * DAY)).items == ()


async def test_events_are_listed(store: Store, seeded: Rows) -> None:
    """By kind, reason, recipient, message; up and down; page by page."""
    who = next(row for row in seeded["recipient"] if row["status"] == "opened")
    mine = [it for it in seeded["event"] if it["recipient_id"] == who["id"]]
    about = await store.queries.events.oldest(Which(recipient_id=who["id"]))
    assert [it.event.kind for it in about.items] == [it["kind"] for it in mine]
    of_message = await store.queries.events.newest(Which(about=Search(message_id=who["message_id"])), limit=500)
    assert {it.event.recipient_id for it in of_message.items} == {
        row["id"] for row in seeded["recipient"] if row["message_id"] == who["message_id"]
    }
    full = Which(kinds=("bounced",), reasons=(Reason.MAILBOX_FULL,))
    up = await walk(lambda cursor: store.queries.events.oldest(full, limit=2, cursor=cursor))
    down = await walk(lambda cursor: store.queries.events.newest(full, limit=2, cursor=cursor))
    assert [it.position for it in up] == [it.position for it in reversed(down)]
    assert len(up) == sum(it["kind"] == "bounced" and it["reason"] == "mailbox_full" for it in seeded["event"])
    at = mine[-1]["at"]
    spanned = await store.queries.events.oldest(Which(recipient_id=who["id"], since=at, until=at + 1))
    assert [it.event.at for it in spanned.items] == [at]
    gmail = await store.queries.events.newest(Which(about=Search(to=("@gmail.com",))), limit=500)
    assert {it.forward_path.partition("@")[2] for it in gmail.items} == {"gmail.com"}


async def test_stats(store: Store, seeded: Rows) -> None:
    """Each line counts its own rows: by day, domain, reason and tag."""
    recipients, about = seeded["recipient"], {row["id"]: row for row in seeded["message"]}
    domains = {line.key: line.counts for line in await store.queries.stats.by(By.DOMAIN, Search())}
    for domain, counts in domains.items():
        theirs = [row for row in recipients if row["domain"] == domain]
        assert (counts.recipients, counts.opened) == (len(theirs), sum(row["status"] == "opened" for row in theirs))
    days = await store.queries.stats.by(By.DAY, Search())
    assert [line.key for line in days] == sorted(line.key for line in days)
    assert sum(line.counts.recipients for line in days) == len(recipients)
    reasons = {line.key: line.counts.recipients for line in await store.queries.stats.by(By.REASON, Search())}
    assert reasons["mailbox_full"] == sum(row["reason"] == "mailbox_full" for row in recipients)
    tags = {line.key: line.counts.recipients for line in await store.queries.stats.by(By.TAG, Search())}
    assert tags == {"reminder": sum(about[row["message_id"]]["tags"] == '["reminder"]' for row in recipients)}


async def test_suppressions_and_opt_outs_are_found(store: Store, seeded: Rows) -> None:
    """By a part of the address or the note, by reason; with the mail that caused each."""
    await store.opens.opt_out("Ann@Example.org")
    await store.suppressions.add("by-hand@example.org", note="asked on the phone")
    everything = await walk(lambda cursor: store.queries.stopped.suppressions(limit=4, cursor=cursor))
    keys = {row["address_key"] for row in seeded["suppression"]} | {"by-hand@example.org"}
    assert [it.suppression.address_key for it in everything] == sorted(keys)
    caused = {it.suppression.address_key: it for it in everything}
    last = seeded["suppression"][-1]
    assert caused[last["address_key"]].subject
    assert caused[last["address_key"]].reply.startswith("550")
    (found,) = (await store.queries.stopped.suppressions(text="PHONE")).items
    assert (found.suppression.address, found.message_id) == ("by-hand@example.org", None)
    by_reason = await store.queries.stopped.by_reason()
    full = await store.queries.stopped.suppressions(reasons=(Reason.MAILBOX_FULL,), limit=500)
    assert by_reason[Reason.MAILBOX_FULL] == len(full.items)
    assert [it.address_key for it in (await store.queries.stopped.opt_outs(text="ANN")).items] == ["ann@example.org"]
    assert (await store.queries.stopped.opt_outs(text="bob")).items == ()


async def test_sizes(store: Store, seeded: Rows, clock: Clock) -> None:
    """Rows, octets, and what a day brings."""
    sizes = await store.queries.sizes.now(clock())
    assert sizes.rows["messages"] == len(seeded["message"])
    assert sizes.database_octets > 100_000
    assert sizes.contents_octets == 0
    week = [row for row in seeded["message"] if row["accepted_at"] >= clock() - 7 * DAY]
    assert sizes.octets_a_day == pytest.approx(sum(row["size"] for row in week) / 7)
