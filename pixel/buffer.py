"""
Opens on their way from the server to the store: a bounded buffer, judged and written in batches.

The pixel's answer never waits for the store. A load is judged when its batch is written: only then it is known when
the receiver took the mail. A load that overtook this waits a few seconds for it. While the store cannot be written the
loads wait here, up to a bound; what does not fit is lost and counted, and the log says how many.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from pixel.client import NOBODY, Describe
from pixel.judge import BOOK, Judge
from pixel.signals import SENDER_IS_RECIPIENT, Memory, Sighting
from store.errors import StoreUnavailable
from store.nouns import Open, Verdict
from store.open_facts import NOT_YET, OpenFacts

BATCH_PAUSE = 0.2  # seconds between batches; an open shows up no later than that
RETRY_PAUSE = 2.0  # seconds between tries while the store cannot be written
BATCH = 1_000  # opens in one transaction, so that mail never waits long for it
# In a flood, when as many wait: fewer syncs, or a slow disk would decide how many opens are kept. No more, for mail
# waits for it: a load costs the store's thread some 20 microseconds.
MAX_BATCH = 2_000
SLICE = 250  # opens that are crossed off in one turn of the event loop: an answer waits for no more than that
PATIENCE = 5.0  # seconds that a load waits for the 250 of its mail to be committed
_COUNTED = 10_000  # loads that are only counted, remembered for the window of one view
MAX_HOLD = 0.018  # seconds: with it an answer is still there within twenty milliseconds (P5)
_FRESH = 2.0  # seconds since the last batch was written, in which the store counts as healthy
MAX_WAITING_OF_ONE = 100  # opens of one recipient that wait at once: one pixel in a loop must not fill the buffer

_Same = tuple[int, str, str, str]  # recipient, method, address, agent: the first four of a Sighting


class Opens(Protocol):
    """Where opens are written: ``store.opens``."""

    async def judge_and_record(
        self,
        recipient_ids: Sequence[int],
        judge: Callable[[Mapping[int, OpenFacts]], Sequence[Open]],
        *,
        view_window: float,
    ) -> int:
        """
        Have loads judged, maybe more than once, by what is known of their recipients, and write what ``judge`` gives.

        One transaction; loads within ``view_window`` seconds are one view; StoreUnavailable: not now.
        """
        ...


class OpenBuffer:
    """
    Opens that wait to be written.

    What it counts, for as long as the process lives: ``recorded`` opens were given to the store; ``repeated`` ones were
    the same as one that was waiting, within the window of one view; ``dropped`` ones found no room; ``failed`` ones the
    store refused, for a fault of ours.
    """

    def __init__(
        self,
        opens: Opens,
        room: int,
        view_window: float,
        log: logging.Logger,
        *,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        describe: Describe | None = None,
    ) -> None:
        """
        Build an empty buffer.

        At most ``room`` opens wait; loads within ``view_window`` seconds are one view; ``describe`` tells what people
        read with, for recipients in tracking mode ``full``.
        """
        self._describe = describe
        self._judge = Judge(BOOK.rules)
        self._memory = Memory()
        self._clock = clock
        self._counted: OrderedDict[_Same, float] = OrderedDict()  # last loads that are only counted
        self._early: list[Sighting] = []  # of the last batch: their mails had no 250 yet
        self._opens = opens
        self._room = room
        self._half = room // 2
        self._view_window = view_window
        self._log = log
        self._pause = pause
        self._waiting: list[Sighting] = []
        self._of_one: dict[int, int] = {}
        self._first_at: dict[_Same, float] = {}
        self._some = asyncio.Event()
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._dropped_told = 0
        self._well_at = float("-inf")  # when the store wrote last, or when it had nothing to write
        self.recorded = 0
        self.repeated = 0
        self.dropped = 0
        self.failed = 0

    @property
    def waiting(self) -> int:
        """How many opens wait now."""
        return len(self._waiting) + len(self._early)

    @property
    def hold(self) -> float:
        """
        How many seconds a client that was just answered may be let wait before its next request is read.

        0 as long as less than half of the room is taken, and always while the store cannot be written: then waiting
        would help nobody. In between it keeps a flood from being faster than the store, which would lose opens.
        """
        waiting = len(self._waiting) + len(self._early)
        if waiting <= self._half or self._clock() - self._well_at > _FRESH:
            return 0.0
        return min(1.0, 2.0 * waiting / self._room - 1.0) * MAX_HOLD

    def add(self, sighting: Sighting) -> None:
        """Take one load, or count why not. Never waits."""
        same = sighting[:4]
        first_at = self._first_at.get(same)
        of_one = self._of_one.get(sighting.recipient_id, 0)
        if first_at is not None and sighting.at - first_at < self._view_window:
            self.repeated += 1
        elif len(self._waiting) + len(self._early) >= self._room or of_one >= MAX_WAITING_OF_ONE:
            self.dropped += 1
        else:
            self._first_at[same] = sighting.at
            self._of_one[sighting.recipient_id] = of_one + 1
            self._waiting.append(sighting)
            if not self._some.is_set():
                self._some.set()
                self._well_at = sighting.at

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="pixel: write opens")

    async def stop(self, grace: float) -> None:
        """
        Write what waits. What is left once the store has written nothing for ``grace`` seconds is counted as dropped.

        A store that is slow and writes all the same loses nothing: the time begins anew with each batch.
        """
        now = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(grace) as limit:
                async with (
                    self._writing
                ):  # a batch under way ends first: written and not crossed off, it would count twice
                    self._end()
                self._recall()
                while self._waiting:
                    limit.reschedule(now() + grace)
                    await self._write_batch(last=True)
        except (StoreUnavailable, TimeoutError):
            self._recall()
            self.dropped += len(self._waiting)
            self._forget(self._waiting)
            self._waiting.clear()
        finally:
            self._end()
        self._tell_dropped()

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            await self._pause(BATCH_PAUSE)
            self._recall()
            try:
                await self._write_batch()
                while len(self._waiting) >= BATCH:
                    await self._write_batch()
            except StoreUnavailable:
                await self._pause(RETRY_PAUSE)
            self._tell_dropped()

    async def _write_batch(self, *, last: bool = False) -> None:
        """
        Judge and write the oldest loads. They leave the buffer only when they are written, or can never be.

        Loads whose mails have no 250 yet are put aside, unless this is the ``last`` chance.
        """
        async with self._writing:
            batch = self._waiting[: min(MAX_BATCH, max(BATCH, len(self._waiting) // 2))]
            try:
                ready, early = await self._write(batch, last=last)
            except StoreUnavailable:
                raise
            except Exception:  # noqa: BLE001 - the writer must outlive every fault of ours
                self._log.exception("opens could not be written together; trying each by itself")
                await self._write_each(len(batch))
            else:
                self._well_at = self._clock()
                self.recorded += len(ready)
                self._early += early
                self._cross_off(len(batch))
                for begin in range(0, len(ready), SLICE):
                    if begin:
                        await asyncio.sleep(0)
                    self._forget(ready[begin : begin + SLICE])

    async def _write(self, batch: Sequence[Sighting], *, last: bool) -> tuple[list[Sighting], list[Sighting]]:
        """Judge and write a batch; give what was written and what was too early."""
        now = self._clock()
        ready: list[Sighting] = []
        early: list[Sighting] = []

        def judge(facts: Mapping[int, OpenFacts]) -> list[Open]:
            """See what loads have to do with one another, then judge each. In the writer's thread."""
            ready.clear()
            early.clear()
            known: list[tuple[Sighting, OpenFacts | None, float | None]] = []
            for it in batch:
                its, seconds = facts.get(it.recipient_id), None
                if its is not None:
                    seconds = its.seconds_since_delivery(it.at)
                    if seconds == NOT_YET:
                        # The 250 may be on its way into the store; a clock that jumped back is no reason to wait.
                        if last:
                            seconds = None
                        elif 0 <= now - it.at < PATIENCE:
                            early.append(it)
                            continue
                    self._memory.note(it, its.message_id)
                ready.append(it)
                known.append((it, its, seconds))
            return [self._open(it, its, seconds) for it, its, seconds in known if its is not None or self._is_view(it)]

        await self._opens.judge_and_record([it.recipient_id for it in batch], judge, view_window=self._view_window)
        return ready, early

    def _open(self, it: Sighting, its: OpenFacts | None, seconds: float | None) -> Open:
        recipient_id, method, address, agent, at, networks, signals = it
        if its is not None:
            signals = signals | self._memory.signals(it, its.message_id)
            if its.sender_is_recipient:
                signals |= {SENDER_IS_RECIPIENT}
        verdict, rule = self._judge.judge_parts(agent, method, networks, seconds, signals)
        client = NOBODY
        # A provider's proxy says nothing of who displays the mail behind it.
        if self._describe is not None and its is not None and its.full and verdict is Verdict.PERSON:
            client = self._describe(agent, address)
        return Open(recipient_id, at, verdict, rule, address, agent, *client)

    def _is_view(self, it: Sighting) -> bool:
        """Whether a load that the store cannot tell from others, for it knows no recipient, is a view of its own."""
        same = it[:4]
        seen = self._counted.get(same)
        if seen is not None and 0 < it.at - seen < self._view_window:
            return False
        self._counted[same] = it.at
        self._counted.move_to_end(same)
        if len(self._counted) > _COUNTED:
            self._counted.popitem(last=False)
        return True

    async def _write_each(self, count: int) -> None:
        """One load that the store chokes on must not take the others with it."""
        for _ in range(count):
            it = self._waiting[0]
            try:
                await self._write([it], last=True)
            except StoreUnavailable:
                raise
            except Exception:  # noqa: BLE001 - as above
                self.failed += 1
                self._log.exception("open of recipient %d could not be written", it.recipient_id)
            else:
                self.recorded += 1
            self._forget([it])
            self._cross_off(1)

    def _recall(self) -> None:
        """Put those that were too early in front again."""
        self._waiting[:0] = self._early
        self._early.clear()

    def _cross_off(self, count: int) -> None:
        del self._waiting[:count]
        if not self.waiting:
            self._some.clear()

    def _forget(self, done: Sequence[Sighting]) -> None:
        for sighting in done:
            self._first_at.pop(sighting[:4], None)
            left = self._of_one.pop(sighting.recipient_id) - 1
            if left:
                self._of_one[sighting.recipient_id] = left

    def _tell_dropped(self) -> None:
        if self.dropped > self._dropped_told:
            lost = self.dropped - self._dropped_told
            self._log.warning("%d opens were lost: there was no room left for opens that wait to be written", lost)
            self._dropped_told = self.dropped
