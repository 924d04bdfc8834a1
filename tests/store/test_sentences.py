"""The sentences in other languages: the same words in braces, the same punctuation, none left out."""

import re

import pytest

from store.languages import LANGUAGES
from store.nouns import Reason
from store.reasons import told
from store.sentences import say, say_note


@pytest.mark.parametrize(("english", "spanish"), LANGUAGES["es"].sentences.items())
def test_a_sentence_keeps_its_words_in_braces_and_its_end(english: str, spanish: str) -> None:
    """What is filled in has its place in each language, and a sentence stays a sentence."""
    assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", spanish))
    assert english[-1] in spanish[-1] or (english[-1].isalnum() and spanish[-1].isalnum())
    assert spanish != english


def test_language() -> None:
    """A region is looked past; an unknown language, and a sentence without a translation, are English."""
    assert say("Opened", "es-AR") == "Abierto"
    assert say("Opened", "fi") == say("Opened") == "Opened"
    assert say("next try {time}", "es", time="14:32") == "próximo intento 14:32"
    assert say("{as it came}", "es") == "{as it came}"


def test_notes_are_put_together_again() -> None:
    """Each of several notes is translated by itself, and what nobody knows stays."""
    note = "the report names another recipient; last: connection_failed"
    assert say_note(note, "es") == "el informe nombra a otro destinatario; last: connection_failed"


def test_gone_or_mistyped() -> None:
    """Only for an unknown user, and only where it was asked."""
    sentences = [told(Reason.NO_SUCH_USER, mistyped, "es").sentence for mistyped in (None, True, False)]
    assert len(set(sentences)) == 3
    assert told(Reason.MAILBOX_FULL, True) == told(Reason.MAILBOX_FULL, None)
