"""The laws of bounce/decide.py by their numbers: whatever attempts, reports and opens come, in whatever order."""

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from bounce.decide import finding_of, of_attempt
from bounce.decide_report import of_report
from bounce.report import Report
from store.changes import AddressHistory, Change, RecipientFacts
from store.nouns import Attempt, Phase, Reason, RecipientStatus, State
from tests.bounce.facts import CANCELLED, DAY, NOW, SENDING, SUPPRESSED, apply, attempt, entry, report

ADDRESS_REASONS = {
    Reason.NO_SUCH_USER,
    Reason.ADDRESS_INVALID,
    Reason.DOMAIN_NOT_FOUND,
    Reason.ACCOUNT_DISABLED,
    Reason.MAILBOX_FULL,
    Reason.COMPLAINT,
}


@dataclass(frozen=True)
class Step:
    """Something that happens to a recipient, so many seconds after what happened before."""

    what: Attempt | Report | str
    wait: float
    last: bool = False  # of an attempt: the schedule gives up; of a report: it came before


ATTEMPTS = st.sampled_from(
    [
        attempt("250 2.0.0 Ok", Phase.END_OF_DATA),
        attempt("450 4.2.0 Greylisted"),
        attempt("550 5.1.1 User unknown"),
        attempt("552 5.2.2 Mailbox full"),
        attempt("550 5.7.1 Blocked by spamhaus", Phase.END_OF_DATA),
        attempt(None, Phase.CONNECT, why="refused"),
        attempt(None, Phase.END_OF_DATA, why="lost", unknown_outcome=True),
        attempt(None, Phase.DNS, reason=Reason.DOMAIN_NOT_FOUND, permanent=True),
    ]
)
ENTRIES = st.builds(
    entry,
    st.sampled_from(Reason),
    address=st.sampled_from(["ann@school.example", "b@other.example", ""]),
    action=st.sampled_from(["failed", "delayed", "delivered", "relayed", "expanded", ""]),
    permanent=st.booleans(),
)
REPORTS = st.builds(
    lambda kind, entries: report(*entries, kind=kind),
    st.sampled_from(["bounce", "delayed", "autoreply", "complaint", "not-a-bounce"]),
    st.lists(ENTRIES, max_size=3),
)
STEPS = st.builds(
    Step,
    st.one_of(ATTEMPTS, REPORTS, st.sampled_from(["opened", "held", "cancelled"])),
    st.sampled_from([0.0, 60.0, DAY + 1]),
    st.booleans(),
)
HISTORIES = st.builds(
    AddressHistory,
    delivered_before=st.booleans(),
    opened_before=st.booleans(),
    full_since=st.sampled_from([None, NOW - 20 * DAY]),
    full_mails=st.integers(0, 4),
)
STARTS = st.builds(
    lambda facts, history: replace(facts, history=history), st.sampled_from([SENDING, SUPPRESSED, CANCELLED]), HISTORIES
)


def happen(facts: RecipientFacts, step: Step, now: float) -> tuple[RecipientFacts, Change | None]:
    """Give what the store has after a step, as the queue and the opens write it."""
    if isinstance(step.what, Attempt):
        tried = replace(step.what, at=now)
        change = of_attempt(facts, tried, finding_of(tried), None if step.last else now + 60)
        return apply(facts, change), change
    if isinstance(step.what, Report):
        change = of_report(facts, step.what, now, repeated=step.last)
        return replace(apply(facts, change), reports=facts.reports + (step.what.kind == "bounce")), change
    if step.what == "opened":
        seen = facts.status in (RecipientStatus.SENDING, RecipientStatus.DELIVERED)
        status = RecipientStatus.OPENED if seen else facts.status
        return replace(facts, status=status, opened_at=facts.opened_at or now), None
    if facts.state is State.SETTLED:
        return facts, None
    if step.what == "held":
        return replace(facts, state=State.HELD), None
    return replace(facts, state=State.SETTLED, status=RecipientStatus.NOT_DELIVERED), None


def story(start: RecipientFacts, steps: list[Step]) -> list[tuple[RecipientFacts, Step, Change | None, RecipientFacts]]:
    """Tell each step with what was before and after it."""
    told, facts, now = [], start, NOW
    for step in steps:
        now += step.wait
        after, change = happen(facts, step, now)
        told.append((facts, step, change, after))
        facts = after
    return told


@given(STARTS, st.lists(STEPS, max_size=12))
def test_law_1_a_change_carries_its_event(start: RecipientFacts, steps: list[Step]) -> None:
    """(1) Whatever changes status or state brings an event about that very recipient (promise 2)."""
    for before, _, change, _ in story(start, steps):
        if change is not None:
            assert change.events
            assert {(event.recipient_id, event.message_id) for event in change.events} == {
                (before.recipient_id, before.message_id)
            }


@given(STARTS, st.lists(STEPS, max_size=12))
def test_law_2_what_was_true_stays_visible(start: RecipientFacts, steps: list[Step]) -> None:
    """(2) delivered_at, opened_at and bounced_at are set once and never taken back."""
    for before, _, _, after in story(start, steps):
        for was, stays in (
            (before.delivered_at, after.delivered_at),
            (before.opened_at, after.opened_at),
            (before.bounced_at, after.bounced_at),
        ):
            assert was is None or was == stays


@given(STARTS, st.lists(STEPS, max_size=12))
def test_law_3_the_status_is_what_the_facts_add_up_to(start: RecipientFacts, steps: list[Step]) -> None:
    """(3) Bounced exactly where it bounced; else Delivered or Opened where it was delivered."""
    for before, step, _, after in story(start, steps):
        assert (after.status is RecipientStatus.BOUNCED) == (after.bounced_at is not None)
        if after.delivered_at is not None and after.bounced_at is None:
            opened = after.opened_at is not None
            assert after.status is (RecipientStatus.OPENED if opened else RecipientStatus.DELIVERED)
        if before.status is RecipientStatus.OPENED and step.what != "cancelled":
            assert after.status in (RecipientStatus.OPENED, RecipientStatus.BOUNCED)


@given(STARTS, st.lists(STEPS, max_size=12))
def test_law_4_what_is_settled_stays_settled(start: RecipientFacts, steps: list[Step]) -> None:
    """(4) No outcome makes a settled recipient due; and only what is due, claimed or held awaits another attempt."""
    for before, _, change, after in story(start, steps):
        if before.state is State.SETTLED:
            assert after.state is State.SETTLED
        if change is not None and change.state is State.DUE:
            assert change.next_attempt_at is not None


@given(STARTS, st.lists(STEPS, max_size=12))
def test_law_5_no_report_of_what_never_left_or_came_before_counts(start: RecipientFacts, steps: list[Step]) -> None:
    """(5) The same report again, and any report about a suppressed recipient, change nothing."""
    for before, step, change, _ in story(start, steps):
        if isinstance(step.what, Report) and (step.last or before.reason is Reason.SUPPRESSED):
            assert change is None


@given(STARTS, st.lists(STEPS, max_size=12))
def test_law_6_promise_8_only_what_is_about_the_address_suppresses_it(start: RecipientFacts, steps: list[Step]) -> None:
    """(6) Every suppression has a reason about the address, names this recipient, and comes with its event."""
    for before, _, change, _ in story(start, steps):
        if change is not None and change.suppress is not None:
            assert change.suppress.reason in ADDRESS_REASONS
            assert change.suppress.caused_by == before.recipient_id
            assert change.suppress.address_key == before.address_key
            assert change.events
            assert not change.lift


@given(STARTS, st.lists(STEPS, max_size=12))
def test_law_6_an_open_keeps_one_report_from_suppressing(start: RecipientFacts, steps: list[Step]) -> None:
    """(6) A first report of failure after an open never suppresses (robustness.md B8)."""
    for before, step, change, after in story(start, steps):
        first = before.bounced_at is None and after.bounced_at is not None
        if isinstance(step.what, Report) and first and before.opened_at is not None:
            assert change is not None
            assert change.suppress is None
