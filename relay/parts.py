"""
What every part of the relay is started with, and how it ends with the relay.

``serve.py`` makes it, and the real clock and the real dice with it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from logging import Logger
from typing import Any

from relay.config import Config
from relay.metrics import ProcessMetrics
from relay.workers import Worker


@dataclass(frozen=True, slots=True)
class Parts:
    """
    What parts are made of and noted in; ``stack`` stops them in the opposite order.

    ``clock``: Unix seconds, UTC. ``draw``: 0.0 up to 1.0. ``random_bytes``: so many that nobody can guess.
    """

    config: Config
    stack: AsyncExitStack
    clock: Callable[[], float]
    draw: Callable[[], float]
    random_bytes: Callable[[int], bytes]
    log: Logger
    worker: Worker
    up: dict[str, bool] = field(default_factory=dict)  # what listens now, for /readyz
    metrics: ProcessMetrics = field(default_factory=ProcessMetrics)

    def note_up(self, part: str) -> None:
        """Note that a part listens, until it is told to stop."""
        self.up[part] = True
        self.stack.callback(self.up.__setitem__, part, False)

    def run_beside(self, loop: Coroutine[Any, Any, None]) -> None:
        """Run a loop until the relay stops."""
        task = asyncio.create_task(loop)

        async def stop() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self.stack.push_async_callback(stop)


def spell(addresses: Sequence[tuple[str, int]]) -> str:
    """Write the first address as a person would type it; "" where nothing is listened on."""
    if not addresses:
        return ""
    host, port = addresses[0]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
