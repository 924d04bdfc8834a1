"""What the pixel's tests drive it with: a store of opens that can be broken, a clock, HTTP in octets of our own."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pixel.buffer import OpenBuffer
from pixel.client import Describe
from pixel.server import PixelServer
from pixel.signals import Sighting
from store.errors import StoreUnavailable
from store.nouns import Open
from store.open_facts import OpenFacts

LOG = logging.getLogger("tests.pixel")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
Judge = Callable[[Mapping[int, OpenFacts]], Sequence[Open]]
GRACE = 60.0  # real seconds, where an end is sure to come: far more than the slowest machine needs


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
        judge: Judge,
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


class Pauses:
    """Sleeps that end when the test says so."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._ends: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        end = asyncio.Event()
        self._ends.put_nowait(end)
        await end.wait()

    async def end_one(self) -> None:
        (await self._ends.get()).set()


def an_open(
    recipient_id: int = 1, at: float = 1.0, *, agent: str = FIREFOX, address: str = "", method: str = "GET"
) -> Sighting:
    return Sighting(recipient_id=recipient_id, at=at, address=address, agent=agent, method=method)


def buffer(
    opens: FakeOpens,
    pauses: Pauses | None = None,
    room: int = 10_000,
    clock: Clock | None = None,
    describe: Describe | None = None,
) -> OpenBuffer:
    return OpenBuffer(opens, room, 30.0, LOG, clock=clock or Clock(), pause=pauses or Pauses(), describe=describe)


def known(**more: object) -> OpenFacts:
    """A recipient whose mail is on its way."""
    facts = {"message_id": 9, "settled": False, "in_doubt": False, "delivered_at": None, "settled_at": None}
    return OpenFacts(**{**facts, "sender_is_recipient": False, **more})  # type: ignore[arg-type]


async def until_asked(opens: FakeOpens) -> None:
    """Wait for the next call of the store, and let it end."""
    await opens.calls.wait()
    opens.calls.clear()
    for _ in range(5):
        await asyncio.sleep(0)


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
