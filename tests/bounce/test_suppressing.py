"""Which failures suppress an address, until when; and that nothing said of the sender ever does (promise 8)."""

from dataclasses import replace

import pytest

from bounce.decide import finding_of, of_attempt
from bounce.suppressing import mistyped, suppression
from store.changes import AddressHistory
from store.nouns import Phase, Reason
from tests.bounce.facts import DAY, FULL_FOR_LONG, LIVED, NOW, OPENED, SENDING, attempt

# reasons.md section 2: at once, for good, until a time or for ever
AT_ONCE = {
    Reason.NO_SUCH_USER: None,
    Reason.ADDRESS_INVALID: None,
    Reason.COMPLAINT: None,
    Reason.DOMAIN_NOT_FOUND: 30 * DAY,
    Reason.ACCOUNT_DISABLED: 30 * DAY,
}
NEVER = [reason for reason in Reason if reason not in AT_ONCE and reason is not Reason.MAILBOX_FULL]


@pytest.mark.parametrize(("reason", "lasts"), AT_ONCE.items())
def test_what_is_wrong_with_the_address_suppresses_it_at_once(reason: Reason, lasts: float | None) -> None:
    """Until the time that reasons.md names, or until a person lifts it."""
    wanted = suppression(SENDING, reason, permanent=True, at=NOW)
    assert wanted is not None
    assert (wanted.reason, wanted.expires_at) == (reason, None if lasts is None else NOW + lasts)


@pytest.mark.parametrize("reason", AT_ONCE)
def test_what_may_pass_does_not(reason: Reason) -> None:
    """A DNS fault, a 4xx: nothing was said for good."""
    assert suppression(SENDING, reason, permanent=False, at=NOW) is None


@pytest.mark.parametrize("reason", NEVER)
@pytest.mark.parametrize("permanent", [True, False])
@pytest.mark.parametrize("phase", [None, *Phase])
def test_promise_8_no_other_reason_ever_does(reason: Reason, permanent: bool, phase: Phase | None) -> None:  # noqa: FBT001
    """Promise 8: trust in us, our rate, our content, our size, their faults: the address may be alive."""
    facts = replace(SENDING, history=FULL_FOR_LONG)
    assert suppression(facts, reason, permanent=permanent, at=NOW, phase=phase) is None


@pytest.mark.parametrize("phase", [Phase.CONNECT, Phase.TLS, Phase.GREETING, Phase.EHLO, Phase.AUTH, Phase.MAIL])
@pytest.mark.parametrize("reason", Reason)
def test_promise_8_what_is_said_before_rcpt_cannot_be_about_the_recipient(phase: Phase, reason: Reason) -> None:
    """Promise 8: whatever its words, the other side did not know the recipient yet."""
    facts = replace(SENDING, history=FULL_FOR_LONG)
    assert suppression(facts, reason, permanent=True, at=NOW, phase=phase) is None


OF_THE_SENDER = [
    ("550 5.1.1 Sender unknown", Phase.MAIL),
    ("550 5.1.1 <b2x@bounce.example>: User unknown", Phase.MAIL),
    ("553 5.1.8 Domain of sender address does not exist", Phase.RCPT),
    ("550 5.1.0 Sender address rejected: User unknown in virtual mailbox table", Phase.RCPT),
    ("550 5.1.7 Sender address rejected: undeliverable address: mx.example said: 550 5.1.1 User unknown", Phase.RCPT),
    ("550 5.1.8 User unknown", Phase.RCPT),
    ("550 5.1.1 Message rejected: 192.0.2.1 is listed at zen.spamhaus.org", Phase.RCPT),
    ("550 5.7.1 Our system has detected that this message is likely unsolicited mail", Phase.END_OF_DATA),
    ("550 5.7.606 Access denied, banned sending IP [192.0.2.1]", Phase.RCPT),
    ("550 5.2.1 IP is blacklisted", Phase.RCPT),
    ("550 5.4.5 Daily sending quota exceeded", Phase.RCPT),
    ("554 5.7.1 Bad reputation of your domain", Phase.GREETING),
    ("550 5.7.26 This mail is unauthenticated: SPF and DKIM did not pass", Phase.END_OF_DATA),
    ("552 5.7.0 This message was blocked because its content presents a security issue", Phase.END_OF_DATA),
    ("552 5.3.4 Message too big", Phase.END_OF_DATA),
]


@pytest.mark.parametrize(("reply", "phase"), OF_THE_SENDER)
def test_promise_8_replies_of_the_sender_leave_the_address_alone(reply: str, phase: Phase) -> None:
    """Promise 8, through classifier and decision, with an address whose history is at its worst."""
    tried = attempt(reply, phase)
    change = of_attempt(replace(SENDING, history=FULL_FOR_LONG), tried, finding_of(tried), None)
    assert change is not None
    assert change.suppress is None


@pytest.mark.parametrize(
    ("mails", "days", "suppressed"),
    [
        (0, 0, False),
        (1, 30, False),  # the second mail in a row
        (2, 13.9, False),  # the third, too soon
        (2, 14, True),  # the third, at the limit
        (9, 13, False),
        (9, 60, True),
    ],
)
def test_a_full_mailbox_is_suppressed_after_3_mails_over_14_days(
    mails: int,
    days: float,
    suppressed: bool,  # noqa: FBT001
) -> None:
    """Three mails in a row, the first at least 14 days ago; a single mail never does. For 14 days."""
    history = AddressHistory(full_since=NOW - days * DAY if mails else None, full_mails=mails)
    for permanent in (True, False):
        wanted = suppression(replace(SENDING, history=history), Reason.MAILBOX_FULL, permanent=permanent, at=NOW)
        assert (wanted is not None) == suppressed
        assert wanted is None or wanted.expires_at == NOW + 14 * DAY


def test_gone_or_mistyped() -> None:
    """Only an unknown user is one or the other; a delivery or an open of any mail says that it existed."""
    assert mistyped(SENDING, Reason.NO_SUCH_USER) is True
    assert mistyped(replace(SENDING, history=LIVED), Reason.NO_SUCH_USER) is False
    assert mistyped(replace(SENDING, history=AddressHistory(opened_before=True)), Reason.NO_SUCH_USER) is False
    assert mistyped(OPENED, Reason.NO_SUCH_USER) is False
    assert {mistyped(SENDING, reason) for reason in Reason if reason is not Reason.NO_SUCH_USER} == {None}


def test_the_250_of_a_server_that_bounces_later_does_not_prove_a_mailbox() -> None:
    """A server that takes everything and bounces it later has delivered nothing."""
    assert mistyped(replace(SENDING, delivered_at=NOW - 5), Reason.NO_SUCH_USER) is True


def test_a_label_in_the_text_of_a_report_does_not_speak_of_the_sender() -> None:
    """Reports list "Original Sender: x" beside the reply; the address is suppressed all the same."""
    said = "550 5.1.1 User unknown Original Sender: <office@school.example> Sender-MTA: <192.0.2.250>"
    assert suppression(SENDING, Reason.NO_SUCH_USER, permanent=True, at=NOW, said=said) is not None
