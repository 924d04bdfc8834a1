"""relay/sandbox/behaviour.py."""

import pytest

from relay.sandbox.behaviour import BEHAVIOURS, PERSON_OPENS, Reaction, behaviour_of


@pytest.mark.parametrize("local", sorted(BEHAVIOURS))
def test_local_part_decides(local: str) -> None:
    """By the local part alone, in any letter case, with any +tag, at any domain."""
    expected = BEHAVIOURS[local]
    assert behaviour_of(f"{local}@sandbox.test") is expected
    assert behaviour_of(f"{local.upper()}+INV-7@Other.Test") is expected


@pytest.mark.parametrize(
    "path", ["ann@sandbox.test", "gonex@sandbox.test", "x.gone@sandbox.test", '"a@b"@sandbox.test', ""]
)
def test_anybody_else_reads(path: str) -> None:
    """What is not in the table, near misses of it too, is a person who opens the mail."""
    assert behaviour_of(path) is PERSON_OPENS


def test_a_bounce_says_why() -> None:
    """Each later bounce of the table carries the reply of the server behind."""
    later = [each for behaviour in BEHAVIOURS.values() for each in behaviour.later]
    assert all((each.reply is not None) == (each.reaction is Reaction.BOUNCE) for each in later)
    assert all(bool(each.agent) == (each.reaction is Reaction.OPEN) for each in later)
