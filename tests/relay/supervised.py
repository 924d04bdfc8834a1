"""
A supervisor with workers that do next to nothing, for test_supervisor.py: ``python supervised.py HOW COUNT``.

Each worker prints ``begins NUMBER``, its number and process id once it serves, and ``bye NUMBER`` when it takes leave.
HOW is ``serve``; ``refuse``: the second cannot start; ``fall``: the second dies before it is ready; ``stubborn``: the
second ends badly when it is told to stop.
"""

import asyncio
import os
import signal
import sys
import time

from relay.supervisor import Line, Supervisor, WorkerCannotStart

HOW, COUNT = sys.argv[1], int(sys.argv[2])


async def _until_told(number: int, line: Line) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)

    def orphaned() -> None:
        loop.remove_reader(line.life)
        stopping.set()

    loop.add_reader(line.life, orphaned)
    sys.stdout.write(f"begins {number}\n")
    sys.stdout.flush()
    line.ready()
    sys.stdout.write(f"{number} {os.getpid()}\n")
    sys.stdout.flush()
    await stopping.wait()
    sys.stdout.write(f"bye {number}\n")
    sys.stdout.flush()
    if HOW == "stubborn" and number == 1:
        raise RuntimeError("it would not stop well")


def serve(number: int, line: Line) -> str:
    if HOW == "refuse" and number == 1:
        return "the store is taken"
    if HOW == "fall" and number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    asyncio.run(_until_told(number, line))
    return ""


try:
    sys.exit(0 if Supervisor(COUNT, serve, time.monotonic).run() else 1)
except WorkerCannotStart as error:
    sys.stdout.write(f"cannot start: {error}\n")
    sys.exit(2)
