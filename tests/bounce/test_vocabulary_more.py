"""Families of wording: mailboxes that are dead in odd words and many languages, and people who must not be blamed."""

from pathlib import Path

import pytest

from bounce.classify import classify
from store.reasons import REASONS

HERE = Path(__file__).parent
REPLIES = [line.split("\t") for line in (HERE / "replies_more.tsv").read_text(encoding="utf-8").splitlines()[1:]]
ABOUT_THE_SENDER = (HERE / "about_the_sender_more.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(("reason", "reply"), REPLIES)
def test_replies(reason: str, reply: str) -> None:
    """The words of a family give its reason. What does not begin with a code stands in a report."""
    assert str(classify(reply, action="" if reply[0].isdigit() else "failed").reason) == reason


@pytest.mark.parametrize("reply", ABOUT_THE_SENDER)
def test_living_addresses_stay(reply: str) -> None:
    """
    What is said of the sender, its rate, its mail or a whole server suppresses nobody.

    Misleading codes (5.1.1, 5.2.1) and words (user, mailbox, unknown, blocked) notwithstanding.
    """
    finding = classify(reply)
    assert REASONS[finding.reason].suppress != "at_once" or not finding.permanent
