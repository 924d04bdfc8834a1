"""
Dataclasses of which many are made for each mail.

Python's own frozen ones set each field through ``object.__setattr__``: 1.8 microseconds for one of 15 fields, where
plain ones take 0.5, and a mail makes a dozen of them on its way. So these are frozen for mypy, which reads
``@dataclass(frozen=True)`` as it stands there and refuses what would change a field, but not while the program runs.

Pure: no I/O, no clock, no chance.
"""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]


def _plain(*, frozen: bool = False, **more: bool) -> Any:
    """As ``dataclasses.dataclass``: equal ones have the same hash, as frozen ones do."""
    return dataclasses.dataclass(unsafe_hash=frozen, **more)


if not TYPE_CHECKING:
    dataclass = _plain
