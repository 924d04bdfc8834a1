"""What each outcome of an attempt to deliver changes."""

from dataclasses import replace

import pytest

from bounce.classify import Finding
from bounce.decide import LOST_AT_THE_END, LOST_BEHIND_DOT, POSSIBLE_DUPLICATE, delivers, finding_of, of_attempt
from store.changes import Change, RecipientFacts
from store.nouns import Attempt, Phase, Reason, RecipientStatus, State
from tests.bounce.facts import (
    BOUNCED,
    CANCELLED,
    DAY,
    DELIVERED,
    FULL_FOR_LONG,
    LIVED,
    NOW,
    OPENED,
    SENDING,
    attempt,
)

TAKEN = attempt("250 2.0.0 Ok: queued as 4711", Phase.END_OF_DATA, tls="TLSv1.3")
LATER = NOW + 300


def decide(facts: RecipientFacts, tried: Attempt, next_attempt_at: float | None = LATER) -> Change | None:
    return of_attempt(facts, tried, finding_of(tried), next_attempt_at)


def changed(facts: RecipientFacts, tried: Attempt, next_attempt_at: float | None = LATER) -> Change:
    change = decide(facts, tried, next_attempt_at)
    assert change is not None
    assert change.count_attempt
    assert [event.recipient_id for event in change.events] == [facts.recipient_id]
    assert change.events[0].attempt == facts.attempts + 1
    return change


# Delivered


def test_250_to_the_final_dot_is_delivered() -> None:
    """Status, time, reply and TLS are kept; a suppression that the delivery disproves is lifted."""
    change = changed(SENDING, TAKEN)
    (event,) = change.events
    assert (change.status, change.state, change.reason) == (
        RecipientStatus.DELIVERED,
        State.SETTLED,
        Reason.DELIVERED,
    )
    assert (change.delivered_at, change.lift, change.suppress) == (NOW, True, None)
    assert (event.kind, event.reply, event.tls, event.note) == (
        "delivered",
        "250 2.0.0 Ok: queued as 4711",
        "TLSv1.3",
        "",
    )


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.END_OF_DATA])
def test_a_positive_reply_elsewhere_delivers_nothing(phase: Phase) -> None:
    """Only the reply to the final dot hands the mail over (RFC 5321 section 6.1)."""
    assert not delivers(attempt("250 2.1.5 Ok", phase))


def test_a_354_delivers_nothing() -> None:
    """It is positive, yet no 2xx."""
    assert not delivers(attempt("354 Go ahead", Phase.END_OF_DATA))


def test_promise_4_a_delivery_in_doubt_says_so() -> None:
    """Promise 4: an earlier copy may have arrived, so the event says "possible duplicate"."""
    assert changed(replace(SENDING, in_doubt=True), TAKEN).events[0].note == POSSIBLE_DUPLICATE


def test_a_second_delivery_keeps_the_first_time_and_says_so() -> None:
    """Two nodes delivered: the time of the first stands, the event of the second tells."""
    change = changed(DELIVERED, TAKEN)
    assert change.delivered_at is None
    assert change.events[0].note == POSSIBLE_DUPLICATE


def test_a_delivery_known_after_its_open_stays_opened() -> None:
    """The recipient may open before our 250 arrives: Opened is not taken back."""
    assert changed(replace(OPENED, delivered_at=None), TAKEN).status is RecipientStatus.OPENED
    assert changed(replace(SENDING, opened_at=NOW - 1), TAKEN).status is RecipientStatus.OPENED


def test_a_delivery_known_after_its_bounce_stays_bounced() -> None:
    """A report may be quicker than the 250 it belongs to: both facts stay, and no suppression is lifted."""
    change = changed(BOUNCED, TAKEN)
    assert (change.status, change.reason, change.delivered_at, change.lift) == (None, None, NOW, False)


def test_a_delivery_after_a_person_cancelled_is_told() -> None:
    """It was on its way: the truth is Delivered."""
    assert changed(CANCELLED, TAKEN).status is RecipientStatus.DELIVERED


# Deferred and expired

PASSES = [
    attempt("450 4.2.0 Greylisted, try again in 5 minutes"),
    attempt("421 4.3.2 Closing", Phase.GREETING),
    attempt("452 4.2.2 Mailbox full"),
    attempt("550 4.7.1 Try again later"),  # code and status disagree
    attempt("550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents delivery"),
    attempt(None, Phase.CONNECT, why="connection refused"),
    attempt(None, Phase.DNS, why="SERVFAIL", reason=Reason.DOMAIN_NOT_FOUND, permanent=False),
    attempt(None, Phase.END_OF_DATA, why="connection lost", unknown_outcome=True),
]


@pytest.mark.parametrize("tried", PASSES, ids=str)
def test_what_may_pass_is_deferred(tried: Attempt) -> None:
    """A 4xx, a 5xx that means "later", no reply, an unknown outcome: due again when the schedule says."""
    change = changed(SENDING, tried)
    (event,) = change.events
    assert (change.status, change.state, change.next_attempt_at) == (None, State.DUE, LATER)
    assert (event.kind, event.next_attempt_at) == ("deferred", LATER)
    assert (change.suppress, change.lift, change.bounced_at) == (None, False, None)
    assert event.reply or event.note


@pytest.mark.parametrize("tried", [tried for tried in PASSES if "full" not in str(tried.reply)], ids=str)
def test_what_may_pass_expires_at_the_end_of_the_schedule(tried: Attempt) -> None:
    """Not delivered, because we gave up; the last reply and what it meant are kept. An address is never blamed."""
    change = changed(SENDING, tried, None)
    (event,) = change.events
    assert (change.status, change.state) == (RecipientStatus.NOT_DELIVERED, State.SETTLED)
    assert (change.reason, event.reason, event.kind) == (Reason.EXPIRED, Reason.EXPIRED, "expired")
    assert event.reply == change.last_reply == (str(tried.reply) if tried.reply else "")
    assert f"last: {finding_of(tried).reason}" in event.note
    assert (change.suppress, change.bounced_at) == (None, None)


def test_promise_4_an_unknown_outcome_is_in_doubt() -> None:
    """The connection was lost behind the final dot: retried, and whatever is delivered later may be a duplicate."""
    lost = attempt(None, Phase.END_OF_DATA, why="reset", unknown_outcome=True)
    change = changed(SENDING, lost)
    assert (change.events[0].note, change.in_doubt) == (LOST_BEHIND_DOT, True)
    assert LOST_AT_THE_END in changed(SENDING, lost, None).events[0].note
    assert changed(SENDING, PASSES[0]).in_doubt is None


def test_an_opened_mail_does_not_become_not_delivered() -> None:
    """A copy lost behind its final dot had arrived and was read: giving up on the next copy does not deny it."""
    change = changed(replace(SENDING, status=RecipientStatus.OPENED, opened_at=NOW - 9, in_doubt=True), PASSES[0], None)
    assert (change.status, change.state, change.events[0].kind) == (None, State.SETTLED, "expired")


def test_without_a_reply_the_event_says_why() -> None:
    """For the page and the log: what happened in place of an answer."""
    assert changed(SENDING, attempt(None, Phase.CONNECT, why="connection refused")).events[0].note == (
        "connection refused"
    )


def test_what_a_person_held_meanwhile_stays_held() -> None:
    """An attempt that fails for now does not release what a person held during it."""
    change = changed(replace(SENDING, state=State.HELD), PASSES[0])
    assert (change.state, change.events[0].next_attempt_at) == (None, None)


# Bounced


@pytest.mark.parametrize(
    ("tried", "reason"),
    [
        (attempt("550 5.1.1 <ann@school.example>: User unknown"), Reason.NO_SUCH_USER),
        (attempt("550 5.2.1 Account disabled"), Reason.ACCOUNT_DISABLED),
        (attempt("552 5.3.4 Message size exceeds fixed limit", Phase.END_OF_DATA), Reason.MESSAGE_TOO_LARGE),
        (attempt("550 5.7.1 Rejected as spam", Phase.END_OF_DATA), Reason.SPAM_REJECTED),
        (attempt(None, Phase.DNS, reason=Reason.DOMAIN_NOT_FOUND, permanent=True), Reason.DOMAIN_NOT_FOUND),
        (attempt(None, Phase.CHECK, reason=Reason.ADDRESS_INVALID, permanent=True), Reason.ADDRESS_INVALID),
        (attempt(None, Phase.MAIL, reason=Reason.MESSAGE_TOO_LARGE, permanent=True), Reason.MESSAGE_TOO_LARGE),
        (attempt("550 5.3.4 x", Phase.EHLO, reason=Reason.MESSAGE_TOO_LARGE), Reason.MESSAGE_TOO_LARGE),
    ],
    ids=str,
)
def test_a_refusal_for_good_bounces_at_once(tried: Attempt, reason: Reason) -> None:
    """Whether the other side said it or we found it ourselves; no second attempt, though the schedule has one."""
    change = changed(SENDING, tried)
    (event,) = change.events
    assert (change.status, change.state, change.bounced_at) == (RecipientStatus.BOUNCED, State.SETTLED, NOW)
    assert (change.reason, event.reason, event.kind) == (reason, reason, "bounced")
    assert change.permanent
    assert event.rule == change.rule != ""


def test_a_full_mailbox_is_tried_to_the_end_and_then_bounces_as_full() -> None:
    """Also where it is said with 5xx; at the end "mailbox full" is what staff read, not "expired"."""
    for reply in ("452 4.2.2 Mailbox full", "552 5.2.2 Mailbox full"):
        assert changed(SENDING, attempt(reply)).events[0].kind == "deferred"
        end = changed(SENDING, attempt(reply), None)
        assert (end.status, end.reason, end.suppress) == (RecipientStatus.BOUNCED, Reason.MAILBOX_FULL, None)
        full = changed(replace(SENDING, history=FULL_FOR_LONG), attempt(reply), None).suppress
        assert full is not None
        assert (full.reason, full.expires_at) == (Reason.MAILBOX_FULL, NOW + 14 * DAY)


def test_an_unknown_user_is_gone_or_mistyped_by_history() -> None:
    """Whoever took a mail before no longer exists; who never did is probably mistyped."""
    unknown = attempt("550 5.1.1 User unknown")
    assert changed(SENDING, unknown).mistyped is True
    assert changed(replace(SENDING, history=LIVED), unknown).mistyped is False
    assert changed(SENDING, attempt("550 5.2.1 Account disabled")).mistyped is None


def test_the_suppression_names_the_mail_that_caused_it() -> None:
    """So that the next Not delivered can name that mail and day."""
    wanted = changed(SENDING, attempt("550 5.1.1 User unknown")).suppress
    assert wanted is not None
    assert (wanted.address, wanted.address_key) == (SENDING.forward_path, SENDING.address_key)
    assert (wanted.caused_by, wanted.at, wanted.expires_at) == (SENDING.recipient_id, NOW, None)


# Overtaken by another outcome


@pytest.mark.parametrize("settled", [DELIVERED, OPENED, BOUNCED], ids=["delivered", "opened", "bounced"])
@pytest.mark.parametrize("tried", [*PASSES, attempt("550 5.1.1 User unknown")], ids=str)
def test_a_failure_that_comes_too_late_changes_nothing(settled: RecipientFacts, tried: Attempt) -> None:
    """Another node or a report settled it during the attempt; a delivered mail does not become due again."""
    assert decide(settled, tried) is None
    assert decide(settled, tried, None) is None


def test_a_cancelled_recipient_is_not_tried_again_but_its_refusal_is_told() -> None:
    """Cancelled during the attempt: a failure for now ends there, a refusal for good is worth knowing."""
    assert decide(CANCELLED, PASSES[0]) is None
    change = changed(CANCELLED, attempt("550 5.1.1 User unknown"))
    assert (change.status, change.suppress is not None) == (RecipientStatus.BOUNCED, True)


def test_a_long_reply_is_cut() -> None:
    """What is kept of a peer's words has an end (D10)."""
    change = changed(SENDING, attempt("450 4.2.0 " + "x" * 60_000))
    assert len(change.last_reply) == len(change.events[0].reply) == 2_000


def test_our_own_finding_is_not_classified_again() -> None:
    """Attempt.reason goes before the reply's words; where permanence is not said it follows the reply."""
    own = attempt("452 4.3.1 over", Phase.MAIL, reason=Reason.MESSAGE_TOO_LARGE)
    assert finding_of(own) == Finding(Reason.MESSAGE_TOO_LARGE, False, "4.3.1", "own-finding")
    assert finding_of(replace(own, permanent=True)).permanent
    assert not finding_of(replace(own, reply=None)).permanent
    assert finding_of(replace(own, reply=None, status="5.3.4")).status == "5.3.4"
