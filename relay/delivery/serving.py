"""
Sets connections to work for lanes: how many each gets, whose turn it is, and when a lane is put off.

A *courier* is the task that carries the jobs of one lane over one connection after the other. It gives way when other
lanes have waited for its place.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import islice

from relay.delivery.attempts import from_down, from_slower
from relay.delivery.carrier import Carrier, Courier
from relay.delivery.connection import Connection
from relay.delivery.hand import Hand
from relay.delivery.lane import Lane
from relay.delivery.lanes import Lanes
from relay.delivery.pacing import Group
from relay.delivery.pool import Pool, plan
from relay.delivery.route import Destination
from relay.delivery.settling import Settling
from relay.settings import DeliverySettings
from store.nouns import Job

TURN = 20  # mails that a courier carries while other lanes wait for its place
TURN_SECONDS = 10.0  # and so long at most, but for the mail that it is at
IN_HAND_FOR = 60.0  # seconds that a group may be paused with its mails in hand; for longer they go back, put off
PATIENCE = 5.0  # seconds without a word from a destination until one more connection is tried

_log = logging.getLogger(__name__)


class Serving:
    """All lanes and all couriers. ``clock``: Unix seconds."""

    def __init__(
        self,
        *,
        carrier: Carrier,
        hand: Hand,
        settling: Settling,
        pool: Pool,
        clock: Callable[[], float],
        settings: DeliverySettings,
        workers: int = 1,
    ) -> None:
        self._carrier = carrier
        self._hand = hand
        self._settling = settling
        self._pool = pool
        self._clock = clock
        self._most = settings.connections
        self.lanes = Lanes(settings, workers)
        self._starved: OrderedDict[str, Lane] = OrderedDict()  # lanes without a connection that wait for a place
        self._hungry: OrderedDict[str, Lane] = OrderedDict()  # lanes that would have more connections
        self._busy = 0  # connections at work or being opened
        self._couriers: dict[asyncio.Task[None], Courier] = {}
        self._stopping = False

    # What the worker calls.

    @property
    def busy(self) -> int:
        """Connections at work or being opened."""
        return self._busy

    def lane(self, destination: Destination, domain: str) -> Lane:
        """Give the lane of a destination, which takes mail for ``domain``."""
        lane = self.lanes.of(destination, domain)
        if self.lanes.crowded:
            for key in self.lanes.forget():
                self._starved.pop(key, None)
                self._hungry.pop(key, None)
        return lane

    def serve(self, lane: Lane) -> None:
        """Set connections to work for a lane, as many as it should have."""
        if self._stopping or self._settling.paused or not lane.jobs:
            return
        now = _loop_time()
        if lane.down_for(self._clock()):
            self._put_off(lane)
            return
        if lane.group.paused_for(now) > IN_HAND_FOR:
            self._put_off_slower(lane)
            return
        room = lane.group.room(now)
        idle = self._pool.idle_of(lane.key)
        decided = plan(
            waiting=len(lane.jobs),
            busy=lane.busy,
            idle=idle,
            limit=min(lane.limit, lane.busy + room),
            total=self._busy + self._pool.idle,
            most=self._most,
            idle_elsewhere=self._pool.idle - idle,
            first=lane.fresh and not lane.slow,
        )
        if decided.evict:
            self._pool.evict(decided.evict, but=lane.key)
        for _ in range(decided.reuse):
            self._start(lane, self._pool.take(lane.key))
        for _ in range(decided.open):
            self._start(lane, None)
        if decided.starved:
            self._wait_for_place(lane)
        elif lane.jobs and decided.reuse + decided.open == room:
            self._wait_for_group(lane, now)
        elif lane.jobs:
            self._be_patient(lane)

    def serve_all(self) -> None:
        """Serve every lane in which a job waits."""
        for lane in self.lanes:
            self.serve(lane)

    async def stop(self, grace: float) -> None:
        """Begin nothing new; break off what is not behind its final dot; give what is ``grace`` seconds."""
        self._stopping = True
        for lane in self.lanes:
            lane.jobs.clear()
        for task, courier in self._couriers.items():
            if courier.connection is None or not courier.connection.behind_dot:
                task.cancel()
        if self._couriers:
            await asyncio.wait(set(self._couriers), timeout=grace)
        for task in self._couriers:
            task.cancel()
        await asyncio.gather(*self._couriers, return_exceptions=True)

    # Who waits.

    def _wait_for_place(self, lane: Lane) -> None:
        """Have a lane served when a place is free: those without a connection first, and of them what is fresh."""
        self._forget(lane)
        if lane.busy:
            self._hungry[lane.key] = lane
            return
        self._starved[lane.key] = lane
        if lane.fresh and not lane.slow:
            self._starved.move_to_end(lane.key, last=False)

    def _forget(self, lane: Lane) -> None:
        """Take a lane from those that wait for a place."""
        self._starved.pop(lane.key, None)
        self._hungry.pop(lane.key, None)

    def _serve_starved(self) -> None:
        """Give free places to lanes that wait for one, the longest waiting first."""
        waiting = self._starved or self._hungry
        for lane in list(islice(waiting.values(), 8)):
            self._forget(lane)
            self.serve(lane)
            if lane.key in waiting:  # there is no place any more, and it keeps its own in the row
                waiting.move_to_end(lane.key, last=False)
                return

    def _wait_for_group(self, lane: Lane, now: float) -> None:
        """
        Have a lane served when its group has room: when a connection is free, or when it may go on.

        ``now``: the loop's time as it was when there was no room, so that what ended a moment later is not missed.
        """
        group = lane.group
        group.waiting[lane.key] = None
        wait = group.wait(now)
        if wait and not group.timer:
            group.timer = True
            asyncio.get_running_loop().call_later(wait, self._group_may_go_on, group)

    def _group_may_go_on(self, group: Group) -> None:
        group.timer = False
        self._serve_group(group)

    def _serve_group(self, group: Group) -> None:
        """Give the room that a group has to its lanes, those first that wait longest."""
        for key in list(group.waiting):
            now = _loop_time()
            if not group.room(now) and not group.wait(now):
                return
            group.waiting.pop(key, None)
            if key in self.lanes:
                self.serve(self.lanes[key])

    def _be_patient(self, lane: Lane) -> None:
        """Look again in a while: one connection that hangs must not hold up all mail of its lane until its time-out."""
        if not lane.impatient:
            lane.impatient = True
            asyncio.get_running_loop().call_later(PATIENCE, self._patience_is_over, lane, lane.heard)

    def _patience_is_over(self, lane: Lane, heard: int) -> None:
        lane.impatient = False
        if self._stopping or not lane.jobs:
            return
        # Not where connections are scarce: hosts that never answer would take the places of those that do.
        if lane.heard == heard and self._busy < self._most // 2 and lane.unheard():
            self.serve(lane)
        else:
            self._be_patient(lane)

    # What cannot be tried now.

    def _put_off_slower(self, lane: Lane) -> None:
        """It asked for fewer mails, for longer than we keep them in hand: they are deferred with what it said."""
        now = self._clock()
        least = lane.group.paused_for(_loop_time())
        for job in _all(lane):
            assert lane.group.slower is not None
            self._hand.settle(job, from_slower(job, lane.group.slower, at=now), least=least)

    def _put_off(self, lane: Lane) -> None:
        """Nobody is home: the mails that wait are deferred with what the probing one was told."""
        now = self._clock()
        least = lane.down_for(now)
        for job in _all(lane):
            assert lane.down is not None
            self._hand.settle(job, from_down(job, lane.down, at=now), least=least)

    # Couriers.

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

    async def _run_courier(self, courier: Courier, first: Job) -> None:
        """Carry jobs of a lane, one after the other, over one connection as long as it lasts."""
        lane = courier.lane
        job: Job | None = first
        carried = 0
        begun = at = _loop_time()
        try:
            while job is not None:
                await self._carrier.carry(courier, job)
                carried += 1
                lane.ended(_loop_time() - at)
                if courier.connection is not None and not self._good(lane, courier.connection):
                    courier.connection.close()
                    courier.connection = None
                if lane.jobs and lane.busy < lane.limit:
                    self.serve(lane)
                await self._settling.room()
                at = _loop_time()
                job = self._next_job(courier, its_turn=carried < TURN and at - begun < TURN_SECONDS)
        finally:
            lane.busy -= 1
            lane.group.busy -= 1
            self._busy -= 1
            if courier.connection is not None:
                self._pool.keep(lane.key, courier.connection)
            if not self._stopping:
                self._serve_starved()
                self._serve_group(lane.group)
                self.serve(lane)

    def _good(self, lane: Lane, connection: Connection) -> bool:
        """Whether a connection may carry another mail, also by what its group is known to like."""
        most = lane.group.pace.messages
        return self._pool.good(connection) and not (most and connection.mails >= most)

    def _next_job(self, courier: Courier, *, its_turn: bool) -> Job | None:
        """Give the next job to the same courier; None: it ends. ``its_turn``: it need not give way yet."""
        lane = courier.lane
        if not lane.jobs or self._stopping or self._settling.paused or lane.busy > lane.limit:
            return None
        if courier.connection is None and (lane.failures or self._starved):
            return None  # begin anew, by plan
        if self._starved and not its_turn:
            return None
        if (self._starved or self._hungry) and lane.busy > self._fair_share():
            return None
        if not lane.group.may_begin(_loop_time()) or (not its_turn and lane.group.waiting):
            return None
        lane.group.begun()
        return lane.jobs.popleft()

    def _fair_share(self) -> int:
        """How many connections a lane may keep while others wait for a place."""
        at_work = sum(1 for lane in self.lanes if lane.busy)
        return max(1, self._most // max(1, at_work + len(self._starved)))  # the hungry ones are at work


def _all(lane: Lane) -> Sequence[Job]:
    """Take all jobs out of a lane."""
    jobs = list(lane.jobs)
    lane.jobs.clear()
    return jobs


def _loop_time() -> float:
    """What groups are timed by: within a run, so that a clock that jumps means nothing to them."""
    return asyncio.get_running_loop().time()
