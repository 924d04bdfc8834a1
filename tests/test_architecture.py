"""
The architecture, held by reading every import: knowledge flows down, without cycles, and pure modules stay pure.

design.md section 3: ``relay`` may import all; ``admin``, ``bounce`` and ``pixel`` import ``store`` and not one another;
``store`` imports none of ours.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("relay", "bounce", "pixel", "admin", "store")
MAY_IMPORT = {
    "relay": {"relay", "bounce", "pixel", "admin", "store"},
    "bounce": {"bounce", "store"},
    "pixel": {"pixel", "store"},
    "admin": {"admin", "store"},
    "store": {"store"},
}
PURE = "Pure: no I/O, no clock, no chance."
# What a pure module may take from outside: nothing that opens, waits, tells the time or draws lots.
IMPURE = {
    "aiohttp", "aiosmtpd", "aiosqlite", "alembic", "asyncio", "dns", "logging", "os", "random", "secrets", "select",
    "shutil", "signal", "socket", "sqlalchemy", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "uuid",
}  # fmt: skip
# The commands load what they need when they are called, so that `homing --help` is quick.
LAZY_IMPORTS_ALLOWED = {
    "relay.cli",
    "relay.cli_embeds",
    "relay.cli_opens",
    "relay.cli_people",
    "relay.cli_queue",
    "relay.cli_reports",
    "relay.cli_shared",
    "relay.cli_tokens",
    "relay.cli_webhooks",
}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def _imports(nodes: Iterator[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            module = node.module or ""
            for alias in node.names:
                full = f"{module}.{alias.name}"
                yield full if full in MODULES else module


IMPORTS = {name: set(_imports(ast.walk(tree))) for name, tree in TREES.items()}


def _is_pure(name: str) -> bool:
    return (ast.get_docstring(TREES[name]) or "").rstrip().endswith(PURE)


@pytest.mark.parametrize("name", MODULES)
def test_knowledge_flows_down(name: str) -> None:
    """A module imports only from the packages that its own package may know."""
    ours = {module for module in IMPORTS[name] if module.split(".")[0] in PACKAGES}
    allowed = MAY_IMPORT[name.split(".", maxsplit=1)[0]]
    assert {module for module in ours if module.split(".")[0] not in allowed} == set()


def test_no_import_cycle() -> None:
    """Not even a lazy one: the modules can be put in an order in which each knows only earlier ones."""
    waiting = {name: {other for other in IMPORTS[name] if other in MODULES and other != name} for name in MODULES}
    while ready := [name for name, needs in waiting.items() if not needs & waiting.keys()]:
        for name in ready:
            del waiting[name]
    assert waiting == {}


@pytest.mark.parametrize("name", MODULES)
def test_pure_modules_import_pure_modules(name: str) -> None:
    """A module that says it is pure imports nothing of ours that is not, and no door to the outside."""
    if not _is_pure(name):
        return
    ours = {module for module in IMPORTS[name] if module in MODULES and "." in module}
    assert {module for module in ours if not _is_pure(module)} == set()
    assert {module for module in IMPORTS[name] if module.split(".")[0] in IMPURE} == set()


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_a_docstring_and_imports_at_the_top(name: str) -> None:
    """Every module says what it is for; imports stand at the top, and none is for types only."""
    tree = TREES[name]
    assert ast.get_docstring(tree)
    if name in LAZY_IMPORTS_ALLOWED:
        return
    at_top = set(_imports(iter(tree.body)))
    assert IMPORTS[name] - at_top == set()


@pytest.mark.parametrize("name", [name for name, path in MODULES.items() if path.name == "__init__.py"])
def test_a_package_is_a_docstring(name: str) -> None:
    """A package's __init__ tells the path through its files, no more: importing a noun loads no driver."""
    assert len(TREES[name].body) == 1


def test_only_serve_knows_clock_and_chance() -> None:
    """time.time, random and secrets are read in relay/serve.py; all others are handed a clock and what is drawn."""
    doors = {"random", "secrets", "uuid", "datetime.datetime.now"}
    # The programs; the demo runs a relay and a world around it.
    allowed = {"relay.serve", "relay.demo", *LAZY_IMPORTS_ALLOWED}
    allowed |= {
        "store.credentials",
        "store.tokens",
        "store.people",
        "store.sessions",
        "store.webhooks",
    }  # secrets that nobody may foretell, a caller the least
    found = {name for name in MODULES if name not in allowed and IMPORTS[name] & doors}
    found |= {
        name
        for name, tree in TREES.items()
        if name not in allowed
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in {("time", "time"), ("datetime", "now"), ("os", "urandom")}
    }
    assert found == set()
