"""
The languages that people can be spoken to in: English stands in the code, each other one is a file of ``store/words``.

Pure: no I/O, no clock, no chance.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

_ENGLISH_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language. What it does not say is said in English."""

    name: str  # as its speakers call it
    months: tuple[str, ...]
    sentences: Mapping[str, str]  # by the English words
    reasons: Mapping[str, Mapping[str, str]]  # sentence and advice, by the value of a Reason


def _load() -> dict[str, Language]:
    found = {"en": Language(name="English", months=_ENGLISH_MONTHS, sentences={}, reasons={})}
    for file in sorted(files("store").joinpath("words").iterdir(), key=lambda file: file.name):
        code, dot, ending = file.name.rpartition(".")
        if dot and ending == "toml":
            found[code] = _language(tomllib.loads(file.read_text(encoding="utf-8")))
    return found


def _language(data: Mapping[str, Any]) -> Language:
    return Language(
        name=data["name"], months=tuple(data["months"]), sentences=data["sentences"], reasons=data["reasons"]
    )


LANGUAGES = _load()


def language_of(code: str) -> Language:
    """Give the language of a code (``es``, ``es-AR``); English where it is not known."""
    return LANGUAGES.get(code.lower().partition("-")[0], LANGUAGES["en"])


def best_language(accepted: str) -> str:
    """Choose by ``Accept-Language`` (RFC 9110 section 12.5.4): the code of the best one we speak, else ``en``."""
    best, most = "en", 0.0
    for entry in accepted[:1_000].split(","):
        tag, _, rest = entry.strip().partition(";")
        code = tag.strip().lower().partition("-")[0]
        weight = _weight(rest)
        if code in LANGUAGES and weight > most:
            best, most = code, weight
    return best


def _weight(parameter: str) -> float:
    """Read ``q=0.8``; 1 where there is none, 0 where it is no number."""
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    whole, dot, part = value.strip().partition(".")
    digits = whole + part
    if not digits.isascii() or not digits.isdigit() or len(digits) > 4 or not whole:
        return 0.0
    return float(f"{whole}{dot}{part or ('0' if dot else '')}")
