"""relay/message/dsn.py: the reports that senders get."""

import email
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounce.report import read
from relay.message.dsn import Dsn, DsnRecipient, original_recipient, write

ANN = DsnRecipient(
    final_recipient="ann@school.test",
    action="failed",
    status="5.1.1",
    said="This email address does not exist. Ask for the right one.",
    original_recipient="rfc822;ann+2Bfees@school.test",
    remote_mta="mx.school.test",
    diagnostic="550 5.1.1 <ann@school.test>: User unknown",
    last_attempt_at=1_790_000_050.0,
)
MAIL = b"From: office@club.test\r\nSubject: Fees\r\nMessage-ID: <fees@club.test>\r\n\r\nPlease pay.\r\n"
DSN = Dsn(
    id="42.report",
    hostname="relay.test",
    to="office@club.test",
    at=1_790_000_060.0,
    envelope_id="run 7",
    arrived_at=1_790_000_000.0,
    subject="Fees",
    header_message_id="fees@club.test",
    recipients=[ANN],
    returned=MAIL,
    whole=True,
)


def parse(raw: bytes) -> EmailMessage:
    return cast("EmailMessage", email.message_from_bytes(raw, policy=policy.default))


def status_blocks(mail: EmailMessage) -> list[dict[str, str]]:
    part = list(mail.iter_parts())[1]
    return [dict(block.items()) for block in cast("list[EmailMessage]", part.get_payload())]


def test_a_report_of_a_failure() -> None:
    """The parts, the fields and their values are those of RFC 6522 and RFC 3464, and it says what people need."""
    mail = parse(write(DSN))
    assert (mail["To"], mail["Subject"], mail["Auto-Submitted"]) == (
        "office@club.test",
        "Not delivered: Fees",
        "auto-replied",
    )
    assert mail["In-Reply-To"] == "<fees@club.test>"
    assert (mail.get_content_type(), mail.get_param("report-type")) == ("multipart/report", "delivery-status")
    words, _, returned = mail.iter_parts()
    text = cast("EmailMessage", words).get_content()
    assert "ann@school.test" in text
    assert ANN.said in text
    assert ANN.diagnostic in text
    assert status_blocks(mail) == [
        {
            "Reporting-MTA": "dns; relay.test",
            "Original-Envelope-Id": "run 7",
            "Arrival-Date": "Mon, 21 Sep 2026 14:13:20 +0000",
        },
        {
            "Original-Recipient": "rfc822; ann+fees@school.test",
            "Final-Recipient": "rfc822; ann@school.test",
            "Action": "failed",
            "Status": "5.1.1",
            "Remote-MTA": "dns; mx.school.test",
            "Diagnostic-Code": "smtp; 550 5.1.1 <ann@school.test>: User unknown",
            "Last-Attempt-Date": "Mon, 21 Sep 2026 14:14:10 +0000",
        },
    ]
    assert returned.get_content_type() == "message/rfc822"


def test_our_own_reader_reads_it() -> None:
    """The reader that is measured on real bounces finds address, code and reason."""
    report = read(write(replace(DSN, recipients=[replace(ANN, original_recipient="")])))
    assert report.kind == "bounce"
    (found,) = report.recipients
    assert (found.address, found.status, found.reason.value) == ("ann@school.test", "5.1.1", "no_such_user")


@pytest.mark.parametrize(
    ("action", "kind", "words"),
    [("delayed", "delayed", "need not send it again"), ("relayed", "not-a-bounce", "was taken by the mail server")],
)
def test_what_is_no_failure_is_not_taken_for_one(action: str, kind: str, words: str) -> None:
    """A delay says until when it is tried; what was relayed says no more than that."""
    until = 1_790_200_000.0 if action == "delayed" else None
    status = "4.4.1" if action == "delayed" else "2.0.0"
    ann = replace(ANN, action=action, status=status, will_retry_until=until, diagnostic="")
    raw = write(replace(DSN, recipients=[ann]))
    assert read(raw).kind == kind
    assert words in cast("EmailMessage", next(parse(raw).iter_parts())).get_content().replace("\n", " ")
    assert status_blocks(parse(raw))[1].get("Will-Retry-Until") == (
        "Wed, 23 Sep 2026 21:46:40 +0000" if action == "delayed" else None
    )


def test_the_mail_stands_in_it_byte_for_byte() -> None:
    """Whatever is in the mail, it is given back as it came, behind a boundary that it does not hold."""
    mail = MAIL + b"--=_42.report\r\n--=_42.report--\r\n\xff\xfe\r\n"
    raw = write(replace(DSN, returned=mail))
    assert mail in raw
    assert b"Content-Transfer-Encoding: 8bit\r\n" in raw
    assert len(list(parse(raw).iter_parts())) == 3


def test_without_the_mail_it_has_two_parts() -> None:
    """The third part is optional (RFC 6522 section 3)."""
    assert len(list(parse(write(replace(DSN, returned=None))).iter_parts())) == 2


def test_an_address_outside_ascii() -> None:
    """It is said as utf-8-addr-xtext, and the report stays in ASCII where the sender's address is."""
    jose = replace(ANN, final_recipient="josé@school.test", original_recipient="")
    raw = write(replace(DSN, recipients=[jose]))
    assert b"Final-Recipient: utf-8; jos\\x{E9}@school.test\r\n" in raw
    assert raw.isascii()
    assert read(raw).recipients[0].address == "josé@school.test"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("rfc822;ann+2Bfees@school.test", "rfc822; ann+fees@school.test"),
        ("rfc822;ann+0D+0AX: y@school.test", "rfc822; ann?X: y@school.test"),
        ("no semicolon", ""),
        ("", ""),
    ],
)
def test_orcpt(given: str, expected: str) -> None:
    """It is decoded from xtext, and can end no line."""
    assert original_recipient(given) == expected


_said = st.text(max_size=1_500) | st.sampled_from(
    ["x" * 5_000, "a\r\nAction: delivered\r\n", "\0", "é" * 900, " " * 200]
)


@given(said=_said, subject=_said, message_id=_said, envelope_id=_said, returned=st.none() | st.binary(max_size=300))
def test_whatever_was_said_it_ends_no_field(
    said: str, subject: str, message_id: str, envelope_id: str, returned: bytes | None
) -> None:
    """No text of a peer or a sender adds a field, a part or a line over 998 octets."""
    ann = replace(ANN, diagnostic=said, remote_mta=said[:100])
    dsn = replace(DSN, subject=subject, header_message_id=message_id, envelope_id=envelope_id, recipients=[ann])
    raw = write(replace(dsn, returned=returned))
    ours = raw if returned is None else raw.replace(returned, b"")
    assert max(len(line) for line in ours.split(b"\r\n")) <= 998
    assert b"\n" not in ours.replace(b"\r\n", b"")
    mail = parse(raw)
    assert mail["To"] == "office@club.test"
    assert len(list(mail.iter_parts())) == (2 if returned is None else 3)
    blocks = status_blocks(mail)
    assert len(blocks) == 2
    assert blocks[1]["Action"] == "failed"
