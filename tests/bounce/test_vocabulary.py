"""Replies as mail systems speak, in many languages: what each means, and that nothing said of us blames the address."""

from pathlib import Path

import pytest

from bounce.classify import classify
from bounce.rulebook import BLAMES_RECIPIENT

HERE = Path(__file__).parent
REPLIES = [line.split("\t") for line in (HERE / "replies.tsv").read_text(encoding="utf-8").splitlines()[1:]]
ABOUT_THE_SENDER = (HERE / "about_the_sender.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(("reason", "reply"), REPLIES)
def test_replies(reason: str, reply: str) -> None:
    """The words of a family give its reason. What does not begin with a code stands in a report."""
    assert str(classify(reply, action="" if reply[0].isdigit() else "failed").reason) == reason


@pytest.mark.parametrize("reply", ABOUT_THE_SENDER)
def test_about_the_sender(reply: str) -> None:
    """What is said of the sender, the host, the mail or a fault never suppresses an address."""
    assert classify(reply).reason not in BLAMES_RECIPIENT
