"""From attempts and reports to changes: what is asked of the store, in which order, and what a fault leaves."""

import asyncio

import pytest

from bounce.consequence import Consequence
from store.errors import StoreUnavailable
from store.nouns import Phase, RecipientStatus
from tests.bounce.facts import DELIVERED, NOW, OPENED, SENDING, attempt, entry, report
from tests.bounce.remembered import Remembered

RAW = b"From: MAILER-DAEMON\r\n\r\nUser unknown\r\n" + b"x" * 100
BOUNCE = report(entry())


def made(facts: object = DELIVERED, raw_copy: int = 64) -> tuple[Consequence, Remembered]:
    store = Remembered({7: facts})  # type: ignore[dict-item] - always RecipientFacts
    return Consequence(store, store, raw_copy=raw_copy), store


async def test_an_attempt_is_classified_and_settled() -> None:
    """One call to the store for each outcome: status, event and suppression together."""
    consequence, store = made(SENDING)
    change = await consequence.of_attempt(attempt("550 5.1.1 User unknown"), NOW + 60)
    assert change is not None
    assert (change.status, change.suppress is not None) == (RecipientStatus.BOUNCED, True)
    assert store.calls == {"settle": 1}


@pytest.mark.parametrize(
    ("tried", "asks"),
    [
        (attempt("250 2.0.0 Ok", Phase.END_OF_DATA), False),
        (attempt("450 4.2.0 Greylisted"), False),
        (attempt("452 4.2.2 Mailbox full"), True),
        (attempt("550 5.1.1 User unknown"), True),
    ],
    ids=str,
)
async def test_history_is_read_only_where_it_decides(tried: object, asks: bool) -> None:  # noqa: FBT001
    """Deliveries and deferrals are the bulk: they do not pay for it."""
    consequence, store = made(SENDING)
    await consequence.of_attempt(tried, NOW + 60)  # type: ignore[arg-type] - an Attempt
    assert store.asked_history == [asks]


async def test_a_report_is_settled_and_then_kept() -> None:
    """The raw copy is cut to its cap; its kind counts as a failure report."""
    consequence, store = made()
    change = await consequence.of_report(7, BOUNCE, RAW, NOW)
    assert change is not None
    assert store.facts[7].status is RecipientStatus.BOUNCED
    assert store.kept == [(7, NOW, "bounce", RAW[:64])]


async def test_b9_the_same_report_again_is_counted_and_changes_nothing() -> None:
    """B9: also where many come at the same time; its bytes are kept once."""
    consequence, store = made()
    changes = await asyncio.gather(*(consequence.of_report(7, BOUNCE, RAW, NOW + n) for n in range(100)))
    assert sum(change is not None for change in changes) == 1
    assert len(store.kept) == 100
    assert [raw for _, _, kind, raw in store.kept if kind == "bounce"] == [RAW[:64]]
    assert {raw for _, _, kind, raw in store.kept if kind == "repeated"} == {b""}


async def test_b8_the_same_report_again_is_no_second_report() -> None:
    """B8: it takes another report to suppress what was opened; a copy of the first is none."""
    consequence, store = made(OPENED)
    await consequence.of_report(7, BOUNCE, RAW, NOW)
    await consequence.of_report(7, BOUNCE, RAW, NOW + 1)
    assert [change.suppress for change in store.changes] == [None]
    second = await consequence.of_report(7, BOUNCE, b"Another\r\n" + RAW, NOW + 2)
    assert second is not None
    assert second.suppress is not None


@pytest.mark.parametrize("failing", ["holds", "settle", "keep"])
async def test_a_fault_of_the_store_leaves_nothing_half_done(failing: str) -> None:
    """It is raised, so that the other side sends again; then all is as if nothing had been."""
    consequence, store = made()
    store.failing = failing
    with pytest.raises(StoreUnavailable):
        await consequence.of_report(7, BOUNCE, RAW, NOW)
    assert store.kept == []
    store.failing = ""
    await consequence.of_report(7, BOUNCE, RAW, NOW)
    assert len(store.changes) == len(store.kept) == 1
    assert store.facts[7].status is RecipientStatus.BOUNCED


async def test_a_recipient_that_is_gone_keeps_nothing() -> None:
    """Retention may take the recipient between RCPT and the report."""
    consequence, store = made()
    assert await consequence.of_report(8, BOUNCE, RAW, NOW) is None
    assert store.kept == []


async def test_b4_what_has_a_sender_is_kept_as_no_bounce() -> None:
    """B4: so that it does not count as a failure report later."""
    consequence, store = made()
    assert await consequence.of_report(7, BOUNCE, RAW, NOW, null_reverse_path=False) is None
    assert [kind for _, _, kind, _ in store.kept] == ["reply"]


async def test_a_report_that_is_good_news_for_ours_is_kept_as_such() -> None:
    """A report of several recipients is kept under what it says of ours."""
    consequence, store = made()
    mixed = report(entry(address="b@other.example"), entry(action="expanded"))
    assert await consequence.of_report(7, mixed, RAW, NOW) is None
    assert [kind for _, _, kind, _ in store.kept] == ["not-a-bounce"]
