"""
What each reason means for people and for the address: the sentences, advice and rules of ``store/reasons.toml``.

Pure: no I/O, no clock, no chance.
"""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, cast

from store.languages import language_of
from store.nouns import Reason
from store.sentences import say

Whose = Literal["address", "us", "them", "none"]
Suppress = Literal["at_once", "after_several", "never"]


@dataclass(frozen=True, slots=True)
class ReasonText:
    """What people read."""

    sentence: str
    advice: str


@dataclass(frozen=True, slots=True)
class ReasonRule:
    """What follows from a reason."""

    whose: Whose  # whose fault it is: only "address" should make staff telephone the customer
    permanent: bool  # rule of thumb; in a report it follows the class of the code
    suppress: Suppress
    lifted_after: float | None  # seconds until a suppression for it ends by itself; None: never
    lifted_by_delivery: bool  # a later delivery to the address ends it


def _load() -> tuple[dict[Reason, ReasonRule], dict[Reason, ReasonText]]:
    data = tomllib.loads(files("store").joinpath("reasons.toml").read_text(encoding="utf-8"))
    rules: dict[Reason, ReasonRule] = {}
    texts: dict[Reason, ReasonText] = {}
    for name, entry in data.items():
        reason = Reason(name)
        rules[reason] = ReasonRule(
            whose=cast("Whose", entry["whose"]),
            permanent=entry["permanent"],
            suppress=cast("Suppress", entry["suppress"]),
            lifted_after=entry.get("lifted_after_days", 0) * 86_400.0 or None,
            lifted_by_delivery=entry.get("lifted_by_delivery", False),
        )
        texts[reason] = ReasonText(**entry["en"])
    return rules, texts


REASONS, _TEXTS = _load()


def text(reason: Reason, language: str = "en") -> ReasonText:
    """Sentence and advice for a reason; in English where the language (``es``, ``es-AR``) is not known."""
    said = language_of(language).reasons.get(reason.value)
    return ReasonText(**said) if said else _TEXTS[reason]


def told(reason: Reason, mistyped: bool | None, language: str = "en") -> ReasonText:  # noqa: FBT001 - a fact of the row
    """
    Sentence and advice for one recipient: on the wire an address that is gone and one that never was look the same.

    Args:
        reason: Why it failed.
        mistyped: Of the recipient: True: nothing ever reached the address; False: something did; None: not asked.
        language: As in ``text``.
    """
    plain = text(reason, language)
    if reason is not Reason.NO_SUCH_USER or mistyped is None:
        return plain
    sentence = "This email address was probably mistyped." if mistyped else "This email address no longer exists."
    return ReasonText(say(sentence, language), plain.advice)
