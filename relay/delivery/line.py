"""
The octets and the time of one session: what goes out, what is waited for, and until when.

A ``Connection`` makes one and hands it its transport; ``sending.py`` writes contents on it. Each reply has a limit of
its own from the moment it is waited for (RFC 5321 section 4.5.3.2), so a server that trickles does not win time.
"""

import asyncio

from relay.delivery.dialogue import Dialogue, Step
from relay.delivery.patience import patience
from relay.delivery.states import State
from relay.delivery.transcript import Transcript
from relay.settings import DeliverySettings
from store.nouns import Phase

ENDLESS = float("inf")


class Line:
    """What a session says and waits for. ``session_deadline`` (loop time) ends every limit of a mail up to its dot."""

    def __init__(self, dialogue: Dialogue, settings: DeliverySettings, transcript: Transcript | None) -> None:
        self.dialogue = dialogue
        self.transcript = transcript
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.deadline = self.session_deadline = ENDLESS
        self.paused = False  # the other side is slow to read
        self._settings = settings
        self._waiter: asyncio.Future[None] | None = None
        self._step = Step.READ  # not yet taken by the driver
        self._timer: asyncio.TimerHandle | None = None

    # What goes out.

    def say(self, output: bytes) -> None:
        """Write commands, and note them."""
        if self.transcript is not None:
            self.transcript.said(self.loop.time(), output, secret=self.dialogue.phase is Phase.AUTH)
        self.write(output)

    def write(self, data: bytes | memoryview) -> None:
        """Write octets, unless the session is over."""
        if data and self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def note(self, what: str) -> None:
        """Note what is not said in words."""
        if self.transcript is not None:
            self.transcript.note(self.loop.time(), what)

    def abort(self) -> None:
        """Close at once, with whatever is unsent."""
        self.dialogue.lost("given up")
        self.stop_timer()
        if self.transport is not None:
            self.transport.abort()

    # Waiting and waking.

    async def next_step(self) -> Step:
        """Wait until something else than reading is to be done."""
        while self._step is Step.READ:
            await self._wait()
        return self.take_step()

    def take_step(self) -> Step:
        """Give what is to be done, and read on."""
        step, self._step = self._step, Step.READ
        return step

    def put_step(self, step: Step) -> None:
        """Leave a step to whoever asks next, and wake nobody."""
        self._step = step

    async def drained(self) -> None:
        """Wait until all that was written has left, or the session is over."""
        self._until(self._settings.block_timeout)
        while self.paused and not self.dialogue.closed:
            await self._wait()

    def signal(self, step: Step) -> None:
        """Tell whoever waits what is to be done."""
        if step is not Step.READ:
            self._step = step
        self.wake()

    def wake(self) -> None:
        """Have whoever waits look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = self.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # Time.

    def watch(self) -> None:
        """Start the time limit of the state that the dialogue is in now."""
        state = self.dialogue.state
        if state is State.END_OF_DATA:
            self.session_deadline = ENDLESS
        seconds = patience(state, self._settings)
        if seconds == ENDLESS:
            self.deadline = seconds
        else:
            self._until(seconds)

    def stop_timer(self) -> None:
        """Look at the time no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _until(self, seconds: float) -> None:
        """Set the limit. A timer that would fire earlier is left: it looks again, which is cheaper than a new one."""
        now = self.loop.time()
        self.deadline = min(now + seconds, self.session_deadline)
        if self._timer is None or self._timer.when() > self.deadline:
            self.stop_timer()
            self._timer = self.loop.call_at(self.deadline, self._look_at_time)

    def _look_at_time(self) -> None:
        self._timer = None
        now = self.loop.time()
        if now < self.deadline:
            if self.deadline != ENDLESS:
                self._timer = self.loop.call_at(self.deadline, self._look_at_time)
            return
        step = self.dialogue.lost(f"no answer in time, waiting for {self.dialogue.phase.replace('_', ' ')}")
        self.signal(step)
        self.abort()
