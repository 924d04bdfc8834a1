"""Every sentence that people are shown exists in both languages: looked for in the code itself."""

import ast
from pathlib import Path

import pytest

from bounce import decide, decide_report
from relay.message import body, intake, mime
from relay.tail import _LOADED_BY
from store import opens
from store.events import KINDS
from store.languages import LANGUAGES
from store.nouns import RecipientStatus

ROOT = Path(__file__).parents[2]
PACKAGES = ("relay", "bounce", "admin", "store")


def said() -> set[str]:
    """Every text that is handed to say() as it stands."""
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                    found |= {part.value for part in node.args[:1] if isinstance(part, ast.Constant)}
    return found


def notes() -> set[str]:
    """Every note and every reason without a pixel that has a name in the code."""
    named = (decide, decide_report, opens, mime, intake)
    texts = {
        value
        for module in named
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and not name.startswith("_")
    }
    return texts | set(body._UNTOUCHED.values())


@pytest.mark.parametrize("english", sorted(said()))
def test_what_is_said_is_translated(english: str) -> None:
    """No sentence is forgotten when one is added."""
    assert english in LANGUAGES["es"].sentences


@pytest.mark.parametrize("english", sorted(notes() | set(_LOADED_BY.values())))
def test_what_is_noted_is_translated(english: str) -> None:
    """Notes of events, and why a mail carries no pixel, are English in the store and translated when shown."""
    assert english in LANGUAGES["es"].sentences


@pytest.mark.parametrize("word", sorted({status.word for status in RecipientStatus} | set(KINDS)))
def test_statuses_and_events_are_translated(word: str) -> None:
    """The words people look for first."""
    assert word in LANGUAGES["es"].sentences


def test_there_is_something_to_look_at() -> None:
    """The search finds the sentences: it has not gone blind."""
    assert len(said()) > 20
    assert len(notes()) > 15
