"""
Sends the content of one mail on a ``Line``: by DATA with its dots stuffed, or by BDAT in chunks (RFC 3030).

What ends a content, the final dot or BDAT LAST, is written only once ``before_dot`` has let it.
"""

from collections.abc import Awaitable, Callable

from relay.delivery.dialogue import Step
from relay.delivery.envelope import FINAL_DOT, stuff
from relay.delivery.line import ENDLESS, Line
from relay.delivery.states import State

ONE_WRITE = 64 * 1024  # contents up to this size leave in one piece with their final dot
BLOCK = 256 * 1024
CHUNK = 1024 * 1024  # octets of one BDAT

BeforeDot = Callable[[], Awaitable[None] | None]


class Sending:
    """Sends the contents of one session. ``marking``: a final dot is being noted, to go out at once."""

    def __init__(self, line: Line) -> None:
        self.marking = False
        self._line = line

    async def content(self, copy: bytes, before_dot: BeforeDot) -> None:
        """Write the content and the final dot, unless the other side has refused meanwhile."""
        last = stuffed = stuff(copy)
        if len(stuffed) > ONE_WRITE:
            if not await self._all(memoryview(stuffed)):
                return
            last = b""
        await self._finish(last + FINAL_DOT, f"{len(stuffed)} octets of content and the final dot", before_dot)

    async def chunks(self, copy: bytes, before_dot: BeforeDot) -> None:
        """Write the content chunk by chunk, each when the one before was taken, and BDAT LAST (RFC 3030 section 2)."""
        line = self._line
        view = memoryview(copy if copy.endswith(b"\r\n") else copy + b"\r\n")
        for start in range(0, len(view), CHUNK):
            chunk = view[start : start + CHUNK]
            line.say(b"BDAT %d\r\n" % len(chunk))
            if not await self._all(chunk):  # all of it, also where it is refused meanwhile
                return
            line.watch()
            step = await line.next_step()
            if step is not Step.CONTENT:
                line.put_step(step)
                return
        await self._finish(b"BDAT 0 LAST\r\n", f"{len(view)} octets of content in chunks, and BDAT LAST", before_dot)

    async def _all(self, view: memoryview) -> bool:
        """Write octets as the other side reads them; False: the session is over."""
        line = self._line
        for start in range(0, len(view), BLOCK):
            if line.dialogue.closed:
                return False
            line.write(view[start : start + BLOCK])
            await line.drained()
        return not line.dialogue.closed

    async def _finish(self, last: bytes, note: str, before_dot: BeforeDot) -> None:
        """Write what ends the content, once that is allowed, unless the other side has refused meanwhile."""
        line = self._line
        line.deadline = ENDLESS  # the store's time is not the other side's
        marking = before_dot()
        if marking is not None:
            self.marking = True
            try:
                await marking
            finally:
                self.marking = False
        if line.dialogue.state in (State.CONTENT, State.CHUNK):
            line.dialogue.dot_sent()
            line.watch()
            line.note(note)
            line.write(last)
