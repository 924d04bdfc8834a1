"""Fixtures for all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.rigs.postgres import MISSING, Postgres, find_programs

ROOT = Path(__file__).parents[1]

# Tests decide what happens, never how quickly: a machine that is busy must not fail them.
settings.register_profile("homing", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("homing")


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> float:
        """Let time pass, or jump back, and give the new time."""
        self.now += seconds
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock(1_790_000_000.0)  # 2026-09-21


@pytest.fixture(scope="session")
def shared() -> Path:
    """Where the labelled data lies that is not part of the repository."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("../shared is missing: it holds the labelled data that this test reads")
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this worker. ``fresh()`` makes a database for one test."""
    programs = find_programs()
    if programs is None:
        pytest.fail(MISSING)
    server = Postgres(programs)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A fresh database on PostgreSQL with the schema in it."""
    name = postgres.fresh()
    yield postgres.url(name)
    postgres.drop(name)
