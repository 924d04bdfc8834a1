"""A delivery with all its real parts but the store, aimed at scripted servers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from relay.delivery.pool import Pool
from relay.delivery.ports import Sign, unsigned
from relay.delivery.resolver import AddressAnswer, MxAnswer, NoSuchDomain
from relay.delivery.route import Routes
from relay.delivery.tls import TlsContexts
from relay.delivery.worker import Delivery
from relay.settings import DeliverySettings, Route
from store.nouns import Attempt, ContentRef, Job
from tests.relay.delivery.conftest import JOB
from tests.relay.delivery.ledger import Ledger
from tests.rigs.smtp_sink import SmtpSink

EPOCH = JOB.accepted_at
CONTENT = b"Subject: x\r\n\r\nbody\r\n"
CONTEXTS = TlsContexts()


class Names:
    """DNS answers by hand; what is not named does not exist."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.exchangers: dict[str, MxAnswer] = {}
        self.hosts: dict[str, AddressAnswer] = {}
        self.asked: list[str] = []

    async def mx(self, domain: str) -> MxAnswer:
        self.asked.append(domain)
        return self.exchangers.get(domain, NoSuchDomain(self.clock()))

    async def addresses(self, host: str, *, ipv6: bool) -> AddressAnswer:  # noqa: ARG002 - its shape
        return self.hosts.get(host, NoSuchDomain(self.clock()))


@dataclass(frozen=True)
class Copies:
    """``outgoing``: marks the recipient, so that a copy can be told from another's."""

    def __call__(self, job: Job, content: bytes, seven_bit: bool) -> bytes:  # noqa: FBT001 - the worker's contract
        if seven_bit:
            content = content.decode("utf-8").encode("ascii", "xmlcharrefreplace")
        return b"X-Recipient: %d\r\n" % job.recipient_id + content


class World:
    """
    ``async with World(sink) as world``: all mail goes to ``sink``; ``sinks={"a.test": other}`` takes a domain's.

    ``parts`` gives other routes and another pool. The clock is the event loop's, counted from EPOCH.
    """

    def __init__(
        self,
        sink: SmtpSink | None = None,
        *,
        sinks: dict[str, SmtpSink] | None = None,
        outgoing: Callable[[Job, bytes, bool], bytes] | None = None,
        sign: Sign = unsigned,
        random: Callable[[], float] = lambda: 0.0,
        claiming: bool = True,
        parts: "Callable[[World], tuple[Routes, Pool]] | None" = None,
        **settings: Any,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        started = self.loop.time()
        self.ahead = 0.0  # seconds that the clock was put on by hand: cheaper than virtual time for days
        self.clock = lambda: EPOCH + self.ahead + self.loop.time() - started
        self.settings = DeliverySettings(**settings)
        self.ledger = Ledger(self.clock)
        self.transcripts: list[tuple[int, float, str]] = []
        self.names = Names(self.clock)
        routes = {domain: self._route(there) for domain, there in (sinks or {}).items()}
        if sink is not None:
            routes["*"] = self._route(sink)
        self.routes = Routes(self.names, routes=routes, settings=self.settings, clock=self.clock)
        self.pool = Pool(hostname="relay.test", settings=self.settings, draw=lambda: 0.5, contexts=CONTEXTS)
        if parts is not None:
            self.routes, self.pool = parts(self)
        self.delivery = Delivery(
            queue=self.ledger,
            contents=self.ledger,
            routes=self.routes,
            pool=self.pool,
            outgoing=outgoing or Copies(),
            sign=sign,
            return_path=lambda job: f"b{job.recipient_id}@bounces.test",
            consequence=self.ledger,
            keep=lambda recipient_id, at, dialogue: self.transcripts.append((recipient_id, at, dialogue)),
            clock=self.clock,
            random=random,
            settings=self.settings,
        )
        self._claiming = claiming
        self._task: asyncio.Task[None] | None = None

    @staticmethod
    def _route(sink: SmtpSink) -> Route:
        return Route(host="127.0.0.1", port=sink.port, tls="off")

    def job(self, number: int, address: str = "", **fields: Any) -> Job:
        """Make a due job and put it into the ledger."""
        return self.ledger.add(self._job(number, address, **fields), fields.get("content_bytes", CONTENT))

    def _job(self, number: int, address: str = "", **fields: Any) -> Job:
        address = address or f"r{number}@example.org"
        now = self.clock()
        return replace(
            JOB,
            recipient_id=number,
            forward_path=address,
            domain=fields.pop("domain", address.rpartition("@")[2]),
            message_id=fields.pop("message_id", number),
            content=ContentRef(fields.pop("message_of", number), 1, 0, fields.pop("length", 100)),
            accepted_at=now,
            expires_at=now + self.settings.max_age,
            **{key: value for key, value in fields.items() if key != "content_bytes"},
        )

    def offer(self, number: int, address: str = "", *, content: bytes = CONTENT, **fields: Any) -> Job:
        """Accept one mail: held by us, with its content at hand."""
        job = self.ledger.add(self._job(number, address, **fields), content, state="claimed")
        self.delivery.offer([job], content)
        return job

    def last(self, number: int) -> Attempt:
        """How the latest attempt for a recipient ended."""
        return self.ledger.of(number)[-1]

    async def settled(self) -> None:
        """Wait until nothing is in hand."""
        await self.delivery.quiet()

    async def over(self) -> None:
        """Wait until every recipient is delivered or failed."""
        while not set(self.ledger.states()) <= {"delivered", "failed"}:
            self.ledger.changed.clear()
            await self.ledger.changed.wait()

    async def __aenter__(self) -> Self:
        if self._claiming:
            self._task = asyncio.create_task(self.delivery.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.delivery.stop(1.0)
        if self._task is not None:
            await self._task
