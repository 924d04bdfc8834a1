"""Waiting for something to become true, with an end."""

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


class NeverHappenedError(AssertionError):
    """What was waited for did not become true in time."""


def until(what: str, look: Callable[[], _T], *, seconds: float = 30.0, every: float = 0.05) -> _T:
    """
    Call ``look`` until it gives something true, and return that.

    Args:
        what: What is waited for, in words: it is the failure's message.
        look: Raises to end the wait at once; ConnectionError and FileNotFoundError mean "not yet".
        seconds: After so long NeverHappenedError is raised. Generous: only a failing test waits for it.
        every: Seconds between two looks.
    """
    deadline = time.monotonic() + seconds
    last = ""
    while time.monotonic() < deadline:
        try:
            found = look()
        except (ConnectionError, FileNotFoundError) as error:
            last = f" (last: {error!r})"
        else:
            if found:
                return found
        time.sleep(every)
    raise NeverHappenedError(f"not within {seconds:.0f} s: {what}{last}")
