"""
Three parties with an exact account: a source that offers mails, the relay that is killed, a sink that takes them.

Each mail has a number, in its header and in its body. The source writes down what it offered and what it was answered;
the sink writes down what it took, before it says so. What the two ledgers must come to is in ``Account``.
"""

import asyncio
import contextlib
import random
import re
import smtplib
import threading
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.e2e.rigs.clients import SENDER
from tests.e2e.rigs.homing import Homing, Login
from tests.e2e.rigs.load import MAIL, number_of

_TOKEN = re.compile(rb'<img src="http[^"]+" width="1" height="1" alt="" style="border:0">')


class Sink:
    """
    A mail server with moods: it says "later", hangs up, and dawdles, by chance from a seed.

    ``got`` counts the numbers of the mails that it took; ``spoilt`` are those that were not as they were offered.
    """

    def __init__(self, address: str, *, seed: int) -> None:
        self.address = address
        self.got: Counter[int] = Counter()
        self.spoilt: list[int] = []
        self.good = False  # from now on it takes everything at once
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stop = asyncio.Event()
        self._thread.start()
        assert self._up.wait(10)

    def stop(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._session, self.address, 25, limit=2**26)
        self._up.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            writer.write(b"220 sink.test\r\n")
            async for reply in self._talk(reader):
                if not reply:
                    break
                writer.write(reply)
                await writer.drain()
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        """Give the reply to each command; b"": hang up."""
        while line := await reader.readline():
            match line[:4].upper():
                case b"EHLO":
                    yield b"250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
                case b"RCPT" if self._mood(0.05):
                    yield b"451 4.3.0 later\r\n"
                case b"DATA":
                    yield b"354 go on\r\n"
                    if self._mood(0.02):
                        yield b""
                    yield await self._take(await _content(reader))
                case b"QUIT":
                    yield b"221 bye\r\n"
                    yield b""
                case _:
                    yield b"250 ok\r\n"

    async def _take(self, content: bytes) -> bytes:
        if self._mood(0.03):
            return b""
        if self._mood(0.03):
            return b"451 4.3.0 later\r\n"
        if self._mood(0.3):
            await asyncio.sleep(self._random.random() / 20)
        if not content:  # of no recipient
            return b"554 5.5.1 no valid recipients\r\n"
        number = number_of(b"\r\n" + content)
        self.got[number] += 1
        if _TOKEN.sub(b"", content.partition(b"\r\nFrom: ")[2]) != letter(number).partition(b"From: ")[2]:
            self.spoilt.append(number)
        return b"250 2.0.0 taken\r\n"

    def _mood(self, chance: float) -> bool:
        return not self.good and self._random.random() < chance


async def _content(reader: asyncio.StreamReader) -> bytes:
    lines = []
    while (line := await reader.readuntil(b"\n")) != b".\r\n":
        lines.append(line)
    return b"".join(lines)


def letter(number: int) -> bytes:
    """Write the mail of a number."""
    return MAIL.format(sender=SENDER, recipient="ann@sink.test", number=number).encode()


@dataclass
class Source:
    """
    An application that offers mail after mail on some connections, each mail once, until told to stop.

    An answer that does not come leaves a mail in doubt: it may arrive, and need not.
    """

    homing: Homing
    login: Login
    connections: int
    offered: set[int] = field(default_factory=set)
    acknowledged: set[int] = field(default_factory=set)
    refused: dict[int, int] = field(default_factory=dict)  # by the code of the refusal
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin to offer."""
        self._threads = [threading.Thread(target=self._offer_all, daemon=True) for _ in range(self.connections)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Offer no more, and wait for the answers."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _next(self) -> int:
        with self._lock:
            number = len(self.offered)
            self.offered.add(number)
            return number

    def _offer_all(self) -> None:
        while not self._stopping.is_set():
            try:
                with smtplib.SMTP(*self.homing.submission, timeout=30) as client:
                    client.login(self.login.user, self.login.password)
                    while not self._stopping.is_set():
                        self._offer(client)
            except (OSError, smtplib.SMTPException):  # it was killed, and will be back
                self._stopping.wait(0.02)

    def _offer(self, client: smtplib.SMTP) -> None:
        client.mail(SENDER)
        client.rcpt("ann@sink.test")
        number = self._next()
        code, _ = client.data(letter(number))
        with self._lock:
            if code == 250:
                self.acknowledged.add(number)
            else:
                self.refused[number] = code
