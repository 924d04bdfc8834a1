"""
Carries recipients from the queue to their outcome.

Jobs come by ``offer`` (own-held, with their content) and by claims (read from the store). Each waits in the lane of its
destination until a connection is free for it (``serving.py``). How each attempt ended is settled in the background,
and a job is in hand until the store has its outcome.
"""

# What always holds. tests/relay/delivery/test_worker.py tests each by its number.
# (1) A job in hand is in one place: looked up, waiting in one lane, with one courier, or being settled.
# (2) A job leaves our hand only by a settled outcome or by being given back to the store.
# (3) The final dot is sent only after queue.mark_dot returned; where it raises, nothing is delivered.
# (4) While an outcome cannot be written, no new delivery begins.
# (5) No exception ends a courier's lane or the claim loop.

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from relay.delivery.attempts import from_finding, from_mistake
from relay.delivery.carrier import Carrier
from relay.delivery.envelope import Finding, checked_path
from relay.delivery.hand import Hand
from relay.delivery.lane import Lane
from relay.delivery.lanes import LANE_FULL
from relay.delivery.pool import Pool
from relay.delivery.ports import Consequence, Contents, Keep, Queue, Routes, Sign, forget, unsigned
from relay.delivery.route import Destination, NoRoute, next_hop
from relay.delivery.serving import Serving
from relay.delivery.settling import Settling
from relay.delivery.shelf import Shelf
from relay.delivery.turns import FOR_FRESH_MAIL
from relay.settings import DeliverySettings
from store.errors import StoreUnavailable
from store.nouns import Job, Phase

MOST_OFFERED = 16_000  # jobs in hand, above which own-held ones are given back to the store
MOST_IN_HAND = 20_000
CROWDED = 4_000  # jobs in hand, above which a group that has LANE_FULL waiting takes no more: the others need the room
CLAIM_BELOW = 2_000  # jobs in hand, below which more are claimed
BATCH = 500  # claimed at once
POLL = 2.0  # seconds; another process may have made something due

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class LookingUp:
    """Jobs that wait for their destination."""

    jobs: list[Job]
    fresh: bool  # all of them came from applications a moment ago


class Delivery:
    """
    The delivering part of one process.

    Args:
        queue: Claims, marks, gives back (``store.queue``).
        contents: Reads contents (``store.contents``).
        routes: Finds destinations (``route.Routes``).
        pool: Connections.
        outgoing: ``outgoing(job, content, seven_bit)`` gives the copy for one recipient: pure, and the same bytes each
            time. ``seven_bit``: the other side takes no 8-bit text (RFC 6152), so parts that have it are re-encoded.
        return_path: Our return path for a recipient. It is not used where the reverse-path is null: such a
            mail is itself a notification and leaves with ``MAIL FROM:<>``.
        consequence: Settles attempts (``bounce.consequence``).
        clock: Unix seconds, UTC.
        random: 0.0 up to 1.0.
        settings: ``[relay.delivery]``.
        sign: Signs a copy, as the last thing done to it, without keeping the loop; the same bytes each time.
        keep: Keeps what was said in each attempt.
        workers: How many processes share the limits of destinations.
    """

    def __init__(  # noqa: PLR0913  each is a part that relay/serve.py builds
        self,
        *,
        queue: Queue,
        contents: Contents,
        routes: Routes,
        pool: Pool,
        outgoing: Callable[[Job, bytes, bool], bytes],
        return_path: Callable[[Job], str],
        consequence: Consequence,
        clock: Callable[[], float],
        random: Callable[[], float],
        settings: DeliverySettings,
        sign: Sign = unsigned,
        keep: Keep = forget,
        workers: int = 1,
    ) -> None:
        self._queue = queue
        self._routes = routes
        self._pool = pool
        self._clock = clock
        shelf = Shelf(contents)
        self._settling = Settling(most=max(16, 2 * settings.connections), on_change=self._pause_changed)
        self._hand = Hand(
            queue=queue,
            consequence=consequence,
            shelf=shelf,
            settling=self._settling,
            keep=keep,
            settings=settings,
            random=random,
            on_less=self._hand_is_less,
        )
        carrier = Carrier(
            queue=queue,
            shelf=shelf,
            hand=self._hand,
            settling=self._settling,
            pool=pool,
            outgoing=outgoing,
            sign=sign,
            return_path=return_path,
            clock=clock,
            settings=settings,
        )
        self._carrier = carrier
        self._serving = Serving(
            carrier=carrier,
            hand=self._hand,
            settling=self._settling,
            pool=pool,
            clock=clock,
            settings=settings,
            workers=workers,
        )
        self._looking_up: dict[str, LookingUp] = {}  # by domain
        self._look_ups: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._stopping = False

    # What others call.

    def measure_attempts(self, told: Callable[[float], None]) -> None:
        """Tell ``told`` from now on how many seconds each attempt took."""
        self._carrier.measure = told

    @property
    def in_hand(self) -> int:
        """Jobs that are not settled or given back."""
        return len(self._hand)

    @property
    def paused(self) -> bool:
        """Whether the store cannot be written, so that nothing is delivered."""
        return self._settling.paused

    def offer(self, jobs: Sequence[Job], content: bytes | None) -> None:
        """Take own-held jobs of one message, with its content where it is at hand. Never blocks, never raises."""
        room = 0 if self._stopping else max(0, MOST_OFFERED - len(self._hand))
        self._take(jobs[:room], content, fresh=True)
        self._hand.refuse(jobs[room:])

    def wake(self) -> None:
        """Look into the store now: something may have become due."""
        self._woken.set()

    async def quiet(self) -> None:
        """Wait until no job is in hand."""
        await self._hand.empty()

    async def run(self) -> None:
        """Claim what is due, until ``stop``."""
        while not self._stopping:
            self._woken.clear()
            try:
                async with self._claiming:
                    wait = await self._claim()
            except StoreUnavailable as error:
                _log.debug("nothing can be claimed: %s", error)
                wait = POLL
            except Exception:  # noqa: BLE001 - logged; law 5
                _log.exception("claiming failed")
                wait = POLL
            if wait > 0:
                await _first_of(self._woken, wait)
            else:
                await asyncio.sleep(0)

    async def stop(self, grace: float) -> None:
        """
        End: nothing new; what is not behind its final dot is broken off and given back; what is gets ``grace`` seconds.

        Returns when every job is settled or given back, or when the store did not take it within ``grace`` seconds more
        (then its claim ends with this process, promise 3).
        """
        self._stopping = True
        self._woken.set()
        async with self._claiming:  # what is being claimed is given back before all else ends
            pass
        for look_up in self._look_ups:
            look_up.cancel()
        self._looking_up.clear()
        await self._serving.stop(grace)
        await asyncio.gather(*self._look_ups, return_exceptions=True)
        self._hand.give_back(self._hand.staying)
        lost = await self._settling.drain(max(grace, 1.0))
        if lost:
            _log.error("%d outcomes could not be written before the end", lost)
        await self._pool.close()

    # Taking jobs in hand.

    async def _claim(self) -> float:
        """Claim once if there is anything to claim and room for it. Seconds to wait until the next look."""
        if self._settling.paused or self._movable() >= CLAIM_BELOW or len(self._hand) >= MOST_IN_HAND:
            return POLL
        due_at = await self._queue.next_due_at()
        now = self._clock()
        if due_at is None or due_at > now:
            return POLL if due_at is None else min(POLL, due_at - now)
        jobs = await self._queue.claim_due(BATCH, exclude_domains=self._full_domains())
        if self._stopping:
            self._hand.refuse(jobs)
            return POLL
        self._take(jobs, None, fresh=False)
        return 0.0 if jobs else POLL  # what is left due belongs to full lanes

    def _movable(self) -> int:
        """Jobs in hand that do not wait behind many of their group: those must not keep others from being claimed."""
        return len(self._hand) - self._serving.lanes.full_domains(LANE_FULL)[1]

    def _full_domains(self) -> set[str]:
        """Domains that have enough jobs in hand."""
        full = {domain for domain, waiting in self._looking_up.items() if len(waiting.jobs) >= LANE_FULL}
        return (full | self._serving.lanes.full_domains(LANE_FULL)[0]) - {""}  # address literals have no domain

    def _take(self, jobs: Iterable[Job], content: bytes | None, *, fresh: bool) -> None:
        """Take jobs in hand. ``fresh``: an application has just handed them over."""
        if len(self._hand) >= CROWDED:
            full = self._full_domains()
            jobs = list(jobs)
            self._hand.refuse([job for job in jobs if job.domain in full])
            jobs = [job for job in jobs if job.domain not in full]
        lanes: dict[str, Lane] = {}
        for job in self._hand.take(jobs, content):
            lane = self._to_lane(job, fresh=fresh)
            if lane is not None:
                lanes[lane.key] = lane
        for lane in lanes.values():
            self._serving.serve(lane)

    def _to_lane(self, job: Job, *, fresh: bool) -> Lane | None:
        """Put a job into the lane of its destination; None when that must be looked up first."""
        path = checked_path(job)
        if isinstance(path, Finding):
            self._hand.settle(job, from_finding(job, path, at=self._clock(), phase=Phase.CHECK))
            return None
        domain = next_hop(job)
        known = self._routes.known(domain)
        if known is not None:
            lane = self._serving.lane(known, domain)
            lane.put((job,), fresh=fresh)
            if job.asked:
                lane.asked()
            return lane
        waiting = self._looking_up.get(domain)
        if waiting is not None:
            waiting.jobs.append(job)
            waiting.fresh &= fresh
            return None
        self._looking_up[domain] = LookingUp([job], fresh)
        task = asyncio.get_running_loop().create_task(self._look_up(domain, fresh=fresh))
        self._look_ups.add(task)
        task.add_done_callback(self._look_ups.discard)
        return None

    async def _look_up(self, domain: str, *, fresh: bool) -> None:
        FOR_FRESH_MAIL.set(fresh)
        found: Destination | NoRoute | Exception
        try:
            found = await self._routes.find(domain)
        except Exception as error:  # noqa: BLE001 - logged; law 5
            _log.exception("the look-up of %s failed for a fault of ours", domain)
            found = error
        waiting = self._looking_up.pop(domain, None)
        if waiting is None:  # we are stopping
            return
        if isinstance(found, Destination):
            lane = self._serving.lane(found, domain)
            lane.put(waiting.jobs, fresh=waiting.fresh)
            self._serving.serve(lane)
            return
        for job in waiting.jobs:
            if isinstance(found, NoRoute):
                attempt = from_finding(job, found.finding, at=self._clock(), phase=Phase.DNS)
                self._hand.settle(job, attempt, least=found.least)
            else:
                self._hand.settle(job, from_mistake(job, found, at=self._clock()))

    def _pause_changed(self) -> None:
        if not self._settling.paused and not self._stopping:
            self._serving.serve_all()
            self._woken.set()

    def _hand_is_less(self, stay: int) -> None:
        if stay in (0, CLAIM_BELOW // 2):
            self._woken.set()  # there is room for a batch


async def _first_of(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, but no longer than this."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
