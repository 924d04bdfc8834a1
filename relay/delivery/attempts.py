"""
How an attempt ended, as the store's noun: from what the connection, the look-up or our own checks found.

Nothing here decides; the reason, unless it is our own finding, is named by ``bounce``.
"""

from relay.delivery.connection import Connection
from relay.delivery.dialogue import Outcome
from relay.delivery.envelope import Finding
from relay.delivery.pacing import Slower
from relay.delivery.pool import Unreachable
from store.errors import StoreError
from store.nouns import Attempt, Job, Phase, Reason


def from_outcome(job: Job, outcome: Outcome, connection: Connection, *, at: float) -> Attempt:
    """Tell how a mail ended on a connection."""
    return Attempt(
        recipient_id=job.recipient_id,
        at=at,
        phase=outcome.phase,
        reply=outcome.reply,
        why=outcome.why,
        reason=outcome.reason,
        permanent=outcome.permanent,
        status=outcome.status,
        remote_host=connection.host.name,
        remote_address=connection.address,
        tls=connection.tls,
        unknown_outcome=outcome.unknown,
    )


def from_unreachable(job: Job, unreachable: Unreachable, *, at: float) -> Attempt:
    """Tell that no host could be spoken to."""
    outcome = unreachable.outcome
    return Attempt(
        recipient_id=job.recipient_id,
        at=at,
        phase=outcome.phase,
        reply=outcome.reply,
        why=f"{unreachable.host}: {outcome.why}" if outcome.why else "",
        reason=outcome.reason,
        permanent=outcome.permanent,
        status=outcome.status,
        remote_host=unreachable.host,
        remote_address=unreachable.address,
    )


def from_down(job: Job, unreachable: Unreachable, *, at: float) -> Attempt:
    """Tell that the destination was found unreachable a moment ago, so that this mail was not tried now."""
    said = unreachable.outcome.why or str(unreachable.outcome.reply)
    return Attempt(
        recipient_id=job.recipient_id,
        at=at,
        phase=unreachable.outcome.phase,
        reply=None,
        why=f"waiting for {unreachable.host}, which could not be reached a short while ago: {said}",
        reason=Reason.CONNECTION_FAILED,
        permanent=False,
        status=unreachable.outcome.status,
        remote_host=unreachable.host,
        remote_address=unreachable.address,
    )


def from_slower(job: Job, slower: Slower, *, at: float) -> Attempt:
    """Tell that the destination asked for fewer mails a moment ago, so that this one was not tried now."""
    return Attempt(
        recipient_id=job.recipient_id,
        at=at,
        phase=Phase.CHECK,
        reply=None,
        why=f"waiting for {slower.host}, which asked for fewer mails a short while ago: {slower.said}",
        reason=Reason.RATE_LIMITED,
        permanent=False,
        remote_host=slower.host,
        remote_address=slower.address,
    )


def from_finding(
    job: Job, finding: Finding, *, at: float, phase: Phase, connection: Connection | None = None
) -> Attempt:
    """Tell what we found out without asking the other side."""
    return Attempt(
        recipient_id=job.recipient_id,
        at=at,
        phase=phase,
        reply=None,
        why=finding.why,
        reason=finding.reason,
        permanent=finding.permanent,
        status=finding.status,
        remote_host=connection.host.name if connection else "",
        remote_address=connection.address if connection else "",
        tls=connection.tls if connection else "",
    )


def from_mistake(job: Job, error: Exception, *, at: float) -> Attempt:
    """Tell that our own code or store failed: never the sender's or the recipient's fault, so for now only."""
    why = (
        str(error) if isinstance(error, StoreError) else f"a fault of this server ({type(error).__name__}); see its log"
    )
    return Attempt(
        recipient_id=job.recipient_id,
        at=at,
        phase=Phase.CHECK,
        reply=None,
        why=why,
        reason=Reason.SYSTEM_ERROR,
        permanent=False,
        status="4.3.0",
    )
