"""What the pixel's tests drive it with: a store of opens that can be broken, a clock, HTTP in octets of our own."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pixel.server import PixelServer
from store.errors import StoreUnavailable
from store.nouns import Open
from store.open_facts import OpenFacts

LOG = logging.getLogger("tests.pixel")


@dataclass
class FakeOpens:
    """Keeps what it is given, or refuses it."""

    recorded: list[Open] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    refuse: bool = False
    poison: int | None = None  # recipient id that makes a batch fail for a fault of ours
    calls: asyncio.Event = field(default_factory=asyncio.Event)
    known: dict[int, OpenFacts] = field(default_factory=dict)

    async def judge_and_record(
        self,
        recipient_ids: Sequence[int],
        judge: Callable[[Mapping[int, OpenFacts]], Sequence[Open]],
        *,
        view_window: float,
    ) -> int:
        assert view_window == 30.0
        self.calls.set()
        await asyncio.sleep(0)
        if self.refuse:
            raise StoreUnavailable("the store is locked")
        facts = {id_: self.known[id_] for id_ in recipient_ids if id_ in self.known}
        judge(facts)  # the store may have to ask twice
        opens = judge(facts)
        if self.poison in {an_open.recipient_id for an_open in opens}:
            raise ValueError("poison")
        if opens:
            self.recorded.extend(opens)
            self.batches.append(len(opens))
        return len(opens)


@dataclass
class Answer:
    """One HTTP answer, octet by octet as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def talk(server: PixelServer, request: bytes) -> bytes:
    """Send octets, and give all octets that come back until the server hangs up."""
    reader, writer = await asyncio.open_connection(*server.addresses[0])
    try:
        writer.write(request)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()


async def ask(
    server: PixelServer, target: str, *, method: str = "GET", headers: dict[str, str] | None = None
) -> Answer:
    """Ask once, in octets of our own, so that no client library tidies them up."""
    lines = [f"{method} {target} HTTP/1.1", "Host: pixel.test", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    raw = await talk(server, ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape"))
    return read_answer(raw)


def read_answer(raw: bytes) -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    return Answer(
        int(first.split()[1]), {name: value for name, _, value in (line.partition(": ") for line in rest)}, body
    )
