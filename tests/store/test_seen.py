"""store/seen.py."""

import pytest

from store.events import Delivered, Event, Opened
from store.nouns import Open, Verdict
from store.seen import Views, loaded_automatically_by, perhaps_forwarded, views


def opened(at: float, verdict: Verdict, rule: str = "browser") -> Event:
    return Opened(message_id=1, recipient_id=2, at=at, verdict=verdict, rule=rule)


def test_views_by_verdict() -> None:
    """How many, first and last of each verdict, in the order in which they first came; other events are none."""
    events = [
        Delivered(message_id=1, recipient_id=2, at=1.0),
        opened(5.0, Verdict.PREFETCH),
        opened(9.0, Verdict.PERSON),
        opened(7.0, Verdict.PERSON),
        opened(8.0, Verdict.OWN),
    ]
    assert views(events) == (
        Views(Verdict.PREFETCH, 1, 5.0, 5.0),
        Views(Verdict.PERSON, 2, 7.0, 9.0),
        Views(Verdict.OWN, 1, 8.0, 8.0),
    )
    assert views([]) == ()


@pytest.mark.parametrize(
    ("seen", "forwarded"),
    [
        ([("proxy", "gmail-proxy"), ("proxy", "yahoo-proxy")], True),
        ([("proxy", "gmail-proxy"), ("proxy", "gmail-proxy")], False),
        ([("proxy", "gmail-proxy"), ("person", "outlook"), ("person", "apple-mail"), ("person", "browser")], False),
        ([("proxy", "gmail-proxy"), ("proxy", "superhuman-proxy")], False),
        ([("proxy", "gmail-proxy"), ("uncertain", "proxy-at-once"), ("scanner", "tool")], False),
        ([], False),
    ],
)
def test_forwarded_or_not(seen: list[tuple[str, str]], forwarded: bool) -> None:  # noqa: FBT001 - a table
    """Two providers show it: forwarded. One person's devices, and machines, are no sign."""
    assert perhaps_forwarded([opened(1.0, Verdict(verdict), rule) for verdict, rule in seen]) is forwarded


def kept(*programs: str) -> list[Open]:
    """Views by people in mode full: "Thunderbird/computer/DE"."""
    return [Open(2, 1.0, Verdict.PERSON, "browser", "192.0.2.7", "A", *program.split("/")) for program in programs]


@pytest.mark.parametrize(
    ("programs", "forwarded"),
    [
        (["Outlook/computer/DE", "Apple Mail/phone/DE", "Chrome/computer/DE"], False),
        (["Outlook/computer/DE", "Apple Mail/phone/DE", "Chrome/computer/DE", "Thunderbird/computer/DE"], True),
        (["Outlook/computer/DE", "Outlook/computer/ES"], False),  # who travels takes the laptop along
        (["Outlook/computer/DE", "Thunderbird/computer/ES"], True),
        (["Outlook/computer/DE", "Thunderbird/computer/"], False),
        (["/computer/DE", "Thunderbird/computer/ES"], False),
        ([], False),
    ],
)
def test_forwarded_by_what_mode_full_keeps(programs: list[str], forwarded: bool) -> None:  # noqa: FBT001 - a table
    """More programs than one person has, or another program in another country; either has to be known."""
    assert perhaps_forwarded([], kept(*programs)) is forwarded
    machines = [it._replace(verdict=Verdict.SCANNER) for it in kept(*programs)]
    assert not perhaps_forwarded([], machines)


@pytest.mark.parametrize(
    ("seen", "who"),
    [
        ([("prefetch", "apple-prefetch-probable")], "Apple"),
        ([("prefetch", "gmail-prefetch"), ("scanner", "tool")], "Gmail"),
        ([("prefetch", "somebody-new")], ""),
        ([("prefetch", "apple-prefetch"), ("proxy", "gmail-proxy")], None),
        ([("prefetch", "apple-prefetch"), ("person", "outlook")], None),
        ([("uncertain", "at-once"), ("own", "own-network")], None),
        ([], None),
    ],
)
def test_loaded_automatically(seen: list[tuple[str, str]], who: str | None) -> None:
    """By Apple or Gmail, as long as nobody else displayed it; a person beside it is what counts."""
    assert loaded_automatically_by([opened(1.0, Verdict(verdict), rule) for verdict, rule in seen]) == who
