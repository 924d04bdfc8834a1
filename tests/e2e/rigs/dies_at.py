"""
`homing serve` that dies as by kill -9 when it reaches a named place for the n-th time.

    python dies_at.py PLACE N --config FILE

The places are those where a crash could lose or repeat a mail. The program itself knows nothing of them: they are
wrapped from here.
"""

import asyncio
import os
import sys
import threading
from typing import Any

from bounce.consequence import Consequence
from relay.cli import main
from relay.delivery.sending import Sending
from store.dots import Dots
from store.queue import Queue
from store.segments import Segments
from store.writer import Transaction

# name -> (class, method, whether we die before it, or else behind it)
PLACES: dict[str, tuple[type, str, bool]] = {
    "content written, row not": (Segments, "_write", False),
    "all written, not committed": (Transaction, "finish", False),
    "accepted, 250 not said": (Queue, "accept", False),
    "claimed": (Queue, "claim_due", False),
    "dot marked, not sent": (Dots, "mark", False),
    "dot sent, no reply yet": (Sending, "content", False),
    "reply came, not settled": (Consequence, "of_attempt", True),
    "settled": (Queue, "_settled", False),
}


def arm(place: str, times: int) -> None:
    """Have the process end at the n-th time it is there."""
    owner, name, before = PLACES[place]
    original = getattr(owner, name)
    left = times
    lock = threading.Lock()

    def here() -> None:
        nonlocal left
        with lock:
            left -= 1
            if left <= 0:
                os._exit(137)

    async def awaited(*args: Any, **given: Any) -> Any:
        if before:
            here()
        result = await original(*args, **given)
        if not before:
            here()
        return result

    def called(*args: Any, **given: Any) -> Any:
        if before:
            here()
        result = original(*args, **given)
        if not before:
            here()
        return result

    setattr(owner, name, awaited if asyncio.iscoroutinefunction(original) else called)


if __name__ == "__main__":
    arm(sys.argv[1], int(sys.argv[2]))
    main(["serve", *sys.argv[3:]])
