"""Builders for the plain values that decisions take: everything has a default, a test names what matters to it."""

from dataclasses import replace
from typing import Any

from bounce.report import Report, ReportedRecipient
from store.changes import AddressHistory, Change, RecipientFacts
from store.nouns import Attempt, Phase, Reason, RecipientStatus, Reply, State, Status

NOW = 1_790_000_000.0
DAY = 86_400.0
ADDRESS = "Ann@school.example"

SENDING = RecipientFacts(
    recipient_id=7,
    message_id=6,
    forward_path=ADDRESS,
    address_key="ann@school.example",
    status=RecipientStatus.SENDING,
    state=State.CLAIMED,
    reason=None,
    attempts=0,
    accepted_at=NOW - 60,
    expires_at=NOW + 3 * DAY,
    delivered_at=None,
    opened_at=None,
    bounced_at=None,
    reports=0,
    in_doubt=False,
    history=AddressHistory(),
)
DELIVERED = replace(
    SENDING,
    status=RecipientStatus.DELIVERED,
    state=State.SETTLED,
    reason=Reason.DELIVERED,
    attempts=1,
    delivered_at=NOW - 60,
)
OPENED = replace(DELIVERED, status=RecipientStatus.OPENED, opened_at=NOW - 30)
BOUNCED = replace(
    SENDING,
    status=RecipientStatus.BOUNCED,
    state=State.SETTLED,
    reason=Reason.NO_SUCH_USER,
    attempts=1,
    bounced_at=NOW - 30,
)
SUPPRESSED = replace(
    SENDING, status=RecipientStatus.NOT_DELIVERED, state=State.SETTLED, reason=Reason.SUPPRESSED, attempts=0
)
CANCELLED = replace(SENDING, status=RecipientStatus.NOT_DELIVERED, state=State.SETTLED, attempts=1)
FULL_FOR_LONG = AddressHistory(full_since=NOW - 14 * DAY, full_mails=2)
LIVED = AddressHistory(delivered_before=True, last_delivered_at=NOW - 90 * DAY)


def parse_reply(text: str) -> Reply:
    """Read ``550 5.1.1 No such user`` as the reply a peer gave."""
    code, _, words = text.partition(" ")
    return Reply(int(code), Status.parse(words.partition(" ")[0]), (words,))


def attempt(reply: str | None = None, phase: Phase = Phase.RCPT, **more: Any) -> Attempt:
    """Build an attempt that ended with this reply, or without one."""
    given = {"recipient_id": 7, "at": NOW, "remote_host": "mx.school.example"} | more
    return Attempt(phase=phase, reply=parse_reply(reply) if reply else None, **given)


def entry(
    reason: Reason = Reason.NO_SUCH_USER,
    *,
    address: str = ADDRESS,
    action: str = "failed",
    permanent: bool = True,
    status: str = "5.1.1",
) -> ReportedRecipient:
    """Build what a report says of one recipient."""
    return ReportedRecipient(
        address=address,
        action=action,
        status=status,
        reason=reason,
        permanent=permanent,
        diagnostic=f"550 {status} said the other side",
        rule="some-rule",
    )


def report(*entries: ReportedRecipient, kind: str = "bounce") -> Report:
    """Build a report."""
    return Report(kind=kind, recipients=entries)


def apply(facts: RecipientFacts, change: Change | None) -> RecipientFacts:
    """Give the facts as the store will have them after a change."""
    if change is None:
        return facts
    return replace(
        facts,
        status=change.status or facts.status,
        state=change.state or facts.state,
        reason=change.reason or facts.reason,
        attempts=facts.attempts + change.count_attempt,
        delivered_at=facts.delivered_at if change.delivered_at is None else change.delivered_at,
        bounced_at=facts.bounced_at if change.bounced_at is None else change.bounced_at,
        in_doubt=facts.in_doubt if change.in_doubt is None else change.in_doubt,
    )
