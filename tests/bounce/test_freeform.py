"""bounce/freeform.py: the address and the reason in reports that are only words."""

# ruff: noqa: E501 mails and header lines are easier to compare unfolded, and speak many languages

import pytest

from bounce.report import read
from store.nouns import Reason
from tests.bounce.mails import OURS, mail

R = Reason
EXIM = "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n"
COPY = "\n------ This is a copy of the message, including all the headers. ------\n\nFrom: office@school.example\nTo: ann@customer.example\nSubject: x\n"


@pytest.mark.parametrize(
    ("text", "address", "reason"),
    [
        (EXIM + "  ann@customer.example\n    host mx.customer.example [192.0.2.1]\n    SMTP error from remote mail server after RCPT TO:<ann@customer.example>:\n    550 unknown user\n" + COPY, "ann@customer.example", R.NO_SUCH_USER),
        (EXIM + "  ann@customer.example\n    SMTP error from remote mail server after MAIL FROM:<x@y.example>:\n    550 no such user\n", "ann@customer.example", R.POLICY_REJECTED),
        ("Message from customer.example.\nUnable to deliver message to the following address(es).\n\n<ann@customer.example>:\nThis user doesn't have an account here [-5]\n", "ann@customer.example", R.NO_SUCH_USER),
        ("There was an error delivering your mail to <ann@customer.example>.\n\nmx.customer.example did not like our RCPT TO:\n552 5.2.2 mailbox full\n", "ann@customer.example", R.MAILBOX_FULL),
        ("Your message\n\n  To:      list@school.example\n  Subject: Invoice\n  Sent:    Tue, 5 Mar 2024\n\ndid not reach the following recipient(s):\n\nann@customer.example on Tue, 5 Mar 2024\n    The recipient name is not recognized\n    unknown recipient\n", "ann@customer.example", R.NO_SUCH_USER),
        ("Each of the following recipients was rejected by a remote mail server.\n\n    Recipient: <ann@customer.example>\n    >>> RCPT TO:<ann@customer.example>\n    <<< 550 User unknown\n", "ann@customer.example", R.NO_SUCH_USER),
        ("Votre message n'a pas pu être remis au destinataire suivant :\n\n   ann@customer.example\n   La boîte aux lettres est pleine\n", "ann@customer.example", R.MAILBOX_FULL),
        ("No se pudo entregar el mensaje a:\n\n   ann@customer.example\n   El usuario no existe\n", "ann@customer.example", R.NO_SUCH_USER),
        ("Could not deliver to the following recipients because they are not here:\n\tann\n", "ann@mx.customer.example", R.UNDETERMINED),
    ],
)  # fmt: skip
def test_systems(text: str, address: str, reason: Reason) -> None:
    """Families of reports: the address set apart, the words beside it."""
    report = read(mail(text, "Content-Type: text/plain; charset=utf-8"))
    assert report.kind == "bounce"
    assert [(r.address, r.reason) for r in report.recipients] == [(address, reason)]


def test_the_report_is_never_about_those_who_speak() -> None:
    """Our return path, the daemon and the original sender are no recipients."""
    text = f"Your message from <office@school.example> to <ann@customer.example> could not be delivered to {OURS}.\nContact postmaster@mx.customer.example.\n550 User unknown\n\n--- Below this line is a copy of the message.\n\nFrom: office@school.example\nTo: ann@customer.example\n"
    assert [r.address for r in read(mail(text)).recipients] == ["ann@customer.example"]


def test_an_address_in_the_quoted_reply_is_not_a_second_recipient() -> None:
    """Lines indented under an entry tell about that entry."""
    text = "<ann@customer.example>: host mx.customer.example said: 550 5.1.1\n    <alias@store.example>: unauthorized sender (in\n    reply to RCPT TO command)\n"
    assert [r.address for r in read(mail(text)).recipients] == ["ann@customer.example"]


def test_several_recipients_keep_their_own_reasons() -> None:
    """The words up to the next address belong to the one before."""
    text = EXIM + "  ann@customer.example\n    550 mailbox full\n  bob@customer.example\n    550 unknown user\n"
    assert [(r.address, r.reason) for r in read(mail(text)).recipients] == [
        ("ann@customer.example", R.MAILBOX_FULL),
        ("bob@customer.example", R.NO_SUCH_USER),
    ]


def test_the_returned_mail_says_who_it_was_for() -> None:
    """No address in the words: that of the returned mail, by its last hop."""
    text = "A message could not be delivered: mailbox full.\n\n--- Original message follows.\n\nReceived: from a by b with ESMTP id 1\n for <ann@customer.example>; Tue, 5 Mar 2024\nFrom: office@school.example\nTo: list@school.example\n"
    assert [r.address for r in read(mail(text)).recipients] == ["ann@customer.example"]
