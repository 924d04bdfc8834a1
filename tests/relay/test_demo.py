"""relay/demo.py: the whole world, eight times as fast."""

import asyncio
import io

from rich.console import Console

from relay.demo import demo_world, show
from relay.demo_tally import Tally
from store.nouns import Reason, RecipientStatus
from store.reasons import text as reason_text

MAILS = 60


async def test_every_status_is_seen() -> None:
    """All mails settle, every status and the seed's reasons show up, reactions arrive, and it ends by itself."""
    tally = Tally()
    console = Console(file=io.StringIO(), width=140)
    async with demo_world(MAILS, speed=8.0) as world:
        await show(world, tally, console, asyncio.Event(), MAILS)
        assert (world.sandbox.failed, world.sandbox.pending) == (0, 0)
    assert tally.total == MAILS
    counts = tally.counts()
    assert counts[RecipientStatus.SENDING] == 0
    assert all(counts[status] for status in RecipientStatus if status is not RecipientStatus.SENDING)
    shown = {row.why for row in tally.summary()}
    for reason in (
        Reason.NO_SUCH_USER,
        Reason.MAILBOX_FULL,
        Reason.MESSAGE_TOO_LARGE,
        Reason.ACCOUNT_DISABLED,
        Reason.ADDRESS_INVALID,
        Reason.DOMAIN_NOT_FOUND,
        Reason.SUPPRESSED,
    ):
        assert reason_text(reason).sentence in shown
    assert any("cannot be known" in why for why in shown)
    assert any("Deferred at first" in row.why for row in tally.summary())


async def test_ends_when_it_is_told_to() -> None:
    """Ctrl-C in the middle: the sending stops, the summary comes, everything is stopped."""
    stop = asyncio.Event()
    tally = Tally()
    console = Console(file=io.StringIO(), width=140)
    async with demo_world(MAILS, speed=1.0) as world:
        showing = asyncio.create_task(show(world, tally, console, stop, MAILS))
        async for record in world.relay.store.journal.follow(0):
            if record.event.kind == "delivered":
                break
        stop.set()
        await showing
    assert 0 < tally.total < MAILS
    assert "What became of the mails" in console.file.getvalue()  # type: ignore[attr-defined]
