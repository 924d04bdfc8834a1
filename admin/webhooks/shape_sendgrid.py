"""
What a webhook says to a program written for SendGrid: an array of events with its field names.

Metadata stands among the fields, as its "unique arguments" do, and never in place of one of them. Cancelled mails and
automatic replies are not said, nor loads of the pixel that are known to be no recipient's.

Pure: no I/O, no clock, no chance.
"""

from typing import Any

from store.events import Event
from store.journal_record import ToldEvent
from store.nouns import Reason, Verdict

_CLASSIFICATION = {
    Reason.NO_SUCH_USER: "Invalid Address",
    Reason.ADDRESS_INVALID: "Invalid Address",
    Reason.ACCOUNT_DISABLED: "Invalid Address",
    Reason.DOMAIN_NOT_FOUND: "Invalid Address",
    Reason.MAILBOX_FULL: "Mailbox Unavailable",
    Reason.MESSAGE_TOO_LARGE: "Content",
    Reason.SPAM_REJECTED: "Content",
    Reason.CONTENT_REJECTED: "Content",
    Reason.SENDER_BLOCKED: "Reputation",
    Reason.POLICY_REJECTED: "Reputation",
    Reason.AUTH_FAILED: "Technical",
    Reason.RELAY_DENIED: "Technical",
    Reason.CONNECTION_FAILED: "Technical",
    Reason.SYSTEM_ERROR: "Technical",
    Reason.RATE_LIMITED: "Frequency/Volume",
}
# The others are SendGrid's "blocked": refused now, the address itself may be good.
_HARD = frozenset({Reason.NO_SUCH_USER, Reason.ADDRESS_INVALID, Reason.ACCOUNT_DISABLED, Reason.DOMAIN_NOT_FOUND})
_NOBODYS = frozenset({Verdict.PROBE, Verdict.OWN})


def sendgrid(told: ToldEvent) -> dict[str, Any] | None:
    """Say an event as SendGrid would, as one member of its array; None: it would say nothing."""
    more = _of_kind(told)
    if more is None:
        return None
    record = told.record
    fields = {
        "email": record.forward_path,
        "timestamp": int(record.event.at),
        "smtp-id": f"<{told.header_message_id}>",
        "category": list(told.tags),
        "sg_event_id": f"evt_{record.position}",
        "sg_message_id": f"{record.event.message_id}.{record.event.recipient_id}",
    }
    own = told.metadata | {"customer": record.customer, "invoice": record.invoice}
    return own | fields | more


def _of_kind(told: ToldEvent) -> dict[str, Any] | None:
    event = told.record.event
    said = event.reply or event.note
    by_person = event.verdict is not None and event.verdict.by_person
    dropped_why = "Spam Reporting Address" if event.reason == Reason.COMPLAINT else "Bounced Address"
    fields: dict[str, dict[str, Any]] = {
        "accepted": {"event": "processed"},
        "delivered": {"event": "delivered", "response": said, "ip": event.remote_address, "tls": int(bool(event.tls))},
        "deferred": {"event": "deferred", "response": said, "attempt": str(event.attempt)},
        "bounced": _bounce(event),
        "expired": _bounce(event) | {"type": "blocked"},
        "suppressed": {"event": "dropped", "reason": dropped_why},
        "complained": {"event": "spamreport"},
        "opened": {"event": "open", "sg_machine_open": not by_person, "ip": "", "useragent": ""},
    }
    return None if event.verdict in _NOBODYS else fields.get(event.kind)


def _bounce(event: Event) -> dict[str, Any]:
    return {
        "event": "bounce",
        "type": "bounce" if event.reason in _HARD else "blocked",
        "reason": event.reply or event.note,
        "status": event.status,
        "bounce_classification": _CLASSIFICATION.get(event.reason or Reason.UNDETERMINED, "Unclassified"),
        "ip": event.remote_address,
        "tls": int(bool(event.tls)),
    }
