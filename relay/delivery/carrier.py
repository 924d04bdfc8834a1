"""
One job's way over one connection: as far as a reply can take it.

Read ``Carrier._attempt`` from top to bottom: that is a delivery.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from relay.delivery.asked import Asked, asked_by
from relay.delivery.attempts import from_finding, from_mistake, from_outcome, from_unreachable
from relay.delivery.connection import Connection
from relay.delivery.dialogue import Outcome
from relay.delivery.envelope import Envelope, Finding, checked_path, envelope, objection
from relay.delivery.hand import Hand
from relay.delivery.lane import Lane
from relay.delivery.octets import LARGE, Octets
from relay.delivery.pacing import Slower
from relay.delivery.pool import Pool, Unreachable
from relay.delivery.ports import Queue, Sign
from relay.delivery.settling import Settling
from relay.delivery.shelf import Shelf
from relay.message.received import passages
from relay.settings import DeliverySettings
from store.errors import ClaimLost, ContentDamaged, StoreUnavailable
from store.nouns import Job, Phase, Reason

MOST_PASSAGES = 3  # through this very server, above which a mail is in a loop
IN_MEMORY = 3  # of a large mail at once: the content, the copy, and the copy with its dots stuffed
GIVEN_BACK_FOR = 10.0  # seconds; a mail that the store would not let us deliver

_LOOP = Finding(
    Reason.SYSTEM_ERROR,
    permanent=True,
    status="5.4.6",
    why=f"a mail loop: it went through this server more than {MOST_PASSAGES} times",
)
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Courier:
    """Works for one lane, over one connection at a time; None: it has to open one."""

    lane: Lane
    connection: Connection | None


class Carrier:
    """Carries jobs. Each call ends with the job settled, given back or let go, and never raises but CancelledError."""

    def __init__(
        self,
        *,
        queue: Queue,
        shelf: Shelf,
        hand: Hand,
        settling: Settling,
        pool: Pool,
        outgoing: Callable[[Job, bytes, bool], bytes],
        sign: Sign,
        return_path: Callable[[Job], str],
        clock: Callable[[], float],
        settings: DeliverySettings,
    ) -> None:
        self.measure: Callable[[float], None] | None = None  # told how many seconds each attempt took
        self._queue = queue
        self._shelf = shelf
        self._hand = hand
        self._settling = settling
        self._pool = pool
        self._outgoing = outgoing
        self._sign = sign
        self._return_path = return_path
        self._clock = clock
        self._steps = settings.schedule
        self._transcripts = settings.transcripts
        self._octets = Octets()

    async def carry(self, courier: Courier, job: Job) -> None:
        """Carry one job. ``courier.connection`` is afterwards the one that may be used again, if it is usable."""
        octets = IN_MEMORY * job.content.length if job.content.length >= LARGE else 0
        group = courier.lane.group.name
        try:
            if octets:
                await self._octets.take(group, octets)
            begun_at = asyncio.get_running_loop().time()
            try:
                await self._attempt(courier, job)
            finally:
                if self.measure is not None:
                    self.measure(asyncio.get_running_loop().time() - begun_at)
                if octets:
                    self._octets.give(group, octets)
        except asyncio.CancelledError:
            self._broken_off(courier, job)
            raise
        except StoreUnavailable as error:  # before the final dot: nothing was delivered
            self._settling.trouble(error)
            self._hand.give_back([job], at=self._clock() + GIVEN_BACK_FOR)
        except ClaimLost as error:
            _log.info("recipient %d is not ours any more: %s", job.recipient_id, error)
            self._hand.let_go([job])
        except ContentDamaged as error:  # trying again mends nothing: a person must look (Q7)
            _log.error("recipient %d is held: %s", job.recipient_id, error)
            self._hand.hold(job, f"held, because what is to be sent cannot be read: {error}")
        except Exception as error:  # noqa: BLE001 - logged in full; a poison job must not stop the others
            _log.exception("recipient %d could not be tried, for a fault of ours", job.recipient_id)
            self._hand.settle(job, from_mistake(job, error, at=self._clock()))

    async def _attempt(self, courier: Courier, job: Job) -> None:
        content = await self._shelf.get(job)
        if passages(content, self._pool.hostname) > MOST_PASSAGES:
            self._hand.settle(job, from_finding(job, _LOOP, at=self._clock(), phase=Phase.CHECK))
            return
        while True:
            fresh = courier.connection is None
            connection = courier.connection or await self._open(courier, job)
            if connection is None:
                return
            written = await self._write(job, content, connection, by_route=courier.lane.destination.by_route)
            if isinstance(written, Finding):
                told = from_finding(job, written, at=self._clock(), phase=Phase.CHECK, connection=connection)
                self._hand.settle(job, told)
                return
            mail, copy = written
            outcome = await connection.send(mail, copy, lambda: self._mark_dot(job))
            if outcome.again and connection.usable:
                courier.connection = connection
                continue
            if fresh or not outcome.stale:
                break
            courier.connection = None  # it had died before it took anything of this mail: once more, on a new one
        self._note(courier.lane, outcome, connection)
        told = from_outcome(job, outcome, connection, at=self._clock())
        self._hand.settle(job, told, transcript=self._said(connection, outcome))

    def _mark_dot(self, job: Job) -> Awaitable[None] | None:
        return None if self._queue.mark_dot_at_once(job) else self._queue.mark_dot(job.recipient_id)

    def _said(self, connection: Connection, outcome: Outcome) -> str:
        """Give what was said in an attempt, as far as it is kept."""
        if connection.transcript is None or (outcome.delivered and self._transcripts != "all"):
            return ""
        return connection.transcript.text(outcome.why)

    async def _open(self, courier: Courier, job: Job) -> Connection | None:
        """Open a connection. None: nobody could be reached, and the job is settled."""
        lane = courier.lane
        opened = await self._pool.open(lane.destination, domain=job.domain)
        if isinstance(opened, Unreachable):
            now = self._clock()
            reply = opened.outcome.reply
            asked = asked_by(reply, opened.outcome.phase) if reply is not None else Asked()
            if asked.slower and lane.busy > 1:  # it has enough connections of ours: one fewer, and nobody has failed
                lane.limit = lane.busy - 1
                self._hand.give_back([job], at=now + (asked.wait or GIVEN_BACK_FOR))
                return None
            if not opened.permanent:
                lane.unreachable(opened, now, self._steps, asked.wait)
            told = from_unreachable(job, opened, at=now)
            self._hand.settle(job, told, least=lane.down_for(now), transcript=opened.transcript)
            return None
        lane.reached()
        courier.connection = opened
        return opened

    async def _write(
        self, job: Job, content: bytes, connection: Connection, *, by_route: bool
    ) -> tuple[Envelope, bytes] | Finding:
        """Write the copy for this recipient and this server, and its envelope; or say why it cannot be sent."""
        path = checked_path(job)
        assert isinstance(path, str)
        seven_bit = job.eight_bit and not connection.offers.eight_bit
        if len(content) < LARGE:
            plain = self._outgoing(job, content, seven_bit)
        else:  # in a thread, so that the loop goes on: read back from the store, 20 MB are planned for most of a second
            plain = await asyncio.to_thread(self._outgoing, job, content, seven_bit)
        copy = await self._sign(plain, job.accepted_at)
        if isinstance(copy, Finding):
            return copy
        mail = envelope(job, copy, forward_path=path, return_path=self._return_path(job))
        return objection(mail, connection.offers, by_route=by_route) or (mail, copy)

    def _note(self, lane: Lane, outcome: Outcome, connection: Connection) -> None:
        """Let a lane have more connections while mails get replies, fewer when they are lost; heed what is asked."""
        reply = outcome.reply
        if reply is None or reply.code == 421:
            lane.lost()
            self._pool.avoid(connection)
        else:
            lane.replied()
        if reply is None:
            return
        connection.put_off = 0 if reply.positive or reply.permanent else connection.put_off + 1
        asked = asked_by(reply, outcome.phase)
        if asked.slower:
            told = Slower(connection.host.name, connection.address, str(reply))
            lane.group.slow_down(told, asyncio.get_running_loop().time(), asked.wait)
        else:
            lane.group.got_through()

    def _broken_off(self, courier: Courier, job: Job) -> None:
        """We stop in the middle of an attempt: behind the final dot its outcome is unknown, before it nothing is."""
        connection = courier.connection
        outcome = connection.outcome if connection is not None else None
        if connection is not None and outcome is not None and outcome.unknown:
            told = from_outcome(job, outcome, connection, at=self._clock())
            self._hand.settle(job, told, transcript=self._said(connection, outcome))
        else:
            self._hand.give_back([job])
