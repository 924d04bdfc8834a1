"""admin/story.py: ui.md's table of words."""

from typing import Any

import pytest

from admin.story import tell
from store.nouns import Reason, RecipientStatus, State, TrackingMode
from tests.admin.rig import NOW, row

S = RecipientStatus


@pytest.mark.parametrize(
    ("facts", "word", "tone", "more", "part"),
    [
        ({"status": S.SENDING, "state": State.CLAIMED, "attempts": 0}, "Sending", "sending", "", "handing it"),
        (
            {"status": S.SENDING, "state": State.DUE, "attempts": 1, "next_attempt_at": NOW + 1_920},
            "Delayed",
            "sending",
            "next try 08:32",
            "did not take it yet",
        ),
        (
            {
                "status": S.SENDING,
                "state": State.DUE,
                "attempts": 3,
                "next_attempt_at": NOW + 86_400,
                "reason": Reason.MAILBOX_FULL,
            },
            "Delayed",
            "sending",
            "next try 16 Jan 08:00",
            "mailbox is full",
        ),
        ({"status": S.SENDING, "state": State.HELD}, "Held", "sending", "", "kept back"),
        ({}, "Delivered", "delivered", "", "took the email"),
        ({"no_pixel_why": "plain text only"}, "Delivered", "delivered", "", "cannot be seen: plain text only"),
        ({"tracking": TrackingMode.OFF}, "Delivered", "delivered", "", "not followed"),
        ({"machine_opens": 1}, "Delivered", "automatic", "loaded automatically", "cannot be known"),
        ({"status": S.OPENED, "opens": 1, "last_opened_at": NOW}, "Opened", "opened", "", "displayed"),
        (
            {"status": S.OPENED, "opens": 3, "last_opened_at": NOW - 600},
            "Opened",
            "opened",
            "3 times, last 15 Jan 07:50",
            "displayed",
        ),
        ({"status": S.BOUNCED, "reason": Reason.MAILBOX_FULL}, "Bounced", "bounced", "", "mailbox is full"),
        ({"status": S.BOUNCED, "reason": None}, "Bounced", "bounced", "", "does not say why"),
        (
            {"status": S.BOUNCED, "reason": Reason.NO_SUCH_USER, "mistyped": True},
            "Bounced",
            "bounced",
            "",
            "probably mistyped",
        ),
        (
            {"status": S.BOUNCED, "reason": Reason.NO_SUCH_USER, "mistyped": False},
            "Bounced",
            "bounced",
            "",
            "no longer exists",
        ),
        (
            {"status": S.BOUNCED, "reason": Reason.NO_SUCH_USER, "opened_at": NOW},
            "Bounced",
            "bounced",
            "it was opened, too",
            "does not exist",
        ),
        (
            {
                "status": S.NOT_DELIVERED,
                "reason": Reason.SUPPRESSED,
                "caused_at": NOW - 864_000,
                "caused_reason": Reason.NO_SUCH_USER,
            },
            "Not delivered",
            "not-delivered",
            "an email of 5 Jan 08:00 came back",
            "does not exist. So this one was not sent.",
        ),
        ({"status": S.NOT_DELIVERED, "reason": Reason.EXPIRED}, "Not delivered", "not-delivered", "", "gave up"),
    ],
)
def test_word_colour_and_sentence(facts: dict[str, Any], word: str, tone: str, more: str, part: str) -> None:
    """Each status says its word, its colour's name, what stands beside, and one plain sentence."""
    story = tell(row(**facts), NOW)
    assert (story.word, story.tone, story.more) == (word, tone, more)
    assert part in story.sentence
    assert story.icon


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("status", list(S))
def test_staff_read_no_jargon(status: RecipientStatus, reason: Reason) -> None:
    """Whatever the status and reason: a sentence, something to do, and none of the words that staff do not know."""
    story = tell(row(status=status, reason=reason, state=State.DUE, next_attempt_at=NOW), NOW)
    assert story.sentence.endswith(".")
    assert story.advice
    told = f"{story.word} {story.more} {story.sentence} {story.advice}".lower()
    assert not [word for word in ("dsn", "oob", "soft fail", "permanent", "smtp", "mx ") if word in told]


def test_what_was_probably_meant_comes_before_the_advice() -> None:
    """The question stands where one reads what to do."""
    story = tell(row(status=S.BOUNCED, reason=Reason.DOMAIN_NOT_FOUND), NOW, meant="ann@gmail.com")
    assert story.advice.startswith("Did you mean ann@gmail.com? Check the part after the @")


@pytest.mark.parametrize(
    ("facts", "part"),
    [
        ({"reason": Reason.EXPIRED, "delivered_at": None, "in_doubt": True}, "although we had given up on it"),
        ({"state": State.DUE, "delivered_at": None, "in_doubt": True}, "It is tried again"),
        ({"state": State.DUE, "delivered_at": None}, "displayed the email."),
    ],
)
def test_an_open_that_contradicts_says_both(facts: dict[str, Any], part: str) -> None:
    """Opened, and what had been believed before."""
    assert part in tell(row(status=S.OPENED, opens=1, **facts), NOW).sentence


STORIES: list[dict[str, Any]] = [
    *({"status": status, "reason": reason} for status in S for reason in (*Reason, None)),
    {"status": S.SENDING, "state": State.DUE, "attempts": 1, "next_attempt_at": NOW + 90_000},
    {"status": S.SENDING, "state": State.HELD},
    {"machine_opens": 1},
    {"tracking": TrackingMode.OFF},
    {"no_pixel_why": "plain text only"},
    {"status": S.OPENED, "opens": 3, "last_opened_at": NOW - 600},
    {"status": S.OPENED, "state": State.DUE, "delivered_at": None, "in_doubt": True},
    {"status": S.BOUNCED, "reason": Reason.NO_SUCH_USER, "mistyped": True, "opened_at": NOW},
    {"status": S.NOT_DELIVERED, "reason": Reason.SUPPRESSED, "caused_at": NOW, "caused_reason": Reason.COMPLAINT},
]


@pytest.mark.parametrize("facts", STORIES, ids=str)
def test_every_story_is_told_in_spanish(facts: dict[str, Any]) -> None:
    """No sentence of a story is left in English: none has a word in common with the English one but names."""
    english, spanish = (tell(row(**facts), NOW, meant="ann@gmail.com", language=each) for each in ("en", "es"))
    for told_in_english, told_in_spanish in (
        (english.word, spanish.word),
        (english.sentence, spanish.sentence),
        (english.advice, spanish.advice),
    ):
        assert told_in_english
        assert told_in_spanish
        assert not set(sentences(told_in_english)) & set(sentences(told_in_spanish))
    assert bool(english.more) == bool(spanish.more)
    assert english.more != spanish.more or not english.more


def sentences(text: str) -> list[str]:
    return [each.strip() for each in text.replace("?", ".").split(". ") if each.strip()]
