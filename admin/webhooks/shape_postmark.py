"""
What a webhook says to a program written for Postmark: its record types and field names.

What Postmark does not know is not said: acceptance, cancelling, and loads of the pixel that are not by a person.

Pure: no I/O, no clock, no chance.
"""

from datetime import UTC, datetime
from typing import Any

from store.events import Event
from store.journal_record import ToldEvent
from store.nouns import Reason
from store.reasons import text as reason_text

# type -> (code, name), of those that we give
_TYPES = {
    "HardBounce": (1, "Hard bounce"),
    "Transient": (2, "Message delayed"),
    "AutoResponder": (64, "Auto responder"),
    "DnsError": (256, "DNS error"),
    "SpamNotification": (512, "Spam notification"),
    "Unknown": (2048, "Unknown"),
    "SoftBounce": (4096, "Soft bounce"),
    "ChallengeVerification": (16384, "Spam challenge verification"),
    "BadEmailAddress": (100000, "Invalid email address"),
    "SpamComplaint": (100001, "Spam complaint"),
    "Blocked": (100006, "ISP block"),
    "SMTPApiError": (100007, "SMTP API error"),
}
_OF_REASON = {
    Reason.NO_SUCH_USER: "HardBounce",
    Reason.ACCOUNT_DISABLED: "HardBounce",
    Reason.ADDRESS_INVALID: "BadEmailAddress",
    Reason.DOMAIN_NOT_FOUND: "DnsError",
    Reason.MAILBOX_FULL: "SoftBounce",
    Reason.MESSAGE_TOO_LARGE: "SoftBounce",
    Reason.SPAM_REJECTED: "SpamNotification",
    Reason.CONTENT_REJECTED: "SpamNotification",
    Reason.SENDER_BLOCKED: "Blocked",
    Reason.POLICY_REJECTED: "Blocked",
    Reason.AUTH_FAILED: "Blocked",
    Reason.RELAY_DENIED: "Blocked",
    Reason.CHALLENGE_RESPONSE: "ChallengeVerification",
    Reason.AUTO_REPLY: "AutoResponder",
    Reason.COMPLAINT: "SpamComplaint",
}
_GONE = frozenset({"HardBounce", "BadEmailAddress", "SpamComplaint", "SMTPApiError"})  # no mail goes there any more


def postmark(told: ToldEvent) -> dict[str, Any] | None:
    """Say an event as Postmark would; None: it would say nothing."""
    event = told.record.event
    match event.kind:
        case "delivered":
            return _about(told, "Delivery") | {
                "Recipient": told.record.forward_path,
                "DeliveredAt": _time(event.at),
                "Details": event.reply,
            }
        case "opened":
            return _open(told) if event.verdict and event.verdict.by_person else None
        case "bounced" | "expired" | "deferred" | "suppressed" | "autoresponded":
            return _bounce(told, _type(event))
        case "complained":
            return _bounce(told, "SpamComplaint") | {"RecordType": "SpamComplaint"}
    return None


def _type(event: Event) -> str:
    if event.kind == "deferred":
        return "Transient"
    if event.kind == "suppressed":  # Postmark: "You tried to send to a recipient that has been marked as inactive"
        return "SMTPApiError"
    known = _OF_REASON.get(event.reason) if event.reason else None
    if event.kind == "autoresponded":
        return known or "AutoResponder"
    return known or ("SoftBounce" if event.kind == "expired" else "Unknown")


def _about(told: ToldEvent, record_type: str) -> dict[str, Any]:
    return {
        "RecordType": record_type,
        "MessageStream": "outbound",
        "ServerID": 0,
        "MessageID": str(told.record.event.message_id),
        "Tag": told.tags[0] if told.tags else "",
        "Metadata": told.metadata | {"customer": told.record.customer, "invoice": told.record.invoice},
    }


def _bounce(told: ToldEvent, kind: str) -> dict[str, Any]:
    event = told.record.event
    code, name = _TYPES[kind]
    return _about(told, "Bounce") | {
        "ID": told.record.position,
        "Type": kind,
        "TypeCode": code,
        "Name": name,
        "Description": reason_text(event.reason).sentence if event.reason else "",
        "Details": event.reply or event.note,
        "Email": told.record.forward_path,
        "From": told.sender,
        "BouncedAt": _time(event.at),
        "DumpAvailable": False,
        "Inactive": kind in _GONE,
        "CanActivate": kind in _GONE and kind != "SpamComplaint",
        "Subject": told.record.subject,
    }


def _open(told: ToldEvent) -> dict[str, Any]:
    event = told.record.event
    return _about(told, "Open") | {
        "FirstOpen": told.first_opened_at is None or event.at <= told.first_opened_at,
        "Recipient": told.record.forward_path,
        "ReceivedAt": _time(event.at),
        "Platform": "Unknown",  # agents are judged in memory and not kept
        "UserAgent": "",
        "OS": {},
        "Client": {},
        "Geo": {},
    }


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
