"""
Carries recipients from the queue to their outcome.

Jobs come by ``offer`` (own-held, with their content) and by claims (read from the store). Each waits in the lane of its
destination until a connection is free for it; a *courier* is the task that carries the jobs of a lane over one
connection after the other. How each attempt ended is settled in the background, and a job is in hand until the store
has its outcome.
"""

# What always holds. tests/relay/delivery/test_worker.py tests each by its number.
# (1) A job in hand is in one place: looked up, waiting in one lane, with one courier, or being settled.
# (2) A job leaves our hand only by a settled outcome or by being given back to the store.
# (3) The final dot is sent only after queue.mark_dot returned; where it raises, nothing is delivered.
# (4) While an outcome cannot be written, no new delivery begins.
# (5) No exception ends a courier's lane or the claim loop.

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from relay.delivery.attempts import from_down, from_finding, from_mistake, from_slower
from relay.delivery.carrier import Carrier, Courier
from relay.delivery.connection import Connection
from relay.delivery.envelope import Finding, checked_path
from relay.delivery.hand import Hand
from relay.delivery.lane import Lane
from relay.delivery.lanes import LANE_FULL, Lanes
from relay.delivery.pacing import Group
from relay.delivery.pool import Pool, plan
from relay.delivery.ports import Consequence, Contents, Keep, Queue, Routes, Sign, forget, unsigned
from relay.delivery.route import Destination, NoRoute, next_hop
from relay.delivery.settling import Settling
from relay.delivery.shelf import Shelf
from relay.settings import DeliverySettings
from store.errors import StoreUnavailable
from store.nouns import Job, Phase

MOST_OFFERED = 16_000  # jobs in hand, above which own-held ones are given back to the store
MOST_IN_HAND = 20_000
CROWDED = 4_000  # jobs in hand, above which a group that has LANE_FULL waiting takes no more: the others need the room
CLAIM_BELOW = 2_000  # jobs in hand, below which more are claimed
BATCH = 500  # claimed at once
POLL = 2.0  # seconds; another process may have made something due
TURN = 20  # mails that a courier carries while other lanes of its group wait for its place
IN_HAND_FOR = 60.0  # seconds that a group may be paused with its mails in hand; for longer they go back, put off

_log = logging.getLogger(__name__)


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
    """

    def __init__(
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
    ) -> None:
        self._queue = queue
        self._routes = routes
        self._pool = pool
        self._clock = clock
        self._settings = settings
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
        self._carrier = Carrier(
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
        self._looking_up: dict[str, list[Job]] = {}  # domain -> jobs that wait for its destination
        self._lanes = Lanes(settings)
        self._starved: OrderedDict[str, Lane] = OrderedDict()  # lanes that wait for a place for a connection
        self._busy = 0  # connections at work or being opened
        self._couriers: dict[asyncio.Task[None], Courier] = {}
        self._look_ups: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._stopping = False

    # What others call.

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
        self._take(jobs[:room], content)
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
        for lane in self._lanes:
            lane.jobs.clear()
        for task, courier in self._couriers.items():
            if courier.connection is None or not courier.connection.behind_dot:
                task.cancel()
        if self._couriers:
            await asyncio.wait(set(self._couriers), timeout=grace)
        for task in self._couriers:
            task.cancel()
        await asyncio.gather(*self._couriers, *self._look_ups, return_exceptions=True)
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
        self._take(jobs, None)
        return 0.0 if jobs else POLL  # what is left due belongs to full lanes

    def _movable(self) -> int:
        """Jobs in hand that do not wait behind many of their group: those must not keep others from being claimed."""
        return len(self._hand) - self._lanes.full_domains(LANE_FULL)[1]

    def _full_domains(self) -> set[str]:
        """Domains that have enough jobs in hand."""
        full = {domain for domain, jobs in self._looking_up.items() if len(jobs) >= LANE_FULL}
        return (full | self._lanes.full_domains(LANE_FULL)[0]) - {""}  # address literals have no domain

    def _take(self, jobs: Iterable[Job], content: bytes | None) -> None:
        if len(self._hand) >= CROWDED:
            full = self._full_domains()
            jobs = list(jobs)
            self._hand.refuse([job for job in jobs if job.domain in full])
            jobs = [job for job in jobs if job.domain not in full]
        lanes: dict[str, Lane] = {}
        for job in self._hand.take(jobs, content):
            lane = self._to_lane(job)
            if lane is not None:
                lanes[lane.key] = lane
        for lane in lanes.values():
            self._serve(lane)

    def _to_lane(self, job: Job) -> Lane | None:
        """Put a job into the lane of its destination; None when that must be looked up first."""
        path = checked_path(job)
        if isinstance(path, Finding):
            self._hand.settle(job, from_finding(job, path, at=self._clock(), phase=Phase.CHECK))
            return None
        domain = next_hop(job)
        known = self._routes.known(domain)
        if known is not None:
            lane = self._lane(known, domain)
            lane.jobs.append(job)
            if job.asked:
                lane.asked()
            return lane
        waiting = self._looking_up.get(domain)
        if waiting is not None:
            waiting.append(job)
            return None
        self._looking_up[domain] = [job]
        task = asyncio.get_running_loop().create_task(self._look_up(domain))
        self._look_ups.add(task)
        task.add_done_callback(self._look_ups.discard)
        return None

    async def _look_up(self, domain: str) -> None:
        found: Destination | NoRoute | Exception
        try:
            found = await self._routes.find(domain)
        except Exception as error:  # noqa: BLE001 - logged; law 5
            _log.exception("the look-up of %s failed for a fault of ours", domain)
            found = error
        jobs = self._looking_up.pop(domain, [])
        if isinstance(found, Destination):
            lane = self._lane(found, domain)
            lane.jobs.extend(jobs)
            self._serve(lane)
            return
        for job in jobs:
            if isinstance(found, NoRoute):
                attempt = from_finding(job, found.finding, at=self._clock(), phase=Phase.DNS)
                self._hand.settle(job, attempt, least=found.least)
            else:
                self._hand.settle(job, from_mistake(job, found, at=self._clock()))

    def _lane(self, destination: Destination, domain: str) -> Lane:
        lane = self._lanes.of(destination, domain)
        if self._lanes.crowded:
            for key in self._lanes.forget():
                self._starved.pop(key, None)
        return lane

    # Serving lanes.

    def _serve(self, lane: Lane) -> None:
        """Set connections to work for a lane, as many as it should have."""
        if self._stopping or self._settling.paused:
            return
        if lane.jobs and lane.down_for(self._clock()):
            self._put_off(lane)
            return
        if lane.jobs and lane.group.paused_for(self._loop_time()) > IN_HAND_FOR:
            self._put_off_slower(lane)
            return
        room = lane.group.room(self._loop_time())
        idle = self._pool.idle_of(lane.key)
        decided = plan(
            waiting=len(lane.jobs),
            busy=lane.busy,
            idle=idle,
            limit=min(lane.limit, lane.busy + room),
            total=self._busy + self._pool.idle,
            most=self._settings.connections,
            idle_elsewhere=self._pool.idle - idle,
        )
        if decided.evict:
            self._pool.evict(decided.evict, but=lane.key)
        for _ in range(decided.reuse):
            self._start(lane, self._pool.take(lane.key))
        for _ in range(decided.open):
            self._start(lane, None)
        if decided.starved:
            self._starved[lane.key] = lane
        elif lane.jobs and decided.reuse + decided.open == room:
            self._wait_for_group(lane)

    def _start(self, lane: Lane, connection: Connection | None) -> None:
        job = lane.jobs.popleft()
        lane.busy += 1
        lane.group.busy += 1
        lane.group.begun()
        self._busy += 1
        courier = Courier(lane, connection)
        task = asyncio.get_running_loop().create_task(self._run_courier(courier, job))
        self._couriers[task] = courier
        task.add_done_callback(self._courier_ended)

    def _courier_ended(self, task: asyncio.Task[None]) -> None:
        self._couriers.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a courier failed for a fault of ours", exc_info=task.exception())

    def _serve_starved(self) -> None:
        """Give free places to lanes that wait for one, the longest waiting first."""
        for lane in list(islice(self._starved.values(), 8)):
            del self._starved[lane.key]
            self._serve(lane)

    def _wait_for_group(self, lane: Lane) -> None:
        """Have a lane served when its group has room: when a connection is free, or when it may go on."""
        group = lane.group
        group.waiting[lane.key] = None
        wait = group.wait(self._loop_time())
        if wait and not group.timer:
            group.timer = True
            asyncio.get_running_loop().call_later(wait, self._group_may_go_on, group)

    def _group_may_go_on(self, group: Group) -> None:
        group.timer = False
        self._serve_group(group)

    def _serve_group(self, group: Group) -> None:
        """Give the room that a group has to its lanes, those first that wait longest."""
        for key in list(group.waiting):
            if not group.room(self._loop_time()) and not group.wait(self._loop_time()):
                return
            group.waiting.pop(key, None)
            if key in self._lanes:
                self._serve(self._lanes[key])

    def _put_off_slower(self, lane: Lane) -> None:
        """It asked for fewer mails, for longer than we keep them in hand: they are deferred with what it said."""
        now = self._clock()
        least = lane.group.paused_for(self._loop_time())
        jobs = list(lane.jobs)
        lane.jobs.clear()
        for job in jobs:
            assert lane.group.slower is not None
            self._hand.settle(job, from_slower(job, lane.group.slower, at=now), least=least)

    def _put_off(self, lane: Lane) -> None:
        """Nobody is home: the mails that wait are deferred with what the probing one was told."""
        now = self._clock()
        least = lane.down_for(now)
        jobs = list(lane.jobs)
        lane.jobs.clear()
        for job in jobs:
            assert lane.down is not None
            self._hand.settle(job, from_down(job, lane.down, at=now), least=least)

    def _pause_changed(self) -> None:
        if not self._settling.paused and not self._stopping:
            for lane in self._lanes:
                if lane.jobs:
                    self._serve(lane)
            self._woken.set()

    # Carrying.

    async def _run_courier(self, courier: Courier, first: Job) -> None:
        """Carry jobs of a lane, one after the other, over one connection as long as it lasts."""
        lane = courier.lane
        job: Job | None = first
        carried = 0
        try:
            while job is not None:
                await self._carrier.carry(courier, job)
                carried += 1
                if courier.connection is not None and not self._good(lane, courier.connection):
                    courier.connection.close()
                    courier.connection = None
                if lane.jobs and lane.busy < lane.limit:
                    self._serve(lane)
                await self._settling.room()
                job = self._next_job(courier, carried)
        finally:
            lane.busy -= 1
            lane.group.busy -= 1
            self._busy -= 1
            if courier.connection is not None:
                self._pool.keep(lane.key, courier.connection)
            if not self._stopping:
                self._serve_starved()
                self._serve_group(lane.group)
                self._serve(lane)

    def _good(self, lane: Lane, connection: Connection) -> bool:
        """Whether a connection may carry another mail, also by what its group is known to like."""
        most = lane.group.pace.messages
        return self._pool.good(connection) and not (most and connection.mails >= most)

    def _next_job(self, courier: Courier, carried: int) -> Job | None:
        """Give the next job to the same courier, which has carried so many; None: it ends."""
        lane = courier.lane
        if not lane.jobs or self._stopping or self._settling.paused or lane.busy > lane.limit:
            return None
        if courier.connection is None and (lane.failures or self._starved):
            return None  # begin anew, by plan
        if self._starved and lane.busy > self._fair_share():
            return None
        if not lane.group.may_begin(self._loop_time()) or (carried >= TURN and lane.group.waiting):
            return None
        lane.group.begun()
        return lane.jobs.popleft()

    def _fair_share(self) -> int:
        """How many connections a lane may keep while others wait for a place."""
        at_work = sum(1 for lane in self._lanes if lane.busy)
        return max(1, self._settings.connections // max(1, at_work + len(self._starved)))

    @staticmethod
    def _loop_time() -> float:
        """What groups are timed by: within a run, so that a clock that jumps means nothing to them."""
        return asyncio.get_running_loop().time()

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
