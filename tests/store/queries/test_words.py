"""Tests of store/queries/words.py: what people type into the search box."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.nouns import Reason
from store.queries.search import MAX_WORD, MAX_WORDS, Search
from store.queries.standing import Standing
from store.queries.words import clean, parse, spell

NOVEMBER = 1_793_491_200.0  # 2026-11-01T00:00:00Z


@pytest.mark.parametrize(
    ("line", "search"),
    [
        ("", Search()),
        ("maria", Search(text=("maria",))),
        ("maria lopez", Search(text=("maria", "lopez"))),
        ('"November fees"', Search(text=("November fees",))),
        ("status:bounced", Search(standings=(Standing.BOUNCED,))),
        ("status:Not-Delivered status:unknown", Search(standings=(Standing.NOT_DELIVERED, Standing.UNKNOWN))),
        ("to:@gmail.com", Search(to=("@gmail.com",))),
        ("from:office@ subject:fees", Search(sender="office@", subject="fees")),
        ("tag:reminder tag:November", Search(tags=("reminder", "November"))),
        ('customer:4711 invoice:"INV 1"', Search(customer="4711", invoice="INV 1")),
        ("reason:mailbox_full reason:no-such-user", Search(reasons=(Reason.MAILBOX_FULL, Reason.NO_SUCH_USER))),
        ("domain:BÜCHER.example", Search(domains=("xn--bcher-kva.example",))),
        ("since:2026-11-01 until:2026-11-01", Search(since=NOVEMBER, until=NOVEMBER + 86_400)),
        ("is:invoice", Search(kind="invoices")),
        ("credential:app", Search(credential="app")),
        ("customer:1 customer:2", Search(customer="2")),
        ("Re: fees", Search(text=("Re:", "fees"))),
        ("urn:isbn:1", Search(text=("urn:isbn:1",))),
        ('say "hi" x"y', Search(text=("say", "hi", "xy"))),
        ("18:30", Search(text=("18:30",))),
        ("a\x00b\ud800c", Search(text=("a", "b", "c"))),
    ],
)
def test_a_line_is_read(line: str, search: Search) -> None:
    """Words are free text, chips have names; quotes keep blanks together."""
    typed = parse(line)
    assert typed.search == search


@pytest.mark.parametrize(
    "word",
    [
        "status:lost",
        "reason:because",
        "since:yesterday",
        "until:2026-13-01",
        "since:",
        "is:new",
        "domain:..",
        "since:9999-12-31 until:9999-12-31",
    ],
)
def test_what_is_not_understood_is_told(word: str) -> None:
    """No chip is dropped in silence: the list would show what was not asked for."""
    assert parse(f"maria {word}").not_understood != ()


def test_days_are_the_viewers() -> None:
    """A day begins and ends where the viewer lives."""
    assert parse("since:2026-11-01", zone=ZoneInfo("Europe/Madrid")).search.since == NOVEMBER - 3600


def test_words_are_bounded() -> None:
    """However long the line: few words, each no longer than an address."""
    typed = parse(" ".join(["x" * 500] * 20))
    assert len(typed.search.text) <= MAX_WORDS
    assert all(len(word) <= MAX_WORD for word in typed.search.text)


@given(st.text() | st.from_regex(r'((status|to|since|tag|"|is|x):?["a-z0-9-]* ?)*', fullmatch=True))
def test_any_line_is_read(line: str) -> None:
    """Whatever is typed: no exception, nothing that a store cannot look for, and spelt again it means the same."""
    search = parse(line).search
    for word in (*search.text, *search.to, search.customer, search.invoice, search.subject, *search.tags):
        word.encode("utf-8")
        assert word == clean(word)
    assert parse(spell(search, zone=UTC)).search == search
