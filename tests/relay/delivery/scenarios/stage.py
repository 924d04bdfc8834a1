"""
Plays a scenario: a mail, or a few, through the real delivery and the real store, against scripted servers.

A scenario is a row of a table: what the name servers say, what the mail hosts do, and what becomes of each recipient.
The domain ``example.org`` has two mail hosts, ``mx1`` (preference 10) and ``mx2`` (20), unless the row says otherwise.
All of it runs in virtual time: three days pass in a moment.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bounce.consequence import Consequence
from bounce.verp import ReturnPaths
from pixel.token import Tokens
from relay.delivery.guard import Guard
from relay.delivery.mta_sts import MtaSts
from relay.delivery.policy_fetch import PolicyFetch
from relay.delivery.pool import Pool
from relay.delivery.protection import Protection
from relay.delivery.resolver import Resolver
from relay.delivery.route import Routes
from relay.delivery.tls import TlsContexts
from relay.delivery.tls_memory import TlsMemory
from relay.delivery.worker import Delivery
from relay.keys import pixel_seal, return_path_seal
from relay.outgoing import Outgoing
from relay.settings import DeliverySettings, DnsSettings
from store.addresses import ascii_domain, split_address
from store.engine import Reader
from store.events import Event
from store.open import Store, open_store
from store.rows import RecipientRow
from store.settings import StoreSettings
from tests.relay.delivery.tls_world import BELIEVED, issued
from tests.rigs.dns_server import Answer, DnsServer
from tests.rigs.policy_host import PolicyHost
from tests.rigs.smtp_sink import Action, SmtpSink
from tests.rigs.virtual_time import outside
from tests.store.mail import accept

EPOCH = 1_800_000_000.0
KEYS = [bytes(range(32))]
TOKENS = Tokens(pixel_seal(KEYS))
RETURN_PATHS = ReturnPaths(return_path_seal(KEYS), "bounces.test", 86_400.0)
LOOPBACK = "127.0.0.0/8"
HOSTS = ("127.0.0.1", "127.0.0.2")  # mx1, mx2
CONTENT = b"Subject: x\r\n\r\nbody\r\n"
ANN = "ann@example.org"
USUAL_DNS: Mapping[tuple[str, str], tuple[Answer, ...]] = {
    ("example.org", "MX"): ("10 mx1.example.org.", "20 mx2.example.org."),
    ("mx1.example.org", "A"): (HOSTS[0],),
    ("mx2.example.org", "A"): (HOSTS[1],),
}
OFFERS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "SIZE 50000000")


@dataclass(frozen=True)
class On:
    """At a stage of the talk with a host (1, 2; 0: both) these steps are done; see ``tests/rigs/smtp_sink.py``."""

    stage: str
    steps: tuple[Action, ...]
    host: int = 1
    session: int | None = None
    recipient: str | None = None
    times: int | None = None
    after: int = 1


def on(stage: str, *steps: Action, **more: Any) -> On:
    return On(stage, steps, **more)


@dataclass(frozen=True, kw_only=True)
class Becomes:
    """What becomes of a recipient."""

    status: str  # "Delivered", "Bounced", "Not delivered", "Sending"
    events: str  # their kinds, without "accepted": "deferred delivered"
    reason: str = "delivered"
    says: str = ""  # within the reply or note of the last event
    said: str = ""  # within the reply or note of the first event behind "accepted"
    code: str = ""  # enhanced status code of the last event
    tls: str | None = None  # end of what the last event says of TLS; None: whatever
    attempts: int | None = None  # None: as many as there are events
    at: tuple[float, float] | None = None  # seconds after acceptance of the last event, from and to


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One row. ``row`` is its number in the papers, ``name`` says what happens, ``outcome`` what then."""

    row: str
    name: str
    outcome: str
    becomes: Becomes | Mapping[str, Becomes]
    dns: Mapping[tuple[str, str], tuple[Answer, ...]] = field(default_factory=dict)  # () : not there
    later: tuple[float, Mapping[tuple[str, str], tuple[Answer, ...]]] | None = None  # DNS from a second on
    script: tuple[On, ...] = ()
    offers: tuple[str, ...] = OFFERS
    starttls: ssl.SSLContext | None = None  # what both hosts show
    policy: bytes = b""  # MTA-STS
    signed: bool = False  # the zone is, and the resolver validates
    pins: tuple[Answer, ...] = ()  # TLSA records of mx1; with ``signed``
    down: tuple[int, ...] = ()  # hosts that do not listen
    to: tuple[str, ...] = (ANN,)
    one_by_one: bool = False  # each is handed over when the one before is settled or waits
    content: bytes = CONTENT
    mail: Mapping[str, Any] = field(default_factory=dict)  # fields of the message
    settings: Mapping[str, Any] = field(default_factory=dict)
    own: tuple[str, ...] = ()  # names under which we are somebody's MX
    until: float = 4 * 86400.0  # seconds to look on at most
    got: tuple[int, int] | None = None  # mails that each host took; None: whatever
    sessions: tuple[int, int] | None = None
    check: Callable[["Stage"], None] | None = None  # what else must be true at the end


class Stage:
    """What a scenario is played on."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.sinks: list[SmtpSink] = []
        self.dns = DnsServer(ttl=60)
        self.found: dict[str, tuple[RecipientRow, list[Event]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def clock(self) -> float:
        """Give the time, also to a thread of the store."""
        assert self._loop is not None
        return EPOCH + self._loop.time()

    async def play(self, folder: Path) -> None:
        """Play it to the end, and keep what became of each recipient."""
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            await self._hosts(stack)
            store = await self._store(stack, folder)
            delivery = await self._delivery(stack, store)
            running = asyncio.create_task(delivery.run())
            await self._play(store, delivery)
            await delivery.stop(1.0)
            await running
            for address in self.scenario.to:
                (found,) = await store.find.by_address(address)
                self.found[address] = (found.recipient, list(found.events[1:]))

    async def _hosts(self, stack: AsyncExitStack) -> None:
        scenario = self.scenario
        await stack.enter_async_context(self.dns)
        for address in HOSTS:
            port = self.sinks[0].port if self.sinks else 0
            sink = SmtpSink(offers=scenario.offers, starttls=scenario.starttls, host=address, port=port)
            self.sinks.append(await stack.enter_async_context(sink))
        for number in scenario.down:
            await self.sinks[number - 1].stop()
        for host, sink in enumerate(self.sinks, 1):
            for step in scenario.script:
                if step.host in (0, host):
                    sink.on(
                        step.stage,
                        *step.steps,
                        session=step.session,
                        recipient=step.recipient,
                        times=step.times,
                        after=step.after,
                    )
        self._say({**USUAL_DNS, **scenario.dns})

    def _say(self, answers: Mapping[tuple[str, str], tuple[Answer, ...]]) -> None:
        """Let the name servers say this from now on."""
        for (name, kind), given in answers.items():
            self.dns.remove(name, kind)
            if given:
                self.dns.add(name, kind, *given)

    async def _store(self, stack: AsyncExitStack, folder: Path) -> Store:
        settings = StoreSettings(
            url=f"sqlite:///{folder}/homing.db", contents=folder / "contents", reserve=0, lease=10_000_000.0
        )
        store = await open_store(settings, clock=self.clock, node_name="stage", serving=True)
        stack.push_async_callback(store.close)
        reader: Reader = store.queue._reader
        read = reader.run

        async def run(work: Any) -> Any:
            with outside():
                return await read(work)

        reader.run = run  # type: ignore[method-assign]  # its driver has a thread that the loop does not know
        return store

    async def _delivery(self, stack: AsyncExitStack, store: Store) -> Delivery:
        scenario = self.scenario
        settings = DeliverySettings(
            port=self.sinks[0].port,
            allow_private_destinations=(LOOPBACK,),
            ipv6=False,
            **scenario.settings,
        )
        contexts = TlsContexts()
        BELIEVED.configure_trust(contexts.verified)
        resolver = Resolver(
            DnsSettings(nameservers=(self.dns.nameserver,), validating=scenario.signed), clock=self.clock
        )
        stack.push_async_callback(resolver.close)
        protection = await self._protection(stack, resolver)
        if scenario.signed:
            self.dns.sign("example.org")
            for record in scenario.pins:
                self.dns.add(f"_{self.sinks[0].port}._tcp.mx1.example.org", "TLSA", record)
        outgoing = Outgoing(tokens=TOKENS, return_paths=RETURN_PATHS, base_url=lambda _: "https://track.relay.test")
        return Delivery(
            queue=store.queue,
            contents=store.contents,
            routes=Routes(
                resolver,
                routes={},
                settings=settings,
                clock=self.clock,
                own_names=scenario.own,
                protector=protection,
            ),
            pool=Pool(hostname="relay.test", settings=settings, draw=lambda: 0.5, contexts=contexts, proofs=protection),
            outgoing=outgoing.copy,
            return_path=outgoing.return_path,
            consequence=Consequence(store.queue, store.reports, raw_copy=1000),
            clock=self.clock,
            random=lambda: 0.0,
            settings=settings,
        )

    async def _protection(self, stack: AsyncExitStack, resolver: Resolver) -> Protection:
        memory = TlsMemory(None, clock=self.clock)
        policies = None
        if self.scenario.policy:
            context = ssl.create_default_context()
            BELIEVED.configure_trust(context)
            web = await stack.enter_async_context(PolicyHost(issued("mta-sts.example.org")))
            self.dns.add("_mta-sts.example.org", "TXT", '"v=STSv1; id=1"')
            self.dns.add("mta-sts.example.org", "A", "127.0.0.1")
            web.policies["mta-sts.example.org"] = self.scenario.policy
            fetch = PolicyFetch(resolver, guard=Guard((LOOPBACK,)), ipv6=False, context=context, port=web.port)
            policies = MtaSts(resolver, fetch=fetch, memory=memory, clock=self.clock)
            stack.push_async_callback(policies.close)
        pins = resolver if self.scenario.signed else None
        return Protection(pins=pins, policies=policies, memory=memory, clock=self.clock)

    async def _play(self, store: Store, delivery: Delivery) -> None:
        scenario = self.scenario
        age = DeliverySettings(**scenario.settings).max_age
        for address in scenario.to:
            if not ascii_domain(split_address(address)[1]):
                assert "[" in address or scenario.row == "N16"
            taken = await accept(
                store,
                address,
                now=self.clock(),
                content=scenario.content,
                **{"expires_at": self.clock() + age, "size": len(scenario.content), **scenario.mail},
            )
            delivery.offer(taken.jobs, scenario.content)
            if scenario.one_by_one:
                await delivery.quiet()
        if scenario.later is not None:
            at, answers = scenario.later
            await asyncio.sleep(at)
            self._say(answers)
        while asyncio.get_running_loop().time() < scenario.until and await self._waits(store):
            await self._next(store)
            await delivery.quiet()

    async def _waits(self, store: Store) -> bool:
        return any(destination.due or destination.claimed for destination in await store.waiting.by_destination())

    async def _next(self, store: Store) -> None:
        """Let time pass up to the next attempt."""
        due_at = await store.queue.next_due_at()
        wait = 1.0 if due_at is None else max(0.0, due_at - self.clock()) + 1.0
        await asyncio.sleep(min(wait, self.scenario.until))
