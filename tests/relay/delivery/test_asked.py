"""relay/delivery/asked.py: what a refusal asks of us."""

import tomllib
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.delivery.asked import LONGEST, OUR_RATE, SHORTEST, Asked, asked_by, steps_for
from store.nouns import Phase, Reply

STEPS = (60.0, 300.0, 900.0, 1800.0, 3600.0)


def reply(text: str) -> Reply:
    return Reply(int(text[:3]), None, (text[4:],))


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("450 4.7.1 Greylisting in effect, please try again in 300 seconds", 300.0),
        ("451 4.7.1 Greylisted, please try again in 5 minutes", 300.0),
        ("450 4.2.0 Greylisted for 10 minutes", 600.0),
        ("421 Please retry after 90 s", 90.0),
        ("451 4.3.2 Please try again later, wait at least 2 hours", 7200.0),
        ("450 4.7.1 Please come back in 00:04:59", 299.0),
        ("450 try again in 1 second", SHORTEST),
        ("450 try again in 99999 hours", LONGEST),
        ("450 4.2.1 try again later", None),
        ("450 4.2.1 mailbox 5 minutes over quota", None),
        ("451 4.7.1 try again at https://example.org/?id=300seconds-x", None),
        ("550 5.7.1 try again in 5 minutes", None),
        ("250 2.0.0 try again in 5 minutes", None),
    ],
)
def test_how_long_it_wants_us_to_wait(text: str, wait: float | None) -> None:
    """Seconds, minutes, hours, or a clock's time; only in a refusal for now, and only within reason."""
    assert asked_by(reply(text), Phase.RCPT).wait == wait


@pytest.mark.parametrize(
    ("text", "slower", "greylisted"),
    [
        ("421 4.7.0 mx.example.com Error: too many connections from 192.0.2.10", True, False),
        ("451 4.7.500 Server busy. Please try again later from [192.0.2.10]. (AS77713)", True, False),
        ("421 4.3.0 closing", True, False),
        ("421 4.7.0 too many messages, try again in 10 minutes", True, False),
        ("450 4.7.1 you send too fast, try again in 10 minutes", True, False),
        ("450 4.7.1 try again in 10 minutes", False, True),
        ("450 4.7.1 Recipient address rejected: Greylisting in effect", False, True),
        ("421 4.7.0 Greylisted, see postgrey", False, True),
        ("452 4.5.3 too many recipients", False, False),
        ("450 4.2.1 The user you are trying to contact is receiving mail too quickly.", False, False),
        ("452 4.2.2 mailbox full", False, False),
        ("550 5.7.1 too many connections", False, False),
    ],
)
def test_whether_it_speaks_of_our_rate(text: str, slower: bool, greylisted: bool) -> None:  # noqa: FBT001 - a table
    """What speaks of one mailbox or one mail slows no other mail down."""
    asked = asked_by(reply(text), Phase.RCPT)
    assert (asked.slower, asked.greylisted) == (slower, greylisted)


def test_the_rules_are_there() -> None:
    """Each rule that is named here stands in the rules of bounce/."""
    folder = files("bounce") / "rules"
    texts = (file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".toml"))
    names = {rule["name"] for text in texts for rule in tomllib.loads(text).get("rule", [])}
    assert names >= OUR_RATE


@pytest.mark.parametrize(
    ("asked", "attempts", "waits"),
    [
        (Asked(), 3, STEPS),
        (Asked(wait=120.0), 1, (120.0,)),
        (Asked(wait=120.0), 12, (120.0,)),
        (Asked(wait=120.0), 13, (3600.0,)),
        (Asked(greylisted=True), 1, (60.0,)),
        (Asked(greylisted=True), 2, (300.0,)),
        (Asked(greylisted=True), 12, (300.0,)),
        (Asked(greylisted=True), 13, STEPS),
        (Asked(wait=400.0, greylisted=True), 4, (400.0,)),
    ],
)
def test_the_waits_that_follow(asked: Asked, attempts: int, waits: tuple[float, ...]) -> None:
    """What is asked for counts, until it was asked for too often; a greylist is tried every five minutes."""
    assert steps_for(asked, attempts, STEPS) == waits


@given(st.integers(200, 599), st.text(max_size=200))
def test_whatever_it_says(code: int, text: str) -> None:
    """A wait within bounds, or none, and no exception."""
    wait = asked_by(Reply(code, None, (text,)), Phase.RCPT).wait
    assert wait is None or SHORTEST <= wait <= LONGEST
