"""A package's docstring tells its way file by file: a new reader begins there."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(
    path.parent
    for name in ("admin", "bounce", "pixel", "relay", "store")
    for path in (ROOT / name).rglob("__init__.py")
    if "migrations" not in path.parts
)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: str(package.relative_to(ROOT)))
def test_it_is_a_docstring_and_nothing_else(package: Path) -> None:
    """Importing a noun loads no driver."""
    body = ast.parse((package / "__init__.py").read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: str(package.relative_to(ROOT)))
def test_it_names_every_file(package: Path) -> None:
    """Each file has its place on the way; settings are named by the configuration itself."""
    told = (package / "__init__.py").read_text(encoding="utf-8")
    files = {path.stem for path in package.glob("*.py")} - {"__init__", "settings"}
    assert {name for name in files if f"`{name}" not in told and f"/{name}.py" not in told} == set()
