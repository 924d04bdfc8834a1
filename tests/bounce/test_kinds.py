"""bounce/kinds.py: what speaks for each kind."""

# ruff: noqa: E501 mails and header lines are easier to compare unfolded

from bounce.kinds import weigh
from bounce.material import collect
from tests.bounce.mails import mail

ANN = {"sender": "Ann <ann@customer.example>", "path": "<ann@customer.example>"}


def test_a_daemon_needs_few_words() -> None:
    """What MAILER-DAEMON calls undelivered is a bounce."""
    assert weigh(collect(mail("Your message could not be delivered."))).is_bounce


def test_a_person_who_speaks_of_failures_is_none() -> None:
    """Words alone make no bounce of a person's mail."""
    assert not weigh(collect(mail("It could not be delivered, user unknown.", subject="Invoice", **ANN))).is_bounce


def test_an_answer_is_no_bounce_by_its_subject() -> None:
    """A "Re:" before the subject of a bounce: someone answers it."""
    evidence = weigh(collect(mail("See my other mail.", subject="Re: Undelivered Mail Returned to Sender", **ANN)))
    assert evidence.answers
    assert not evidence.is_bounce


def test_quoted_lines_are_not_its_own_words() -> None:
    """What is quoted counts for nothing."""
    evidence = weigh(
        collect(mail("Why?\n\n> could not be delivered\n> user unknown\n> mailbox full\n", subject="Why", **ANN))
    )
    assert evidence.quotes
    assert evidence.text.get("bounce", 0) == 0


def test_a_warning_goes_on_trying() -> None:
    """A warning that says it will give up later is a warning still."""
    text = "has not yet been delivered. Delivery attempts will continue for some time. Eventually the software will give up."
    assert weigh(collect(mail(text, subject="Warning: message delayed 24 hours"))).still_trying


def test_given_up_is_no_warning() -> None:
    """A final report that tells of its retries is final."""
    assert not weigh(collect(mail("We kept trying but failed permanently; giving up."))).still_trying


def test_automatic_header_fields() -> None:
    """Any of the fields that only automatic answers carry."""
    assert weigh(collect(mail("Thanks", "X-Autoreply: yes", subject="Hello", **ANN))).says_automatic
    assert weigh(collect(mail("Thanks", "Precedence: auto_reply", subject="Hello", **ANN))).says_automatic
    assert not weigh(collect(mail("Thanks", "Auto-Submitted: no", subject="Hello", **ANN))).says_automatic
