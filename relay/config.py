"""
Read ``config.toml``: every problem in it is told at once, with its line, its key and what would be right.

The tables are the folders, and each folder says in its own ``settings.py`` what its table may hold.
What a file cannot know by itself, whether a port is free and a key can be read, is looked at in ``preflight.py``.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from admin.settings import AdminSettings
from bounce.settings import BounceSettings
from pixel.settings import PixelSettings
from relay.config_words import in_words
from relay.settings import RelaySettings
from store.settings import StoreSettings

Key = tuple[str, ...]

_TABLE = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?")
_ASSIGNMENT = re.compile(
    r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)\s*="
)
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+)")


class Config(BaseModel):
    """All of ``config.toml``. ``Config()`` is what the shipped file says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    relay: RelaySettings = RelaySettings()
    bounce: BounceSettings = BounceSettings()
    pixel: PixelSettings = PixelSettings()
    admin: AdminSettings = AdminSettings()
    store: StoreSettings = StoreSettings()

    @property
    def bounce_domain(self) -> str:
        """The domain of the return paths."""
        return self.bounce.domain or self.relay.hostname


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. ``line`` counts from 1; 0 where no line of the file says it."""

    key: Key
    text: str
    line: int = 0

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{spell(self.key)}: {self.text}" if self.key else f"{where}{self.text}"


class ConfigError(Exception):
    """The configuration cannot be used. ``problems`` has every reason, in the order of the file."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = sorted(problems, key=lambda problem: problem.line or 10**9)
        count = len(self.problems)
        head = f"{path}: {count} problem{'s' if count > 1 else ''}; nothing was started."
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


def parse(path: Path) -> tuple[Config, list[Problem]]:
    """
    Read a configuration file; paths in it are relative to its folder.

    Returns:
        What could be read, with defaults in place of what is wrong, and every problem in the order of the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return Config(), [Problem((), f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError:
        return Config(), [Problem((), "is not UTF-8 text")]
    config, problems = parse_text(text)
    return _anchored(config, path.parent), problems


def parse_text(text: str) -> tuple[Config, list[Problem]]:
    """Read the text of a configuration file as ``parse`` does; paths in it stay as they are written."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Config(), [_syntax_problem(error, text)]
    config, problems = _validate(data)
    return config, [replace(problem, line=line_of(problem.key, text)) for problem in problems]


def read(path: Path) -> Config:
    """Read a configuration for a command beside a running relay. Raises ConfigError with every problem at once."""
    config, problems = parse(path)
    if problems:
        raise ConfigError(path, problems)
    return config


def line_of(key: Key, text: str) -> int:
    """Find the line of a file's text, from 1, on which a key or its table stands; 0: on none."""
    lines = _lines(text)
    if key in lines:
        return lines[key]
    below = [line for known, line in lines.items() if known[: len(key)] == key]
    if below:
        return min(below)
    return line_of(key[:-1], text) if len(key) > 1 else 0  # a key that is missing: the table that misses it


def _syntax_problem(error: tomllib.TOMLDecodeError, text: str) -> Problem:
    match = re.search(r"^(.*) \(at (?:line ([0-9]+)|end of document)", str(error), re.DOTALL)
    if match is None:
        return Problem((), str(error))
    return Problem((), match[1], int(match[2] or len(text.splitlines())))


def _validate(data: dict[str, Any]) -> tuple[Config, list[Problem]]:
    """Give the configuration without what is wrong, and what is wrong, so that the rest can still be checked."""
    problems: list[Problem] = []
    while True:
        try:
            return Config.model_validate(data), problems
        except ValidationError as error:
            found = [_problem(data, details) for details in error.errors()]
            problems += [problem for problem in found if problem not in problems]
            for problem in found:
                _take_out(data, problem.key)


def _problem(data: Mapping[str, Any], details: Any) -> Problem:
    key = _existing(data, tuple(str(part) for part in details["loc"]))
    if details["type"] == "extra_forbidden":
        return Problem(key, "unknown key." + _nearest(key))
    return Problem(key, in_words(details))


def _existing(data: Any, key: Key) -> Key:
    """Cut what pydantic adds to a location (list positions, names of union members) behind the key in the file."""
    for depth, part in enumerate(key):
        if not isinstance(data, Mapping):
            return key[:depth]
        if part not in data:
            return key[: depth + 1]
        data = data[part]
    return key


def _take_out(data: dict[str, Any], key: Key) -> None:
    """Take a key out of nested tables; where a key is missing, take out the table that misses it."""
    *tables, last = key
    inner = data
    for part in tables:
        inner = inner[part]
    if last in inner:
        del inner[last]
    else:
        _take_out(data, key[:-1])


def _nearest(key: Key) -> str:
    """Name the right key that comes nearest to a wrong one: in its own table first, then in any table."""
    keys = list(_all_keys(Config))
    beside = [known for known in keys if known[:-1] == key[:-1]]
    close = difflib.get_close_matches(key[-1], [known[-1] for known in beside], n=1, cutoff=0.5)
    if close:
        return f' Did you mean "{close[0]}"?'
    elsewhere = difflib.get_close_matches(key[-1], [known[-1] for known in keys], n=1, cutoff=0.75)
    if elsewhere:
        full = next(known for known in keys if known[-1] == elsewhere[0])
        return f" Did you mean {spell(full)}?"
    names = ", ".join(known[-1] for known in beside)
    return f" This table knows: {names}." if names else ""


def _all_keys(model: type[BaseModel], prefix: Key = ()) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        yield (*prefix, name)
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _all_keys(inner, (*prefix, name))


def spell(key: Key) -> str:
    """``[relay.submission] listen``."""
    *tables, last = (part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"' for part in key)
    return f"[{'.'.join(tables)}] {last}" if tables else last


def _lines(text: str) -> dict[Key, int]:
    """Number the line on which each table and each key of a file stands."""
    found: dict[Key, int] = {}
    table: Key = ()
    for number, line in enumerate(text.splitlines(), 1):
        if match := _TABLE.fullmatch(line):
            table = _parts(match[1])
            found.setdefault(table, number)
        elif match := _ASSIGNMENT.match(line):
            found.setdefault((*table, *_parts(match[1])), number)
    return found


def _parts(dotted: str) -> Key:
    return tuple(match[1] or match[2] or match[3] or "" for match in _PART.finditer(dotted))


def _anchored(config: Config, folder: Path) -> Config:
    """Make the relative paths of a file relative to the folder it lies in."""
    base = folder.absolute()
    submission = config.relay.submission
    relay = config.relay.model_copy(
        update={
            "master_key": base / config.relay.master_key,
            "tls": config.relay.tls.model_copy(update={"memory": base / config.relay.tls.memory}),
            "dkim": config.relay.dkim.model_copy(update={"keys": base / config.relay.dkim.keys}),
            "submission": submission.model_copy(
                update={
                    "certificate": submission.certificate and base / submission.certificate,
                    "private_key": submission.private_key and base / submission.private_key,
                }
            ),
        }
    )
    store = config.store.model_copy(
        update={"contents": base / config.store.contents, "url": _anchored_url(config.store.url, base)}
    )
    lists = config.pixel.lists.model_copy(update={"folder": base / config.pixel.lists.folder})
    files = {"certificate": base / config.pixel.certificate, "private_key": base / config.pixel.private_key}
    countries = config.pixel.countries and base / config.pixel.countries
    pixel = config.pixel.model_copy(update={"lists": lists, "countries": countries, **files})
    return config.model_copy(update={"relay": relay, "store": store, "pixel": pixel})


def _anchored_url(url: str, base: Path) -> str:
    scheme = "sqlite:///"
    if url.startswith(scheme) and not url.startswith(scheme + "/"):
        return f"{scheme}{base / url.removeprefix(scheme)}"
    return url
