"""bounce/phrases.py: the grammar of phrases, and a search whose work is bounded."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounce.phrases import GAP, PhraseError, Phrases


def found(phrase: str, text: str) -> bool:
    return Phrases([phrase]).search(text.split()).keys() == {0}


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("user unknown", "local user unknown here", True),
        ("user unknown", "user is unknown", False),
        ("user .. unknown", "user is unknown", True),
        ("user .. unknown", "user unknown", True),
        ("user .. unknown", "user " + "x " * GAP + "unknown", True),
        ("user .. unknown", "user " + "x " * (GAP + 1) + "unknown", False),
        ("over (the) quota", "over quota", True),
        ("over (the) quota", "over the quota", True),
        ("users? here", "users here", True),
        ("users? here", "user here", True),
        ("users? here", "used here", False),
        ("reject* mail", "rejecting mail", True),
        ("reject* mail", "reject mail", True),
        ("full|closed box", "closed box", True),
        ("full|closed box", "open box", False),
        ("^ spam", "spam it is", True),
        ("^ spam", "it is spam", False),
        ("spam $", "it is spam", True),
        ("spam $", "spam it is", False),
        ("{addr} unknown", "{addr} unknown", True),
    ],
)
def test_grammar(phrase: str, text: str, expected: bool) -> None:  # noqa: FBT001 a column of the table
    """Each item of the grammar matches what it says and no more."""
    assert found(phrase, text) is expected


@pytest.mark.parametrize("phrase", [".. unknown", "user ..", "ab* c", "", "well-known|user"])
def test_wrong_phrases_are_refused(phrase: str) -> None:
    """A phrase that could not be searched for is an error when rules are read, not a rule that never fires."""
    with pytest.raises(PhraseError):
        Phrases([phrase])


def test_work_grows_as_the_text() -> None:
    """Twice the text is twice the work, counted in looks at words, for a text made of the phrase's own words."""

    class Counting(list[str]):
        looks = 0

        def __getitem__(self, place: Any) -> Any:
            Counting.looks += 1
            return super().__getitem__(place)

    phrases = Phrases(["user .. not .. found .. here", "user user user unknown", "user .. user .. user .. gone"])
    looks = []
    for length in (1_000, 2_000, 4_000):
        Counting.looks = 0
        phrases.search(Counting(["user"] * length + ["not", "found", "here", "unknown", "gone"]))
        looks.append(Counting.looks)
    assert looks[1] < 2.1 * looks[0]
    assert looks[2] < 2.1 * looks[1]


@given(st.lists(st.sampled_from(["user", "unknown", "not", "found", "x"]), max_size=60))
def test_one_search_for_all_finds_what_each_alone_finds(words: list[str]) -> None:
    """Searching for many phrases at once changes nothing."""
    texts = ["user unknown", "user .. found", "not found $", "^ user", "unkn* x"]
    alone = {n for n, text in enumerate(texts) if Phrases([text]).search(words)}
    assert Phrases(texts).search(words).keys() == alone
