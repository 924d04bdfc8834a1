"""
What goes on beside the mail: taking over from nodes that died, keeping within the retention, writing the log.

Each is a loop that ends when it is cancelled. Trouble of the store is logged once and tried again; it ends no loop.
"""

import asyncio
from collections.abc import Awaitable, Callable
from logging import Logger

from relay.submission.certificate import CertificateFiles
from store.errors import StoreError
from store.journal_record import EventRecord
from store.open import Store

SWEEP_SECONDS = 3600.0
CERTIFICATE_SECONDS = 30.0
GATHER_SECONDS = 0.1  # that a line of the log may wait for others, which are written together


async def take_over_lapsed(store: Store, *, every: float, wake: Callable[[], None], log: Logger) -> None:
    """Return to the queue what nodes held that are not heard of any more (promise 3), and wake the delivery."""

    async def once() -> None:
        released = await store.queue.release_lapsed()
        if released:
            log.warning("%d recipients taken over from a node that is gone", released)
            wake()

    await _repeat(once, every, log, "taking over")


async def keep_swept(store: Store, *, clock: Callable[[], float], log: Logger) -> None:
    """Delete what is past its retention (promise 9)."""

    async def once() -> None:
        await store.retention.sweep(clock())

    await _repeat(once, SWEEP_SECONDS, log, "the retention sweep")


async def follow_journal(store: Store, *, log: Logger, write: Callable[[list[EventRecord]], None]) -> None:
    """Write each event to the log as it is committed, from now on: ``relay/log.py`` makes the lines, many at once."""
    position: int | None = None

    async def once() -> None:
        nonlocal position
        async for records in store.journal.pages(position, gather=GATHER_SECONDS):
            position = records[-1].position
            write(records)

    await _repeat(once, 1.0, log, "following the journal")


async def keep_fresh(certificate: CertificateFiles) -> None:
    """Take up a new certificate without a restart."""
    while True:
        await asyncio.sleep(CERTIFICATE_SECONDS)
        await asyncio.to_thread(certificate.refresh)


async def _repeat(once: Callable[[], Awaitable[None]], every: float, log: Logger, what: str) -> None:
    failing = False
    while True:
        try:
            await once()
            failing = False
        except StoreError as error:
            if not failing:
                log.error("%s waits for the store: %s", what, error)  # noqa: TRY400  one line: the store said why
            failing = True
        await asyncio.sleep(every)
