"""bounce/classify.py: what replies mean. The table holds the replies that other classifiers get wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounce.classify import classify, classify_texts
from bounce.rulebook import BLAMES_RECIPIENT
from store.nouns import Phase, Reason, Reply

R = Reason


@pytest.mark.parametrize(
    ("reply", "reason", "permanent"),
    [
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", R.NO_SUCH_USER, True),
        ("556 5.1.10 Recipient address has null MX", R.DOMAIN_NOT_FOUND, True),
        ("452-4.2.2 The recipient's inbox is out of storage space.", R.MAILBOX_FULL, False),
        ("452 4.5.3 Too many recipients", R.RATE_LIMITED, False),
        ("550 5.7.1 Your message was rate limited, try again later", R.RATE_LIMITED, True),
        ("552 #5.1.1 user is over quota temporarily", R.MAILBOX_FULL, True),
        ("550 5.2.1 Mailbox unavailable. Your IP address 192.0.2.10 is blacklisted", R.SENDER_BLOCKED, True),
        ("550 5.5.0 Requested action not taken: mailbox unavailable", R.NO_SUCH_USER, True),
        ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", R.NO_SUCH_USER, True),
        ("552 1 Requested mail action aborted, mailbox not found", R.NO_SUCH_USER, True),
        ("550-Callout verification failed: 550 552 5.2.2 ann@example.org Quota exceeded", R.MAILBOX_FULL, True),
        ("552-5.2.2 The recipient's inbox is out of storage space and inactive.", R.MAILBOX_FULL, True),
        ("550-5.2.1 The user you are trying to contact is receiving mail at a rate that", R.RATE_LIMITED, True),
        ("550 5.1.1 <ann@example.org> is blocked using zen.spamhaus.org", R.SENDER_BLOCKED, True),
        ("550 5.1.8 <office@example.org>: Sender address rejected: User unknown", R.POLICY_REJECTED, True),
        ("554 5.4.6 Too many hops", R.SYSTEM_ERROR, True),
        ("554 5.7.1 <ann@example.org>: Relay access denied", R.RELAY_DENIED, True),
        ("550 5.1.1 <ann@spam.example>: User unknown", R.NO_SUCH_USER, True),
        ("550 host full.quota.example says: no such user", R.NO_SUCH_USER, True),
        ("550 5.1.351 Remote server returned unknown recipient -> 552 5.2.2 Mailbox full", R.MAILBOX_FULL, True),
        ("451 4.3.0 <ann@example.org>: Temporary lookup failure", R.SYSTEM_ERROR, False),
        ("550 5.7.1 SPF check failed for office@example.org", R.AUTH_FAILED, True),
        ("552 5.3.4 Message size exceeds fixed limit", R.MESSAGE_TOO_LARGE, True),
        ("550 Empfaenger unbekannt", R.NO_SUCH_USER, True),
        ("550 5.1.1 Adresse inconnue ou compte inexistant", R.NO_SUCH_USER, True),
        ("550 La cuenta de correo ha sido desactivada", R.ACCOUNT_DISABLED, True),
        ("552 Почтовый ящик переполнен", R.MAILBOX_FULL, True),
        ("550 ユーザーが見つかりません", R.NO_SUCH_USER, True),
        ("554 5.5.1 Error: no valid recipients", R.UNDETERMINED, True),
        ("550 5.1.1 No valid recipients", R.NO_SUCH_USER, True),
        ("", R.UNDETERMINED, True),
        ("550", R.UNDETERMINED, True),
    ],
)
def test_replies_that_others_get_wrong(reply: str, reason: Reason, permanent: bool) -> None:  # noqa: FBT001
    """Words before codes, the innermost reply, and nothing said of the sender is about the address."""
    finding = classify(reply)
    assert (finding.reason, finding.permanent) == (reason, permanent)


@pytest.mark.parametrize("phase", [Phase.CONNECT, Phase.GREETING, Phase.EHLO, Phase.MAIL])
@pytest.mark.parametrize("words", ["user unknown", "mailbox full", "domain not found", "account disabled", ""])
def test_before_rcpt_nothing_blames_the_address(phase: Phase, words: str) -> None:
    """Before RCPT nobody has named the recipient, so no reply there may suppress one."""
    assert classify(f"550 5.1.1 {words}", phase=phase).reason not in BLAMES_RECIPIENT


def test_the_phase_is_read_from_a_report() -> None:
    """Exim and Postfix say at which command a reply was given."""
    said = "SMTP error from remote mail server after MAIL FROM:<office@example.org>: 553 5.1.0 unknown user"
    assert classify(said).reason not in BLAMES_RECIPIENT
    assert classify("host x said: 550 unknown user (in reply to RCPT TO command)").reason is R.NO_SUCH_USER


def test_a_reply_object_is_read_as_its_text() -> None:
    """A many-line reply of the dialogue gives the same as its lines joined."""
    reply = Reply.make(550, None, "5.1.1 The account that you tried", "5.1.1 to reach does not exist")
    assert classify(reply) == classify("550 5.1.1 The account that you tried 5.1.1 to reach does not exist")
    assert classify(reply).status == "5.1.1"


def test_a_bare_550_to_rcpt_means_the_mailbox() -> None:
    """The same code in another phase says nothing."""
    assert classify("550", phase=Phase.RCPT).reason is R.NO_SUCH_USER
    assert classify("550", phase=Phase.END_OF_DATA).reason is R.UNDETERMINED


def test_delayed_is_never_for_good() -> None:
    """A 550 in a report that goes on trying is no end."""
    assert not classify("550 5.1.1 user unknown", action="delayed").permanent


def test_the_status_field_says_who_gave_up() -> None:
    """Status 4.4.7 beside a 554 is a failure for now: rule 6 of the vocabulary."""
    assert not classify_texts(["554 message expired"], status="4.4.7", action="failed").permanent


def test_strong_words_further_on_beat_weak_ones() -> None:
    """That it was rejected says little; what a report adds about it says more."""
    finding = classify_texts(["it was rejected by the server", "The error was: 550 5.2.2 mailbox full"])
    assert finding.reason is R.MAILBOX_FULL


@given(st.text(max_size=300))
def test_any_text_is_named(text: str) -> None:
    """Whatever the text: a finding, and no exception."""
    assert classify(text).reason in Reason


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=1, max_size=40))
def test_what_an_address_is_called_changes_nothing(local: str) -> None:
    """Names are masked: the mailbox called spam is as unknown as any other."""
    assert classify(f"550 5.1.1 <x{local}y@spam.full.example>: User unknown").reason is R.NO_SUCH_USER
