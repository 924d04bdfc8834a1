"""
What is wrong with a value of the configuration, in the words of the file: what would be right, never a type of Python.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Mapping
from typing import Any

_WORDS = {
    "missing": "is missing",
    "int_type": "should be a whole number, like 20",
    "int_parsing": "should be a whole number, like 20",
    "int_from_float": "should be a whole number, like 20",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "string_type": 'should be a text in quotes, like "x"',
    "path_type": "should be a path in quotes",
    "tuple_type": 'should be a list, like ["x", "y"]',
    "model_type": "should be a table",
    "dict_type": "should be a table",
    "greater_than_equal": "should be at least {ge}",
    "greater_than": "should be more than {gt:g}",
    "less_than_equal": "should be at most {le}",
}


def in_words(details: Mapping[str, Any]) -> str:
    """
    Say what would be right.

    Args:
        details: One entry of ``pydantic.ValidationError.errors()``: ``type``, ``msg`` and, for bounds, ``ctx``.

    Returns:
        ``should be a whole number, like 20``; what our own checks say is given as it is.
    """
    kind, context = details["type"], details.get("ctx", {})
    if kind in ("literal_error", "enum"):
        return f"should be one of {context['expected']}".replace("'", '"').replace(" or ", ", ")
    if kind in _WORDS:
        return _WORDS[kind].format(**context)
    text = str(details["msg"]).removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
