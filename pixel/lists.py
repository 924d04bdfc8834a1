"""
Published lists of addresses: reading what their owners publish, and the snapshot that is kept of it.

What is published is text, a line a network: the prefix up to the first comma (Apple's list has country, region and
city behind it). A snapshot is one line of magic, one line of JSON that says what it is, and the compact arrays of
``networks.py``, little-endian, deflated. It is read without looking at a single prefix, works offline and can be copied
to another machine.

Pure: no I/O, no clock, no chance.
"""

import json
import sys
import zlib
from array import array
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pixel.networks import Prefixes, Spans, parse_prefix

MAX_PREFIXES = 2_000_000
_MAGIC = b"homing address list 1\n"
_MAX_HEADER = 4_096  # octets
_COLUMNS = 4  # arrays of a family
_NUMBER = 8  # octets of a number in them
# Nobody's exits are a whole quarter of the internet: a list that says so would make every reader a machine.
_SHORTEST = {4: 8, 6: 16}
_BAD_SHARE = 0.01  # of the lines that may be no network


class ListDamaged(ValueError):
    """What should be a list is none; the text says why, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Where a list comes from."""

    name: str
    source: str  # URL
    etag: str  # as the server gave it; "" when it gave none
    loaded_at: float  # when it was fetched
    prefixes: int  # lines of the published file, before networks that touch became one


@dataclass(frozen=True, slots=True)
class AddressList:
    """A list, ready for look-ups."""

    about: About
    networks: Prefixes


def read_published(lines: Iterable[str]) -> tuple[Prefixes, int]:
    """
    Read a published file.

    Returns:
        The networks, and how many prefixes there were. A few lines that are no network are passed over.

    Raises:
        ListDamaged: It has no networks, too many of its lines are none, or one of them is far too wide.
    """
    found: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
    good = bad = 0
    for line in lines:
        text = line.partition(",")[0].strip()
        if not text or text.startswith("#"):
            continue
        try:
            version, first, last = parse_prefix(text)
        except ValueError:
            bad += 1
            continue
        if last - first >= 1 << (128 - _SHORTEST[version] if version == 6 else 96 - _SHORTEST[version]):
            raise ListDamaged(f"{text} is too wide to be true")
        found[version].append((first, last))
        good += 1
        if good > MAX_PREFIXES:
            raise ListDamaged(f"there are more than {MAX_PREFIXES} networks in it")
    if not good:
        raise ListDamaged("there is no network in it")
    if bad > _BAD_SHARE * (good + bad):
        raise ListDamaged(f"{bad} of its {good + bad} lines are no networks")
    return Prefixes.of_numbers(found[4], found[6]), good


def to_snapshot(made: AddressList) -> bytes:
    """Write a list as one file."""
    networks = made.networks
    body = b"".join(map(_octets, (*networks.four.columns, *networks.six.columns)))
    header = asdict(made.about) | {"four": len(networks.four), "six": len(networks.six), "crc32": zlib.crc32(body)}
    return _MAGIC + json.dumps(header).encode("ascii") + b"\n" + zlib.compress(body, 3)


def from_snapshot(raw: bytes) -> AddressList:
    """Read what ``to_snapshot`` wrote. Raises ListDamaged for anything else, whatever the octets."""
    if not raw.startswith(_MAGIC):
        raise ListDamaged("it is no address list of this version")
    end = raw.find(b"\n", len(_MAGIC), len(_MAGIC) + _MAX_HEADER)
    try:
        header = json.loads(raw[len(_MAGIC) : end])
        four, six, checksum = (header.pop(key) for key in ("four", "six", "crc32"))
        about = About(**header)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ListDamaged("its header cannot be read") from None
    if end < 0 or not _is_sound(about, four, six):
        raise ListDamaged("its header cannot be read")
    body = _inflate(raw[end + 1 :], (four + six) * _COLUMNS * _NUMBER)
    if zlib.crc32(body) != checksum:
        raise ListDamaged("it is damaged: its checksum is another")
    split = four * _COLUMNS * _NUMBER
    return AddressList(about, Prefixes.of_spans(_spans(body[:split], four), _spans(body[split:], six)))


def _is_sound(about: About, four: Any, six: Any) -> bool:
    texts = (about.name, about.source, about.etag)
    counts = (four, six, about.prefixes)
    return (
        all(isinstance(text, str) for text in texts)
        and all(type(count) is int and 0 <= count <= MAX_PREFIXES for count in counts)
        and isinstance(about.loaded_at, int | float)
    )


def _inflate(deflated: bytes, size: int) -> bytes:
    """Give exactly ``size`` octets: a file cannot make us hold more than its header says."""
    inflater = zlib.decompressobj()
    try:
        body = inflater.decompress(deflated, size + 1)
    except zlib.error:
        raise ListDamaged("it is damaged: it cannot be inflated") from None
    if len(body) != size:
        raise ListDamaged("it is damaged: its length is another")
    return body


def _octets(numbers: "array[int]") -> bytes:
    if sys.byteorder == "big":
        numbers = array("Q", numbers)
        numbers.byteswap()
    return numbers.tobytes()


def _spans(body: bytes, count: int) -> Spans:
    columns = []
    for n in range(_COLUMNS):
        column = array("Q")
        column.frombytes(body[n * count * _NUMBER : (n + 1) * count * _NUMBER])
        if sys.byteorder == "big":
            column.byteswap()
        columns.append(column)
    return Spans((columns[0], columns[1], columns[2], columns[3]))
