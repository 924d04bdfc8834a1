"""The shapes of bodies: ours, and the fields that programs written for other services read."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.webhooks.body import body, say
from admin.webhooks.shape_mailgun import signature
from store.events import KINDS
from store.nouns import Reason, Verdict
from store.webhook_nouns import Shape
from tests.admin.webhooks.events import AT, told

GONE = {"reason": Reason.NO_SUCH_USER, "reply": "550 5.1.1 User unknown", "status": "5.1.1", "remote_host": "mx.test"}


def test_homing_has_the_fields_of_tail() -> None:
    """Kind and time in front, then all fields of an event, and what the application gave with the mail."""
    said = say(Shape.HOMING, told("bounced", **GONE))
    assert said is not None
    assert (said["type"], said["timestamp"]) == ("bounced", "2026-09-21T14:13:20.500Z")
    data = said["data"]
    assert (data["position"], data["message"], data["recipient"], data["address"]) == (7, "11", "22", "ann@example.org")
    assert (data["reason"], data["explanation"]) == ("no_such_user", "This email address does not exist.")
    assert (data["customer"], data["invoice"], data["tags"]) == ("4711", "INV-1", ["fees"])
    assert (data["metadata"], data["header_message_id"]) == ({"term": "2"}, "1@club.example")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            told("delivered", reply="250 ok"),
            {"RecordType": "Delivery", "Recipient": "ann@example.org", "Details": "250 ok"},
        ),
        (told("bounced", **GONE), {"RecordType": "Bounce", "Type": "HardBounce", "TypeCode": 1, "Inactive": True}),
        (
            told("bounced", reason=Reason.MAILBOX_FULL, reply="552 full"),
            {"Type": "SoftBounce", "TypeCode": 4096, "Inactive": False, "Email": "ann@example.org"},
        ),
        (told("bounced", reason=Reason.DOMAIN_NOT_FOUND), {"Type": "DnsError", "TypeCode": 256}),
        (told("bounced", reason=Reason.SENDER_BLOCKED), {"Type": "Blocked", "TypeCode": 100006}),
        (told("bounced"), {"Type": "Unknown", "TypeCode": 2048}),
        (told("expired"), {"Type": "SoftBounce"}),
        (told("deferred", reason=Reason.RATE_LIMITED), {"Type": "Transient", "TypeCode": 2}),
        (told("suppressed", reason=Reason.NO_SUCH_USER), {"Type": "SMTPApiError", "TypeCode": 100007}),
        (told("autoresponded", reason=Reason.AUTO_REPLY), {"Type": "AutoResponder", "TypeCode": 64}),
        (told("autoresponded", reason=Reason.CHALLENGE_RESPONSE), {"Type": "ChallengeVerification"}),
        (
            told("complained", reason=Reason.COMPLAINT),
            {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "TypeCode": 100001, "CanActivate": False},
        ),
        (told("opened", verdict=Verdict.PERSON), {"RecordType": "Open", "FirstOpen": True}),
        (told("opened", verdict=Verdict.PROXY, first_opened_at=AT - 9), {"RecordType": "Open", "FirstOpen": False}),
    ],
)
def test_postmark(event: object, expected: dict[str, object]) -> None:
    """Record type, bounce type and its code are those of Postmark's documentation."""
    said = say(Shape.POSTMARK, event)  # type: ignore[arg-type]
    assert said is not None
    assert {name: said[name] for name in expected} == expected
    assert (said["MessageID"], said["Tag"], said["MessageStream"]) == ("11", "fees", "outbound")
    assert said["Metadata"] == {"term": "2", "customer": "4711", "invoice": "INV-1"}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (told("accepted"), {"event": "accepted"}),
        (told("delivered", reply="250 ok", attempt=1), {"event": "delivered", "log-level": "info"}),
        (told("deferred", next_attempt_at=AT + 60), {"event": "failed", "severity": "temporary", "log-level": "warn"}),
        (told("bounced", **GONE), {"event": "failed", "severity": "permanent", "reason": "bounce"}),
        (told("expired"), {"event": "failed", "severity": "permanent", "reason": "old"}),
        (told("suppressed", reason=Reason.NO_SUCH_USER), {"event": "failed", "reason": "suppress-bounce"}),
        (told("suppressed", reason=Reason.COMPLAINT), {"event": "failed", "reason": "suppress-complaint"}),
        (told("complained"), {"event": "complained"}),
        (told("opened", verdict=Verdict.PERSON), {"event": "opened"}),
    ],
)
def test_mailgun(event: object, expected: dict[str, object]) -> None:
    """``event-data`` has Mailgun's names; the mail is known again by its Message-ID and variables."""
    whole = say(Shape.MAILGUN, event)  # type: ignore[arg-type]
    assert whole is not None
    said = whole["event-data"]
    assert {name: said[name] for name in expected} == expected
    assert (said["recipient"], said["recipient-domain"], said["timestamp"]) == ("ann@example.org", "example.org", AT)
    assert said["message"]["headers"]["message-id"] == "1@club.example"
    assert said["user-variables"] == {"term": "2", "customer": "4711", "invoice": "INV-1"}
    assert said["tags"] == ["fees"]


def test_mailguns_delivery_status() -> None:
    """Codes are numbers; a temporary failure says when it is tried again, a permanent one how bad it is."""
    said = say(Shape.MAILGUN, told("bounced", **GONE))
    assert said is not None
    status = said["event-data"]["delivery-status"]
    assert (status["code"], status["enhanced-code"], status["bounce-type"]) == (550, "5.1.1", "hard")
    said = say(Shape.MAILGUN, told("deferred", reply="x", next_attempt_at=AT + 60))
    assert said is not None
    assert (said["event-data"]["delivery-status"]["retry-seconds"], said["event-data"]["delivery-status"]["code"]) == (
        60,
        0,
    )
    said = say(Shape.MAILGUN, told("suppressed", reason=Reason.NO_SUCH_USER))
    assert said is not None
    assert said["event-data"]["delivery-status"]["code"] == 605


def test_mailguns_signature() -> None:
    """Hexadecimal HMAC-SHA256 over timestamp and token, as its documentation says."""
    block = signature("whsec_x", now=AT, token="ab" * 25)
    expected = hmac.new(b"whsec_x", (block["timestamp"] + block["token"]).encode(), hashlib.sha256).hexdigest()
    assert block == {"timestamp": str(int(AT)), "token": "ab" * 25, "signature": expected}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (told("accepted"), {"event": "processed"}),
        (told("delivered", reply="250 ok", tls="TLSv1.3"), {"event": "delivered", "response": "250 ok", "tls": 1}),
        (
            told("deferred", reply="450 later", attempt=5),
            {"event": "deferred", "response": "450 later", "attempt": "5"},
        ),
        (
            told("bounced", **GONE),
            {"event": "bounce", "type": "bounce", "status": "5.1.1", "bounce_classification": "Invalid Address"},
        ),
        (told("bounced", reason=Reason.SPAM_REJECTED), {"type": "blocked", "bounce_classification": "Content"}),
        (told("bounced"), {"type": "blocked", "bounce_classification": "Unclassified"}),
        (told("expired", reason=Reason.NO_SUCH_USER), {"event": "bounce", "type": "blocked"}),
        (told("suppressed", reason=Reason.NO_SUCH_USER), {"event": "dropped", "reason": "Bounced Address"}),
        (told("suppressed", reason=Reason.COMPLAINT), {"event": "dropped", "reason": "Spam Reporting Address"}),
        (told("complained"), {"event": "spamreport"}),
        (told("opened", verdict=Verdict.PERSON), {"event": "open", "sg_machine_open": False}),
        (told("opened", verdict=Verdict.PREFETCH), {"event": "open", "sg_machine_open": True}),
    ],
)
def test_sendgrid(event: object, expected: dict[str, object]) -> None:
    """Events, types and names are those of SendGrid's documentation; metadata stands among them."""
    said = say(Shape.SENDGRID, event)  # type: ignore[arg-type]
    assert said is not None
    assert {name: said[name] for name in expected} == expected
    assert (said["email"], said["timestamp"], said["smtp-id"]) == ("ann@example.org", int(AT), "<1@club.example>")
    assert (said["sg_event_id"], said["sg_message_id"], said["category"]) == ("evt_7", "11.22", ["fees"])
    assert (said["term"], said["customer"]) == ("2", "4711")


def test_metadata_never_takes_the_place_of_a_field() -> None:
    """SendGrid has them side by side: whoever names a value ``event`` cannot change what is said."""
    said = say(Shape.SENDGRID, told("bounced", metadata={"event": "delivered", "email": "x"}, **GONE))
    assert said is not None
    assert (said["event"], said["email"]) == ("bounce", "ann@example.org")


@pytest.mark.parametrize(
    ("shape", "event"),
    [
        (Shape.POSTMARK, told("accepted")),
        (Shape.POSTMARK, told("cancelled")),
        (Shape.POSTMARK, told("opened", verdict=Verdict.PREFETCH)),
        (Shape.MAILGUN, told("cancelled")),
        (Shape.MAILGUN, told("autoresponded")),
        (Shape.SENDGRID, told("cancelled")),
        (Shape.SENDGRID, told("opened", verdict=Verdict.OWN)),
    ],
)
def test_what_a_service_has_no_word_for_is_not_said(shape: Shape, event: object) -> None:
    """A program written for it would not know what to do with it."""
    assert say(shape, event) is None  # type: ignore[arg-type]


@given(
    st.sampled_from(list(Shape)),
    st.sampled_from(sorted(KINDS)),
    st.none() | st.sampled_from(list(Reason)),
    st.none() | st.sampled_from(list(Verdict)),
    st.text(max_size=20),
)
def test_every_event_is_said_or_left_out(
    shape: Shape, kind: str, reason: Reason | None, verdict: Verdict | None, reply: str
) -> None:
    """Whatever the event, each shape gives JSON or nothing; ours always gives it."""
    said = say(shape, told(kind, reason=reason, verdict=verdict, reply=reply))
    assert said is not None or shape is not Shape.HOMING
    if said is not None:
        json.loads(body(shape, [said], batch=False))


def test_a_batch_is_an_array() -> None:
    """So is everything that SendGrid says; one event alone is an object else."""
    assert body(Shape.HOMING, [{"a": 1}], batch=False) == '{"a":1}'
    assert body(Shape.HOMING, [{"a": 1}], batch=True) == '[{"a":1}]'
    assert body(Shape.SENDGRID, [{"a": 1}], batch=False) == '[{"a":1}]'
