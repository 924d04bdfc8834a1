"""
What a mail costs at the door: CPU microseconds of submission alone, from octets that came to the reply.

    python -m bench.door [--rounds 40]

The letters of ``bench/letters.py`` go through the very session and acceptance of ``homing serve``, with a store that
takes everything at once and a socket that goes nowhere. It is the thread's own time, and the least of many rounds, so
it hardly depends on what else the machine does; ``bench/cost.py`` and ``make bench`` have the whole relay.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import uvloop

from bench.letters import SENDER, bodies, head
from relay.config import Config
from relay.submission.acceptance import Acceptance
from relay.submission.limits import Offers, ServerLimits
from relay.submission.protocol import SmtpProtocol
from relay.submission.server import guard_of
from relay.submission.session import Shared
from store.accept import Acceptance as Taken
from store.ids import Ids
from store.nouns import NewMessage, NewRecipient

_BLOCK = 65_483  # octets that come at once over loopback
_TURNS = 6  # of the event loop, until nothing is under way
_CONFIG = Config.model_validate(
    {
        "relay": {
            "hostname": "mx.club.test",
            "submission": {"trusted_networks": ["127.0.0.0/8"], "limits": {"messages_per_connection": 1_000_000}},
        }
    }
)


class _Store:
    """Takes everything, and keeps nothing."""

    def __init__(self) -> None:
        self.ids = Ids(1, time.time)
        self.queue = self.credentials = self

    async def accept(
        self, message: NewMessage, content: bytes, recipients: Sequence[NewRecipient], **_: object
    ) -> Taken:
        assert content
        assert recipients
        return Taken(message.id, repeated=False, jobs=[])

    async def of_network(self, _client: str) -> None:
        return None


class _Socket(asyncio.Transport):
    """Notes what was written last."""

    last = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.last = bytes(data)

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


class _Door:
    """One connection, over which letters are handed in."""

    def __init__(self) -> None:
        log = logging.getLogger("bench")
        limits = ServerLimits.of(_CONFIG.relay.submission.limits)
        store: Any = _Store()
        takes = Acceptance(
            store=store,
            config=_CONFIG,
            deliver=lambda _jobs, _content: None,
            clock=time.time,
            log=log,
            signs_for=lambda _domain: False,
            planned=lambda _message_id, _plan: None,
            measure=lambda _seconds: None,
        )
        shared = Shared(
            hostname=_CONFIG.relay.hostname,
            limits=limits,
            offers=Offers.for_submission("loopback"),
            tls=None,
            handler=takes,
            guard=guard_of(limits),
            clock=time.time,
            log=log,
            authenticated=lambda _session: None,
        )
        self._socket = _Socket()
        self._session = SmtpProtocol(shared, "127.0.0.1")
        self._session.connection_made(self._socket)
        self._talk = asyncio.create_task(self._session.converse())

    async def say(self, octets: bytes) -> bytes:
        """Hand octets in, in blocks, and give what was said at the end."""
        for start in range(0, len(octets), _BLOCK):
            self._session.data_received(octets[start : start + _BLOCK])
            await asyncio.sleep(0)
        await _turns()
        return self._socket.last


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def _round(door: _Door, letters: Sequence[bytes]) -> float:
    """Hand each letter in once; CPU microseconds of one, without the loop's empty turns."""
    begun = time.thread_time()
    for number, letter in enumerate(letters):
        path = f"r{number}-{len(letter)}@members.test"
        await door.say(f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{path}>\r\nDATA\r\n".encode())
        assert (await door.say(letter)).startswith(b"250 ")
    used = time.thread_time() - begun
    begun = time.thread_time()
    for _ in letters:
        await _turns()
        await _turns()
    return (used - (time.thread_time() - begun)) / len(letters) * 1e6


def _letters(*, pdf: bool) -> Iterator[bytes]:
    for number, body in enumerate(bodies(pdf=pdf)):
        yield head(number, f"r{number}-0@members.test") + body + b".\r\n"


async def _measure(rounds: int) -> None:
    door = _Door()
    await _turns()
    assert (await door.say(b"EHLO source.test\r\n")).startswith(b"250")
    for name, pdf in (("an HTML letter", False), ("the same with a PDF", True)):
        letters = list(_letters(pdf=pdf))
        least = min([await _round(door, letters) for _ in range(rounds)])
        sys.stdout.write(f"{name} of {sum(map(len, letters)) // len(letters):,} octets: {least:.0f} microseconds\n")
    assert (await door.say(b"QUIT\r\n")).startswith(b"221")


def main() -> None:
    """Measure, and print a line for each kind of letter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="of sixteen letters each")
    uvloop.run(_measure(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
