"""The sentences and rules of reasons."""

import re
from pathlib import Path

import pytest

from store.languages import LANGUAGES
from store.nouns import Reason
from store.reasons import REASONS, text


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_speaks(reason: Reason, language: str) -> None:
    """Each reason has a sentence and an advice in each language, in plain words without jargon."""
    told = text(reason, language)
    for sentence in (told.sentence, told.advice):
        assert sentence.endswith(".")
        assert not re.search(r"\b(SMTP|MX|DNS|5\d\d|NDR|DSN)\b", sentence)
    assert language == "en" or told != text(reason, "en")


def test_the_vocabulary(shared: Path) -> None:
    """Names, sentences and consequences are those of the vocabulary."""
    rows = re.findall(
        r"^\| (\w+) \| (.+?) \| .*? \| (yes|no|-) \| (.+?) \|$",
        (shared / "bounces/reasons.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert {row[0] for row in rows} == set(Reason)
    for name, sentence, permanent, suppress in rows:
        rule = REASONS[Reason(name)]
        assert text(Reason(name)).sentence == sentence
        assert rule.permanent == (permanent == "yes")
        assert (rule.suppress == "at_once") == suppress.startswith("yes")


def test_promise_8_in_the_rules() -> None:
    """What is said of the sender never suppresses an address (promise 8)."""
    assert {rule.suppress for rule in REASONS.values() if rule.whose in ("us", "them")} == {"never"}


def test_language() -> None:
    """A region is looked past, and an unknown language is English."""
    assert text(Reason.MAILBOX_FULL, "es-AR") == text(Reason.MAILBOX_FULL, "es")
    assert text(Reason.MAILBOX_FULL, "fi") == text(Reason.MAILBOX_FULL)
