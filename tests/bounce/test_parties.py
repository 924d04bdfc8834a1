"""bounce/parties.py: where the sender alone is named, nothing is held against the recipient."""

import tomllib
from importlib import resources

import pytest

from bounce.classify import classify
from bounce.parties import Parties
from bounce.rulebook import BLAMES_RECIPIENT
from bounce.words import words_of

FAMILIES = tomllib.loads((resources.files("bounce") / "rules" / "00-words.toml").read_text(encoding="utf-8"))["words"]
PARTIES = Parties(FAMILIES)


@pytest.mark.parametrize(
    "text",
    [
        "550 that sender isn't one of ours",
        "550 the sender's email address cannot be found",
        "550 5.2.1 mailbox of the sender is closed",
        "550 subscription of the sender has ended",
        "550 Die Absenderadresse enthält ungültige Zeichen",
        "553 Некорректный адрес отправителя",
        "550 L'adresse de l'expéditeur n'existe pas",
        "550 送信者が見つかりません",
        "550 5.1.1 <office@school.example>: Sender address rejected: User unknown in relay recipient table",
    ],
)
def test_promise_8_what_names_only_the_sender_blames_nobody_else(text: str) -> None:
    """Whatever the rules find in it, in many languages; Postfix says "user unknown" of senders too."""
    assert classify(text).reason not in BLAMES_RECIPIENT


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("sender unknown", True),
        ("the mailbox of the sender is full", True),
        ("no such user, returned to sender", False),
        ("unknown, we have notified the sender", False),
        ("sender is fine, but the recipient is unknown", False),
        ("user unknown", False),
        ("", False),
    ],
)
def test_who_is_named(text: str, only: bool) -> None:  # noqa: FBT001
    """Mail that goes back to the sender is not about the sender."""
    assert PARTIES.only_sender(words_of(text).words) is only
