"""
The search box: a line of words as a person types it.

    line  = *( word / chip )        separated by blanks
    chip  = name ":" value          status: to: from: subject: tag: customer: invoice: reason: domain:
                                    credential: since: until: is:
    value = 1*CHAR / DQUOTE *CHAR DQUOTE

A quote within a word is left out. ``since:`` and ``until:`` take a day, ``2026-11-01``, both days included. What is
not understood is not dropped in silence: it is told. A word with a colon whose name is not known is looked for as it
stands.

Pure: no I/O, no clock, no chance.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from store.addresses import ascii_domain
from store.nouns import Reason
from store.queries.search import MAX_WORD, MAX_WORDS, Search
from store.queries.standing import Standing

MAX_LINE = 1_000  # characters that are read
_TOKEN = re.compile(r'(?:([a-z_]++):)?(?:"([^"]*+)"?|(\S*+))', re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_KINDS = {"invoice": "invoices", "invoices": "invoices", "message": "messages", "messages": "messages"}


@dataclass(frozen=True, slots=True)
class Typed:
    """What a line asks for."""

    search: Search = field(default_factory=Search)
    not_understood: tuple[str, ...] = ()  # the words, as they were typed


@dataclass(slots=True)
class _Reading:
    """A line while it is read."""

    zone: tzinfo
    given: dict[str, Any] = field(default_factory=dict)  # fields of the search
    bad: list[str] = field(default_factory=list)


def clean(text: str, longest: int = MAX_WORD) -> str:
    """Take out what a store cannot look for, and cut what is longer than anything that is kept."""
    return _CONTROL.sub("", text).strip()[:longest]


def parse(line: str, *, zone: tzinfo = UTC) -> Typed:
    """Read a line; never raises. Days begin and end in ``zone``."""
    reading = _Reading(zone)
    for match in _TOKEN.finditer(_CONTROL.sub(" ", line)[:MAX_LINE]):
        name, quoted, bare = match.groups()
        value = clean((bare if quoted is None else quoted).replace('"', ""))
        _read(reading, match[0].replace('"', ""), (name or "").lower(), value)
    return Typed(Search(**reading.given), tuple(reading.bad))


def spell(search: Search, *, zone: tzinfo = UTC) -> str:
    """Write a search as a line that ``parse`` reads as the same; what has no word is left out."""
    words = [_quoted(word) for word in search.text]
    for name, values in (
        ("status", search.standings),
        ("to", (*search.to, *([search.address] if search.address else []))),
        ("from", (search.sender,)),
        ("subject", (search.subject,)),
        ("tag", search.tags),
        ("customer", (search.customer,)),
        ("invoice", (search.invoice,)),
        ("reason", search.reasons),
        ("domain", search.domains),
        ("credential", (search.credential,)),
        ("is", (search.kind,)),
    ):
        words += [f"{name}:{_quoted(value)}" for value in values if value]
    if search.since is not None:
        words.append(f"since:{datetime.fromtimestamp(search.since, zone).date()}")
    if search.until is not None:
        words.append(f"until:{datetime.fromtimestamp(search.until - 1, zone).date()}")
    return " ".join(words)


def _quoted(value: str) -> str:
    return f'"{value}"' if re.search(r"[\s:]", value) else value


def _read(reading: _Reading, typed: str, name: str, value: str) -> None:
    known = _CHIPS.get(name)
    if known is not None:
        if not value or not known(reading, value):
            reading.bad.append(typed)
    elif not (word := clean(typed) if name else value):
        return
    elif len(reading.given.get("text", ())) < MAX_WORDS:
        reading.given["text"] = (*reading.given.get("text", ()), word)
    else:
        reading.bad.append(typed)


def _one(name: str) -> Callable[[_Reading, str], bool]:
    """Read a value of which there is one; the last one typed counts."""

    def read(reading: _Reading, value: str) -> bool:
        reading.given[name] = value
        return True

    return read


def _several(name: str, convert: Callable[[str], str | None]) -> Callable[[_Reading, str], bool]:
    """Read a value of which there may be several."""

    def read(reading: _Reading, value: str) -> bool:
        got = convert(value)
        have: tuple[str, ...] = reading.given.get(name, ())
        if not got or len(have) >= MAX_WORDS:
            return False
        if got not in have:
            reading.given[name] = (*have, got)
        return True

    return read


def _word_of(kind: type[Standing] | type[Reason]) -> Callable[[str], str | None]:
    def convert(value: str) -> str | None:
        name = value.lower().replace("-", "_").replace(" ", "_")
        return kind(name) if name in set(kind) else None

    return convert


def _since(reading: _Reading, value: str) -> bool:
    return _day(reading, value, "since", 0)


def _until(reading: _Reading, value: str) -> bool:
    return _day(reading, value, "until", 1)


def _day(reading: _Reading, value: str, name: str, days: int) -> bool:
    try:
        begin = datetime.combine(date.fromisoformat(value) + timedelta(days=days), time.min, reading.zone)
        reading.given[name] = begin.timestamp()
    except (ValueError, OverflowError):
        return False
    return True


def _is(reading: _Reading, value: str) -> bool:
    kind = _KINDS.get(value.lower())
    if kind is None:
        return False
    reading.given["kind"] = kind
    return True


_CHIPS: dict[str, Callable[[_Reading, str], bool]] = {
    "status": _several("standings", _word_of(Standing)),
    "to": _several("to", str),
    "from": _one("sender"),
    "subject": _one("subject"),
    "tag": _several("tags", str),
    "customer": _one("customer"),
    "invoice": _one("invoice"),
    "reason": _several("reasons", _word_of(Reason)),
    "domain": _several("domains", ascii_domain),
    "credential": _one("credential"),
    "since": _since,
    "until": _until,
    "is": _is,
}
