"""The documents are true in what a test can see: links, files, commands and keys that they name exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from relay.cli import main
from relay.config import Config

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
NAMES = [path.name for path in DOCUMENTS]
FILES = {
    path.relative_to(ROOT).as_posix()
    for folder in ("admin", "bounce", "docs", "pixel", "relay", "scripts", "store", "tests")
    for path in (ROOT / folder).rglob("*")
} | {path.name for path in ROOT.iterdir()}
_NO_KEYS = (".py", ".toml", ".org")  # files and host names may begin with the name of a table
CODE = re.compile(r"```.*?```|`([^`\n]+)`", re.DOTALL)


def spans(document: Path) -> list[str]:
    """Give what stands in backticks in a line."""
    return [match[1] for match in CODE.finditer(document.read_text(encoding="utf-8")) if match[1]]


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_links_lead_somewhere(document: Path) -> None:
    """Each link to a file of ours has its file."""
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_source_files_that_are_named_exist(document: Path) -> None:
    """By their path, or by their bare name where the text says in which folder."""
    named = [span for span in spans(document) if re.fullmatch(r"[a-z_/0-9]+\.(py|toml)", span)]
    known = FILES | {file.rpartition("/")[2] for file in FILES}
    assert [name for name in named if name not in known] == []


def below(group: click.Group, prefix: str = "") -> Iterator[str]:
    """Give the words of each command."""
    for name, command in group.commands.items():
        yield f"{prefix}{name}"
        if isinstance(command, click.Group):
            yield from below(command, f"{prefix}{name} ")


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_commands_that_are_named_exist(document: Path) -> None:
    """`homing suppress lift ADDRESS` is a command of ours, and a group is followed by one of its commands."""
    known = set(below(main))
    groups = {name for name, command in main.commands.items() if isinstance(command, click.Group)}
    wrong = []
    for span in spans(document):
        if match := re.match(r"(?:\.venv/bin/)?homing ([a-z-]+)(?: ([a-z]+))?(?= |$)", span):
            first, second = match[1], match[2]
            if first not in known or (first in groups and second and f"{first} {second}" not in known):
                wrong.append(span)
    assert wrong == []


def test_every_command_is_in_a_document() -> None:
    """A newcomer finds each of them outside of `--help` too."""
    told = " ".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    assert [name for name in main.commands if f"homing {name}" not in told] == []


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Give each table and key of the configuration, with dots."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{prefix}{name}.")


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_keys_that_are_named_exist(document: Path) -> None:
    """`[relay.metadata]` is a table and `store.reserve` a key of the configuration."""
    known = set(keys(Config))
    named = [
        match[1] or match[2]
        for span in spans(document)
        if (match := re.fullmatch(r"\[([a-z_.]+)\]|((?:relay|bounce|pixel|admin|store)(?:\.[a-z_]+)+)(?: = .*)?", span))
    ]
    assert [key for key in named if key not in known and not key.endswith(_NO_KEYS)] == []
