"""
The forms in which values of control headers are written: switches, lists, name and value pairs, JSON.

Each reader takes any text, never raises, and says None (or nothing) where the form is wrong.

Pure: no I/O, no clock, no chance.
"""

import json
from collections.abc import Mapping

from relay.message.header import printable

_YES = frozenset({"yes", "true", "on", "1"})
_NO = frozenset({"no", "false", "off", "0"})


def switch(value: object) -> bool | None:
    """Read yes or no in the forms that services use, in text or JSON; None for anything else."""
    if isinstance(value, int):  # bool is one
        return bool(value) if value in (0, 1) else None
    word = value.strip().lower() if isinstance(value, str) else ""
    return True if word in _YES else False if word in _NO else None


def comma_list(value: str) -> list[str]:
    """Read ``a, b``; empty ones are left out."""
    return [word for piece in value.split(",") if (word := piece.strip())]


def name_value_pairs(value: str) -> dict[str, str] | None:
    """Read ``a=b, c=d``; None when a piece has no "=" or no name."""
    pairs = {}
    for piece in comma_list(value):
        name, equals, text = piece.partition("=")
        if not equals or not name.strip():
            return None
        pairs[name.strip()] = text.strip()
    return pairs


def json_object(value: str) -> dict[str, object] | None:
    """Read a JSON object, its fractions as they are written ("10.50"); None for anything else, or too deep."""
    try:
        found = json.loads(value, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def strings(value: object) -> list[str]:
    """Read a JSON string, or a list of them; what is neither is left out."""
    items = value if isinstance(value, list) else [value]
    return [printable(item).strip() for item in items if isinstance(item, str)]


def metadata_values(said: Mapping[str, object]) -> dict[str, str]:
    """Give a JSON object's members as text: strings as they are, others as JSON; null is left out."""
    return {printable(key).strip(): printable(_as_text(value)) for key, value in said.items() if value is not None}


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return ""
