"""relay/sandbox/letters.py: read back with Python's own parser, as a peer would."""

from email import message_from_bytes, policy
from email.message import EmailMessage, Message

import pytest

from relay.sandbox.behaviour import FULL_FOR_GOOD, GONE
from relay.sandbox.letters import About, Letter, auto_reply, bounce, complaint
from relay.sandbox.sender import stuffed

NOW = 1_800_000_000.0
ABOUT = About(
    reverse_path="breturnpath@bounces.club.test",
    forward_path="maria@sandbox.test",
    header=b"From: office@club.test\r\nSubject: Your fees\r\nMessage-ID: <m1@club.test>\r\n",
    arrived_at=NOW - 3.0,
    host="mx.sandbox.test",
)


def parsed(letter: Letter) -> EmailMessage:
    message = message_from_bytes(letter.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not any(part.defects for part in message.walk())
    return message


def blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    assert isinstance(payload, list)
    return payload


@pytest.mark.parametrize("reply", [GONE, FULL_FOR_GOOD])
def test_bounce_is_a_delivery_status_notification(reply: object) -> None:
    """RFC 3464: the null path, three parts, per-message and per-recipient fields, the original's header."""
    assert reply in (GONE, FULL_FOR_GOOD)
    letter = bounce(ABOUT, GONE if reply is GONE else FULL_FOR_GOOD, NOW)
    assert (letter.reverse_path, letter.forward_path) == ("", ABOUT.reverse_path)
    message = parsed(letter)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    text, status, original = message.iter_parts()
    assert [text.get_content_type(), status.get_content_type(), original.get_content_type()] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    of_message, of_recipient = blocks(status)
    assert of_message["Reporting-MTA"] == "dns; mx.sandbox.test"
    assert of_recipient["Final-Recipient"] == "rfc822; maria@sandbox.test"
    assert of_recipient["Action"] == "failed"
    assert of_recipient["Status"] == ("5.1.1" if reply is GONE else "5.2.2")
    assert of_recipient["Diagnostic-Code"].startswith("smtp; 55")
    assert "Message-ID: <m1@club.test>" in original.get_content()


def test_bounce_of_an_internationalised_address() -> None:
    """RFC 6533: the address as it is, under its own type."""
    about = About(**{name: getattr(ABOUT, name) for name in ABOUT.__slots__} | {"forward_path": "maría@sandbox.test"})
    letter = bounce(about, GONE, NOW)
    assert "Final-Recipient: utf-8; maría@sandbox.test".encode() in letter.content
    assert b"message/global-delivery-status" in letter.content


def test_auto_reply_is_marked_as_one() -> None:
    """RFC 3834: to the return path, from the null path, with the field that says so."""
    letter = auto_reply(ABOUT, NOW)
    assert (letter.reverse_path, letter.forward_path) == ("", ABOUT.reverse_path)
    assert parsed(letter)["Auto-Submitted"] == "auto-replied"


def test_complaint_is_a_feedback_report() -> None:
    """RFC 5965: an abuse report about this mail."""
    message = parsed(complaint(ABOUT, NOW))
    assert message.get_param("report-type") == "feedback-report"
    _, report, original = message.iter_parts()
    assert report.get_content_type() == "message/feedback-report"
    assert b"Feedback-Type: abuse\r\n" in complaint(ABOUT, NOW).content
    assert "Subject: Your fees" in original.get_content()


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".a\r\n.\r\n..\r\n", b"..a\r\n..\r\n...\r\n.\r\n"),
    ],
)
def test_dots_are_doubled(content: bytes, wire: bytes) -> None:
    """RFC 5321 section 4.5.2, in the first line too."""
    assert stuffed(content) == wire
