"""
What a webhook says to a program written for Mailgun: ``event-data`` and its fields, and a signature in the body.

Cancelled mails and automatic replies are not said: Mailgun knows no such event.

Pure: no I/O, no clock, no chance.
"""

import hashlib
import hmac
from typing import Any

from store.addresses import split_address
from store.events import Event
from store.journal_record import ToldEvent
from store.nouns import Reason
from store.reasons import text as reason_text

_SOFT = frozenset({Reason.MAILBOX_FULL, Reason.MESSAGE_TOO_LARGE, Reason.RATE_LIMITED, Reason.CONNECTION_FAILED})


def mailgun(told: ToldEvent) -> dict[str, Any] | None:
    """Say an event as Mailgun would, without the signature; None: it would say nothing."""
    match told.record.event.kind:
        case "accepted":
            more: dict[str, Any] = {"event": "accepted", "log-level": "info", "method": "SMTP"}
        case "delivered":
            more = {"event": "delivered", "log-level": "info", "delivery-status": _delivery_status(told)}
        case "opened":
            more = _opened(told)
        case "complained":
            more = {"event": "complained", "log-level": "warn"}
        case "deferred":
            more = _failed(told, severity="temporary", why="generic")
        case "bounced":
            more = _failed(told, severity="permanent", why="bounce")
        case "expired":
            more = _failed(told, severity="permanent", why="old")
        case "suppressed":
            complained = told.record.event.reason == Reason.COMPLAINT
            more = _failed(told, severity="permanent", why="suppress-complaint" if complained else "suppress-bounce")
        case _:
            return None
    return {"event-data": _about(told) | more}


def signature(secret: str, *, now: float, token: str) -> dict[str, str]:
    """Give the block that Mailgun puts beside ``event-data``: hexadecimal HMAC-SHA256 over timestamp and token."""
    timestamp = str(int(now))
    signed = hmac.new(secret.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {"timestamp": timestamp, "token": token, "signature": signed}


def _about(told: ToldEvent) -> dict[str, Any]:
    record = told.record
    return {
        "id": f"evt_{record.position}",
        "timestamp": record.event.at,
        "recipient": record.forward_path,
        "recipient-domain": split_address(record.forward_path)[1],
        "tags": list(told.tags),
        "campaigns": [],
        "user-variables": told.metadata | {"customer": record.customer, "invoice": record.invoice},
        "flags": {"is-routed": False, "is-authenticated": True, "is-system-test": False, "is-test-mode": False},
        "envelope": {"transport": "smtp", "sender": told.sender, "targets": record.forward_path},
        "message": {
            "headers": {
                "to": record.forward_path,
                "message-id": told.header_message_id,
                "from": told.sender,
                "subject": record.subject,
            },
            "attachments": [],
            "size": told.size,
        },
    }


def _delivery_status(told: ToldEvent) -> dict[str, Any]:
    event = told.record.event
    return {
        "attempt-no": event.attempt,
        "code": _code(event),
        "enhanced-code": event.status,
        "message": event.reply or event.note,
        "description": reason_text(event.reason).sentence if event.reason else "",
        "mx-host": event.remote_host,
        "tls": bool(event.tls),
    }


def _failed(told: ToldEvent, *, severity: str, why: str) -> dict[str, Any]:
    event = told.record.event
    status = _delivery_status(told)
    if severity == "permanent":
        status["bounce-type"] = "soft" if event.reason in _SOFT or why == "old" else "hard"
    if severity == "temporary" and event.next_attempt_at is not None:
        status["retry-seconds"] = max(0, round(event.next_attempt_at - event.at))
    if why == "suppress-bounce":
        status |= {"code": 605, "description": "Not delivering to previously bounced address"}
    elif why == "suppress-complaint":
        status |= {"code": 607, "description": "Not delivering to a user who marked your messages as spam"}
    elif why == "old":
        status |= {"code": 602, "description": "Too old"}
    level = "warn" if severity == "temporary" else "error"
    return {"event": "failed", "severity": severity, "reason": why, "log-level": level, "delivery-status": status}


def _opened(told: ToldEvent) -> dict[str, Any]:
    verdict = told.record.event.verdict
    bot = "" if verdict and verdict.by_person else "generic"
    info = {"client-name": "unknown", "client-type": "unknown", "client-os": "unknown", "device-type": "unknown"}
    # Addresses and agents are judged in memory and not kept.
    return {
        "event": "opened",
        "log-level": "info",
        "ip": "",
        "geolocation": {"country": "Unknown", "region": "Unknown", "city": "Unknown"},
        "client-info": info | {"user-agent": "", "bot": bot},
    }


def _code(event: Event) -> int:
    code = event.reply[:3]
    return int(code) if code.isascii() and code.isdigit() and len(code) == 3 else 0
