"""
What aiohttp can do at most: the same image by a handler that does nothing else, for bench/pixel.py to compare with.

``python -m bench.bare_handler PORT`` serves until it is terminated.
"""

import asyncio
import contextlib
import sys

import uvloop
from aiohttp import web

from pixel.image import GIF, HEADERS


async def image(_: web.BaseRequest) -> web.Response:
    """Answer with the image."""
    return web.Response(body=GIF, headers=HEADERS)


async def serve(port: int) -> None:
    """Serve on a port of loopback."""
    handlers = web.Server(image, access_log=None)
    listening = await asyncio.get_running_loop().create_server(handlers, "127.0.0.1", port, backlog=1_024)
    await listening.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, contextlib.suppress(KeyboardInterrupt):
        runner.run(serve(int(sys.argv[1])))
