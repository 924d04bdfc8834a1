"""The jobs in hand: none leaves but by an outcome, or by being given back, that the store has taken."""

import asyncio
from dataclasses import replace

from relay.delivery.hand import Hand
from relay.delivery.settling import Settling
from relay.delivery.shelf import Shelf
from relay.settings import DeliverySettings
from store.nouns import Attempt, Job, Phase, Reason, Reply
from tests.relay.delivery.conftest import JOB
from tests.relay.delivery.ledger import Ledger

NOW = JOB.accepted_at


class Palm:
    """A hand with its parts."""

    def __init__(self) -> None:
        self.ledger = Ledger(lambda: NOW)
        self.kept: list[tuple[int, float, str]] = []
        self.less: list[int] = []
        self.settling = Settling(most=10, on_change=lambda: None)
        self.hand = Hand(
            queue=self.ledger,
            consequence=self.ledger,
            shelf=Shelf(self.ledger),
            settling=self.settling,
            keep=lambda recipient_id, at, dialogue: self.kept.append((recipient_id, at, dialogue)),
            settings=DeliverySettings(),
            random=lambda: 0.0,
            on_less=self.less.append,
        )

    def job(self, number: int, **fields: object) -> Job:
        return self.ledger.add(
            replace(JOB, recipient_id=number, message_id=number, **fields),  # type: ignore[arg-type]  # a test's own
            state="claimed",
        )


def attempt(job: Job, text: str = "450 4.2.0 later") -> Attempt:
    reply = Reply(int(text[:3]), None, (text[4:],))
    return Attempt(recipient_id=job.recipient_id, at=NOW, phase=Phase.RCPT, reply=reply)


async def test_a_job_is_taken_once() -> None:
    """Offered again while it is in hand it is not new."""
    palm = Palm()
    one, two = palm.job(1), palm.job(2)
    assert palm.hand.take([one, two], None) == [one, two]
    assert palm.hand.take([one], None) == []
    assert len(palm.hand) == 2


async def test_it_stays_until_the_store_has_its_outcome() -> None:
    """And then whoever wants to know is told how many stay."""
    palm = Palm()
    one, two = palm.hand.take([palm.job(1), palm.job(2)], None)
    palm.hand.settle(one, attempt(one), transcript="what was said")
    assert len(palm.hand) == 2
    assert palm.hand.staying == [two]
    await palm.settling.drain(5)
    assert len(palm.hand) == 1
    assert palm.less == [1]
    assert palm.kept == [(1, NOW, "what was said")]
    assert palm.ledger.attempts[0][1] == NOW + 60.0


async def test_the_wait_is_what_was_asked_for() -> None:
    """By the other side, or by us as the least; else the schedule's."""
    palm = Palm()
    jobs = palm.hand.take([palm.job(n) for n in (1, 2, 3)], None)
    palm.hand.settle(jobs[0], attempt(jobs[0], "451 4.7.1 try again in 20 minutes"))
    palm.hand.settle(jobs[1], attempt(jobs[1]), least=500.0)
    finding = Attempt(recipient_id=3, at=NOW, phase=Phase.DNS, reply=None, reason=Reason.CONNECTION_FAILED)
    palm.hand.settle(jobs[2], finding)
    await palm.settling.drain(5)
    waits = {told.recipient_id: (next_at or 0.0) - NOW for told, next_at in palm.ledger.attempts}
    assert waits == {1: 1200.0, 2: 500.0, 3: 60.0}


async def test_the_last_attempt_has_none_behind_it() -> None:
    """Past its time, and tried often enough."""
    palm = Palm()
    (old,) = palm.hand.take([palm.job(1, expires_at=NOW - 1.0, attempts=9)], None)
    palm.hand.settle(old, attempt(old))
    await palm.settling.drain(5)
    assert palm.ledger.attempts[0][1] is None


async def test_given_back_held_and_refused() -> None:
    """Each ends in the store; an empty hand says so."""
    palm = Palm()
    one, two = palm.hand.take([palm.job(1), palm.job(2)], None)
    never = palm.job(3)
    palm.hand.give_back([one], at=NOW + 7.0)
    palm.hand.hold(two, "a person must look")
    palm.hand.refuse([never])
    palm.hand.give_back([])
    assert palm.hand.staying == []
    await asyncio.wait_for(palm.hand.empty(), 60)
    await palm.settling.drain(5)
    assert palm.ledger.given_back == [1, 3]
    assert palm.ledger.rows[1].due_at == NOW + 7.0
    assert palm.ledger.notes == {2: "a person must look"}
