"""store/languages.py: a language is a file, and a browser is spoken to in the one it likes best."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.languages import LANGUAGES, best_language, language_of
from store.nouns import Reason


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("", "en"),
        ("es", "es"),
        ("es-AR,es;q=0.9,en;q=0.5", "es"),
        ("en-GB,en;q=0.9,es;q=0.8", "en"),
        ("fi, es;q=0.3, en;q=0.2", "es"),
        ("fi", "en"),
        ("es;q=0, fi", "en"),
        ("es;q=x, en;q=0.1", "en"),
        ("es;q=1.00", "es"),
        ("ES", "es"),
        ("*", "en"),
    ],
)
def test_the_best_one_we_speak(accepted: str, code: str) -> None:
    """By weight; what is not known or not readable is looked past."""
    assert best_language(accepted) == code


@given(st.text(max_size=80))
def test_any_header_gives_a_language(accepted: str) -> None:
    """Whatever a browser says, it is spoken to."""
    assert best_language(accepted) in LANGUAGES


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_a_language_is_whole(code: str) -> None:
    """Twelve months, a name, each reason."""
    language = language_of(code)
    assert len(language.months) == 12
    assert language.name
    assert set(language.reasons) == set(Reason)
    assert language_of(f"{code}-XX") is language
