"""The stores of both engines, for numbers that are read from pages, API, metrics and SQL alike."""

from tests.store.conftest import engine, settings

__all__ = ["engine", "settings"]
