"""
What an attempt's outcome changes: plain facts in, one ``Change`` out. Reports: ``bounce/decide_report.py``.

The laws that these decisions and those about reports keep, in whatever order attempts, reports and opens arrive
(tests/bounce/test_decide_laws.py holds each by its number):

(1) A change of status carries the event that tells it (promise 2).
(2) What was once true stays visible: delivered_at, opened_at and bounced_at are set once and never taken back.
(3) A bounce outranks a delivery and an open: the status stays Bounced whichever came first. What outranks
    Not delivered is any proof that the other side had the mail after all.
(4) A settled recipient never becomes due again.
(5) A report changes nothing for a recipient that never left us, and the same report again changes nothing.
(6) Nothing said of the sender suppresses an address (promise 8, ``bounce/suppressing.py``).

Pure: no I/O, no clock, no chance.
"""

from dataclasses import replace

from bounce.classify import Finding, classify
from bounce.suppressing import mistyped, suppression
from store.changes import AddressHistory, Change, RecipientFacts
from store.events import Bounced, Deferred, Delivered, Event, Expired
from store.nouns import Attempt, Job, Phase, Reason, RecipientStatus, State

POSSIBLE_DUPLICATE = "possible duplicate"
LOST_BEHIND_DOT = "possible duplicate: the connection was lost behind the final dot"
LOST_AT_THE_END = "it may have arrived: the connection was lost behind the final dot"

_NO_HISTORY = AddressHistory()
_LONGEST_TEXT = 2_000  # characters of a peer's words that are kept beside a recipient

# Reasons that pass, also where the other side says 5xx: trying again until the schedule ends is worth it.
_PASSING = frozenset({Reason.MAILBOX_FULL, Reason.RATE_LIMITED, Reason.CONNECTION_FAILED})


def finding_of(attempt: Attempt) -> Finding:
    """
    Name why an attempt failed: our own finding, else the peer's reply, else that there was none.

    For an attempt that delivered the result means nothing.
    """
    reply = attempt.reply
    if attempt.reason is not None:
        status = attempt.status or (str(reply.status) if reply is not None and reply.status is not None else "")
        said = reply is not None and reply.permanent
        permanent = said if attempt.permanent is None else attempt.permanent
        return Finding(reason=attempt.reason, permanent=permanent, status=status, rule="own-finding")
    if reply is None:
        return Finding(reason=Reason.CONNECTION_FAILED, permanent=False, status="", rule="no-reply")
    return classify(reply, phase=attempt.phase, remote_host=attempt.remote_host)


def delivers(attempt: Attempt) -> bool:
    """Whether the other side took the mail: its reply to the final dot was 2xx (RFC 5321 section 6.1)."""
    reply = attempt.reply
    taken = reply is not None and 200 <= reply.code < 300 and attempt.phase is Phase.END_OF_DATA
    return taken and attempt.reason is None and not attempt.unknown_outcome


def refuses(attempt: Attempt, finding: Finding) -> bool:
    """Whether a failed attempt failed for good: no later one can help."""
    if attempt.unknown_outcome or not finding.permanent or finding.reason in _PASSING:
        return False
    return not finding.status.startswith("4.")  # "550 4.7.1 try again later": where the two disagree, try again


def of_attempt(
    facts: RecipientFacts, attempt: Attempt, finding: Finding, next_attempt_at: float | None
) -> Change | None:
    """
    Decide what one attempt to deliver changes.

    Args:
        facts: The recipient as the store has it now; a report or a person may have settled it during the attempt.
        attempt: How the attempt ended.
        finding: ``finding_of(attempt)``.
        next_attempt_at: When the schedule would try again, Unix seconds; None when it gives up.

    Returns:
        None where nothing changes: the attempt of a claim that another outcome has overtaken.
    """
    if delivers(attempt):
        return delivered(facts, attempt)
    refused = refuses(attempt, finding)
    if facts.state is State.SETTLED and not (refused and facts.status is RecipientStatus.NOT_DELIVERED):
        return None
    if refused:
        return _bounced(facts, attempt, finding)
    if next_attempt_at is not None:
        return _deferred(facts, attempt, finding, next_attempt_at)
    if finding.reason is Reason.MAILBOX_FULL:
        return _bounced(facts, attempt, finding)  # "the mailbox is full" tells staff more than "we gave up"
    return _expired(facts, attempt, finding)


def as_accepted(job: Job) -> RecipientFacts:
    """Give the facts of a claimed recipient as acceptance left them, as far as they matter to a delivery."""
    return RecipientFacts(
        recipient_id=job.recipient_id,
        message_id=job.message_id,
        forward_path=job.forward_path,
        address_key="",
        status=RecipientStatus.SENDING,
        state=State.CLAIMED,
        reason=None,
        attempts=0,
        accepted_at=job.accepted_at,
        expires_at=job.expires_at,
        delivered_at=None,
        opened_at=None,
        bounced_at=None,
        reports=0,
        in_doubt=False,
        history=_NO_HISTORY,
    )


def delivered(facts: RecipientFacts, attempt: Attempt) -> Change:
    """Decide what an attempt changes that ``delivers``."""
    again = facts.in_doubt or facts.delivered_at is not None
    event = _event(Delivered, facts, attempt, note=POSSIBLE_DUPLICATE if again else "")
    overtaken = facts.bounced_at is not None  # a report was quicker than the 250 it belongs to: law 3
    opened = facts.opened_at is not None
    return Change(
        status=None if overtaken else RecipientStatus.OPENED if opened else RecipientStatus.DELIVERED,
        state=State.SETTLED,
        reason=None if overtaken else Reason.DELIVERED,
        rule="" if overtaken else "delivered",
        count_attempt=True,
        last_reply=event.reply,
        remote_host=attempt.remote_host,
        remote_address=attempt.remote_address,
        tls=attempt.tls,
        delivered_at=attempt.at if facts.delivered_at is None else None,
        events=(event,),
        lift=not overtaken,
    )


def _deferred(facts: RecipientFacts, attempt: Attempt, finding: Finding, next_attempt_at: float) -> Change:
    held = facts.state is State.HELD  # a person held it during the attempt: it waits for them, not for a time
    event = replace(
        _event(Deferred, facts, attempt, finding, note=_why(attempt)),
        next_attempt_at=None if held else next_attempt_at,
    )
    return replace(
        _failed(attempt, finding, event),
        state=None if held else State.DUE,
        next_attempt_at=next_attempt_at,
        in_doubt=attempt.unknown_outcome or None,  # once in doubt it stays so: any later copy may be the second
    )


def _bounced(facts: RecipientFacts, attempt: Attempt, finding: Finding) -> Change:
    event = _event(Bounced, facts, attempt, finding, note=_why(attempt))
    return replace(
        _failed(attempt, finding, event),
        status=RecipientStatus.BOUNCED,
        state=State.SETTLED,
        bounced_at=attempt.at if facts.bounced_at is None else None,
        mistyped=mistyped(facts, finding.reason),
        suppress=suppression(
            facts,
            finding.reason,
            permanent=finding.permanent,
            at=attempt.at,
            said=event.reply,
            phase=attempt.phase,
        ),
    )


def _expired(facts: RecipientFacts, attempt: Attempt, finding: Finding) -> Change:
    why = LOST_AT_THE_END if attempt.unknown_outcome else _why(attempt)
    note = "; ".join(filter(None, (why, f"last: {finding.reason.value}")))
    event = replace(_event(Expired, facts, attempt, finding, note=note), reason=Reason.EXPIRED)
    change = replace(_failed(attempt, finding, event), reason=Reason.EXPIRED)
    if facts.opened_at is not None:  # an earlier copy, lost behind its dot, had arrived: somebody read it
        return replace(change, reason=Reason.DELIVERED)
    return replace(change, status=RecipientStatus.NOT_DELIVERED)


def _why(attempt: Attempt) -> str:
    """Say what the reply does not: why there was none."""
    if attempt.unknown_outcome:
        return LOST_BEHIND_DOT
    return "" if attempt.reply is not None else kept(attempt.why)


def _settled(attempt: Attempt, event: Event) -> Change:
    """Build the columns every attempt writes, with the state a delivery leaves."""
    return Change(
        state=State.SETTLED,
        count_attempt=True,
        last_reply=event.reply,
        remote_host=attempt.remote_host,
        remote_address=attempt.remote_address,
        tls=attempt.tls,
        events=(event,),
    )


def _failed(attempt: Attempt, finding: Finding, event: Event) -> Change:
    """Build the columns every failed attempt writes; state and status are the caller's."""
    return replace(
        _settled(attempt, event),
        reason=finding.reason,
        rule=finding.rule,
        permanent=finding.permanent,
    )


def _event(
    kind: type[Event], facts: RecipientFacts, attempt: Attempt, finding: Finding | None = None, *, note: str = ""
) -> Event:
    return kind(
        message_id=facts.message_id,
        recipient_id=facts.recipient_id,
        at=attempt.at,
        reason=finding.reason if finding else None,
        rule=finding.rule if finding else "",
        reply=kept(str(attempt.reply)) if attempt.reply is not None else "",
        status=finding.status if finding else "",
        remote_host=attempt.remote_host,
        remote_address=attempt.remote_address,
        tls=attempt.tls,
        attempt=facts.attempts + 1,
        note=note,
    )


def kept(text: str) -> str:
    """Cut a peer's words to what is kept of them."""
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
