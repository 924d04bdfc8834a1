"""
Build the relay, run it, stop it.

Everything is made here and handed in, and only here are the real clock and real randomness known. ``running`` reads
top to bottom: keys, store, the way out, the way back, the pixel, the door for new mail, and last the pages, which say
whether all is up. It ends in the opposite order, so the door closes before what is behind it.
"""

import asyncio
import contextlib
import gc
import importlib
import importlib.util
import logging
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from logging import Logger
from pathlib import Path
from typing import Any

from admin.api.door import Door
from admin.api.embeds import EmbedRoutes
from admin.api.every import every
from admin.api.outside import Outside as ApiOutside
from admin.api.stream import EventStream
from admin.api.webhooks import WebhookRoutes
from admin.embeds.door import EmbedDoor
from admin.embeds.views import Views
from admin.metrics import names
from admin.metrics.page import MetricsPage
from admin.metrics.sample import Sample
from admin.outside import Outside
from admin.pages.embedded import Embedded
from admin.pages.render import Renderer
from admin.pages.site import Site
from admin.server import AdminServer
from admin.statics import Statics
from admin.webhooks.sender import Sender
from bounce.consequence import Consequence
from bounce.listener import ReportListener
from bounce.verp import ReturnPaths
from pixel.choice import ChoicePages
from pixel.client import NoCountriesError, wanted
from pixel.opt_out import OptOutLinks
from pixel.server import PixelServer
from pixel.token import Tokens
from relay.background import follow_journal, keep_fresh, keep_swept, take_over_lapsed
from relay.board import Board
from relay.config import Config
from relay.delivery.guard import Guard
from relay.delivery.mta_sts import MtaSts
from relay.delivery.policy_fetch import PolicyFetch
from relay.delivery.pool import Pool
from relay.delivery.protection import Protection
from relay.delivery.resolver import Resolver
from relay.delivery.route import Routes
from relay.delivery.tls_memory import TlsMemory
from relay.delivery.tls_results import TlsResults
from relay.delivery.worker import Delivery
from relay.did_you_mean import DidYouMean
from relay.digest import Digest
from relay.embed_commands import base_url
from relay.first_start import FirstSecrets, certificate_files, make_secrets, welcome
from relay.forward import Forward
from relay.handing_over import AcceptingStore, FirstSenders, Handing, SendAgain, TokenSenders
from relay.keys import KeyFileError, embed_keys, load_or_make, opt_out_keys, pixel_seal, return_path_seal
from relay.lists import ListKeeper
from relay.log import configure
from relay.metrics import ProcessMetrics, may_read
from relay.notify import Notify
from relay.outgoing import Outgoing
from relay.pages import outside
from relay.preflight import host_and_port
from relay.sandbox.world import Sandbox, route_to
from relay.signing import Signing
from relay.submission.acceptance import Acceptance
from relay.submission.certificate import CertificateFiles
from relay.submission.limits import Offers, ServerLimits
from relay.submission.server import SmtpServer, gate_of, guard_of
from relay.supervisor import Line, Supervisor, WorkerCannotStart
from relay.tls_report import Reporter
from relay.tls_report_post import ReportPost
from relay.tls_reports import TlsReports
from relay.webhooks import make_sender, tell_webhooks, url_rules
from relay.workers import ALONE, Worker
from store.addresses import ascii_domain, split_address
from store.errors import StoreError
from store.nouns import Reply
from store.open import Store, open_store

_COLLECT = (10_000, 20, 20)  # a batch of rows lives for some milliseconds: no reason to look for cycles in it
_TURN = 0.001  # seconds that the event loop waits at most for Python's lock while the store's thread computes
STOP_GRACE = 10.0  # seconds for commands under way when a server stops
CLOSED = Reply.make(421, "4.3.1", "Cannot take mail for now, connect again later")


class CannotStart(Exception):
    """Something that the configuration could not tell keeps the relay from starting; one plain sentence."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay that runs."""

    store: Store
    secrets: FirstSecrets  # the passwords made at this start
    addresses: dict[str, str]  # "submission", "bounce", "pixel", "admin" -> "127.0.0.1:2525"


def run(config: Config, config_path: Path) -> bool:
    """
    Serve until SIGINT or SIGTERM, then stop cleanly: by itself, or with ``relay.workers`` children.

    Returns:
        Whether all stopped well.

    Raises:
        CannotStart: The store is taken by another process, a key file is damaged, and the like.
    """
    log = configure(config.relay.log)
    if config.relay.workers == 1:
        _run_one(config, config_path, log, Worker(), None)
        return True

    family = secrets.token_hex(6)
    with tempfile.TemporaryDirectory(prefix="homing-") as folder:

        def serve(number: int, line: Line) -> str:
            worker = Worker(number, config.relay.workers, family, Path(folder))
            try:
                _run_one(config, config_path, log, worker, line)
            except CannotStart as error:
                return str(error)
            return ""

        try:
            return Supervisor(config.relay.workers, serve, time.monotonic).run()
        except WorkerCannotStart as error:
            raise CannotStart(str(error)) from None


def _run_one(config: Config, config_path: Path, log: Logger, worker: Worker, line: Line | None) -> None:
    with asyncio.Runner(loop_factory=_loop_factory(config.relay.event_loop)) as runner:
        runner.run(_serve(config, config_path, log, worker, line))


def _loop_factory(choice: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Choose the event loop; None is asyncio's own."""
    if choice == "asyncio":
        return None
    if importlib.util.find_spec("uvloop") is None:
        if choice == "uvloop":
            raise CannotStart('[relay] event_loop: "uvloop" is not installed; the extra `speed` brings it')
        return None
    return importlib.import_module("uvloop").new_event_loop  # type: ignore[no-any-return]  # the extra has no types here


async def _serve(config: Config, config_path: Path, log: Logger, worker: Worker, line: Line | None) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    if line is not None:
        loop.add_reader(line.life, _leave_with_supervisor, loop, line.life, stopping)
    async with running(worker.part_of(config), log=log, worker=worker) as relay:
        # What is there now stays: a collection that walks over it all again stops everything for tens of milliseconds.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT)
        sys.setswitchinterval(_TURN)
        if worker.is_first:
            print(welcome(config, relay.secrets, relay.addresses, _command(config_path)), flush=True)  # noqa: T201
        if line is not None:
            line.ready()
        await stopping.wait()
        log.info("stopping: no new mail is taken, what is under way is finished")
    log.info("stopped")


def _leave_with_supervisor(loop: asyncio.AbstractEventLoop, life: int, stopping: asyncio.Event) -> None:
    """Stop as by SIGTERM: the supervisor is gone, and nobody would start this worker again."""
    loop.remove_reader(life)
    stopping.set()


@asynccontextmanager
async def running(
    config: Config,
    *,
    log: Logger,
    clock: Callable[[], float] = time.time,
    draw: Callable[[], float] = random.random,
    worker: Worker = ALONE,
) -> AsyncIterator[Relay]:
    """
    Run a relay for as long as the context lasts, and stop it cleanly.

    Args:
        config: Checked by ``relay.preflight.load``, or with free ports (``127.0.0.1:0``) in tests.
        log: Where lines go.
        clock: Unix seconds, UTC.
        draw: Random numbers from 0.0 up to 1.0, for jitter and the order of hosts.
        worker: Which of several it is.

    Raises:
        CannotStart: In one plain sentence; what had been started is stopped again.
    """
    async with AsyncExitStack() as stack:
        try:
            relay = await _Assembly(config, stack, clock, draw, log, worker).start()
        except (KeyFileError, NoCountriesError, StoreError, OSError) as error:
            raise CannotStart(str(error)) from error
        yield relay


@dataclass(frozen=True, slots=True)
class _Others:
    """What is needed to know others: names, whom we may connect to, how their TLS was and is."""

    resolver: Resolver
    memory: TlsMemory
    guard: Guard
    tls_results: TlsResults | None  # None: nobody is told


@dataclass(frozen=True, slots=True)
class _Assembly:
    """Starts every part, each after those it needs; ``stack`` stops them in the opposite order."""

    config: Config
    stack: AsyncExitStack
    clock: Callable[[], float]
    draw: Callable[[], float]
    log: Logger
    worker: Worker
    up: dict[str, bool] = field(default_factory=dict)  # what listens now, for /readyz
    metrics: ProcessMetrics = field(default_factory=ProcessMetrics)

    async def start(self) -> Relay:
        """Start the relay."""
        config = self.config
        keys, _ = load_or_make(config.relay.master_key, secrets.token_bytes)
        tokens = Tokens(pixel_seal(keys))
        return_paths = ReturnPaths(
            return_path_seal(keys),
            config.bounce_domain,
            config.bounce.return_path_lifetime,
            aligned=config.bounce.aligned_domains,
        )

        store = await open_store(
            config.store,
            clock=self.clock,
            node_name=_node_name(self.worker),
            serving=True,
            successor=bool(self.worker.name),
        )
        self.stack.push_async_callback(store.close)
        made = await make_secrets(store, secrets.token_urlsafe(12))
        consequence = Consequence(store.queue, store.reports, raw_copy=config.bounce.raw_copy)
        outgoing = Outgoing(tokens=tokens, return_paths=return_paths, base_url=config.pixel.url_for)
        signing = Signing(config.relay.dkim, clock=self.clock, log=self.log.getChild("dkim"))
        self.stack.callback(signing.close)

        sandbox = await self.start_sandbox()
        others = self.ask_others()
        delivery = self.start_delivery(store, sandbox, outgoing, signing, consequence, others=others)
        bounce = await self.start_bounce(store, return_paths, consequence, delivery)
        pixel = await self.start_pixel(store, tokens, OptOutLinks(opt_out_keys(keys)))
        if sandbox is not None:
            sandbox.reach(pixel=pixel, bounces=bounce)
        self.start_notify(store, delivery, return_paths)
        self.start_tls_reports(store, delivery, signing, others)
        self.start_background(store, delivery)
        submission = await self.start_submission(store, delivery, outgoing, signing)
        sending = self.sending(store, delivery, outgoing, signing)
        hooks = self.start_webhooks(store, others)
        admin = await self.start_admin(store, delivery, submission, sending, hooks, others=others, keys=keys)
        return Relay(store, made, {"submission": submission, "bounce": bounce, "pixel": pixel, "admin": admin})

    async def start_sandbox(self) -> Sandbox | None:
        """Start the scripted domain, where the configuration wants it; one serves all workers."""
        if not self.config.relay.sandbox.enabled or not self.worker.is_first:
            return None
        sandbox = Sandbox(self.config.relay.sandbox, clock=self.clock, log=self.log.getChild("sandbox"))
        await sandbox.start()
        self.stack.push_async_callback(sandbox.stop)
        return sandbox

    def ask_others(self) -> _Others:
        """Make what asks DNS, and remembers how other servers' TLS was."""
        relay = self.config.relay
        resolver = Resolver(relay.dns, clock=self.clock)
        self.stack.push_async_callback(resolver.close)
        memory = TlsMemory(relay.tls.memory, clock=self.clock)
        memory.load()
        self.stack.push_async_callback(memory.close)
        counted = TlsResults(policy_of=memory.known_policy, clock=self.clock) if relay.tls.reports else None
        return _Others(resolver, memory, Guard(relay.delivery.allow_private_destinations), counted)

    def start_delivery(
        self,
        store: Store,
        sandbox: Sandbox | None,
        outgoing: Outgoing,
        signing: Signing,
        consequence: Consequence,
        *,
        others: _Others,
    ) -> Delivery:
        """Start the way out. At the end, what is behind its final dot gets ``relay.delivery.drain``."""
        relay = self.config.relay
        routes = dict(relay.routes)
        if relay.sandbox.enabled:
            routes[relay.sandbox.domain] = route_to(sandbox.address if sandbox else relay.sandbox.listen)
        protection = self.start_protection(others)
        pool = Pool(
            hostname=relay.hostname,
            settings=relay.delivery,
            draw=self.draw,
            proofs=protection,
            results=others.tls_results,
        )
        delivery = Delivery(
            queue=store.queue,
            contents=store.contents,
            routes=Routes(
                others.resolver,
                routes=routes,
                settings=relay.delivery,
                clock=self.clock,
                own_names=(relay.hostname, self.config.bounce_domain, *self.config.bounce.aligned_domains),
                own_addresses=_own_addresses(self.config),
                protector=protection,
            ),
            pool=pool,
            outgoing=outgoing.copy,
            sign=signing.sign,
            keep=store.transcripts.keep,
            return_path=outgoing.return_path,
            consequence=consequence,
            clock=self.clock,
            random=self.draw,
            settings=relay.delivery,
            workers=self.worker.count,
        )
        delivery.measure_attempts(store.measures.attempt.observe)
        watch = self.metrics.watch
        watch(names.CONNECTIONS, lambda: pool.open_connections, "outgoing")
        watch(names.IN_HAND, lambda: delivery.in_hand)
        watch(names.PAUSED, lambda: float(delivery.paused))
        watch(names.WRITABLE, lambda: float(store.writable))
        claiming = asyncio.create_task(delivery.run(), name="delivery")

        async def stop() -> None:
            await delivery.stop(relay.delivery.drain)
            await claiming

        self.stack.push_async_callback(stop)
        return delivery

    def start_protection(self, others: _Others) -> Protection:
        """Know what TLS mail hosts must show: MTA-STS, DANE, and what was seen before."""
        relay = self.config.relay
        resolver, memory, counted = others.resolver, others.memory, others.tls_results
        policies = None
        if relay.tls.mta_sts:
            fetch = PolicyFetch(resolver, guard=others.guard, ipv6=relay.delivery.ipv6)
            failed = counted.no_policy if counted is not None else None
            policies = MtaSts(resolver, fetch=fetch, memory=memory, clock=self.clock, failed=failed)
            self.stack.push_async_callback(policies.close)
        if relay.dns.validating and not resolver.validating:
            self.log.warning("DANE is off: a name server of the system is not on this machine, so it is not believed")
        return Protection(
            pins=resolver if relay.tls.dane and resolver.validating else None,
            policies=policies,
            memory=memory,
            allow_downgrade=relay.tls.allow_downgrade,
            clock=self.clock,
            results=counted,
        )

    async def start_bounce(
        self, store: Store, return_paths: ReturnPaths, consequence: Consequence, delivery: Delivery
    ) -> str:
        """Start the listener for what comes back; give its address."""
        settings = self.config.bounce
        log = self.log.getChild("bounce")
        listener = ReportListener(
            return_paths=return_paths,
            recipients=store.find,
            reports=store.reports,
            consequence=consequence,
            settings=settings,
            clock=self.clock,
            log=log,
            forward=Forward(
                store=store,
                return_paths=return_paths,
                settings=settings,
                hostname=self.config.relay.hostname,
                max_age=self.config.relay.delivery.max_age,
                deliver=delivery.offer,
                log=log,
            ),
        )
        self.stack.callback(listener.close)
        limits = ServerLimits.for_reports(settings)
        gate = gate_of(limits)
        self.metrics.watch(names.CONNECTIONS, lambda: gate.open, "bounce")
        server = SmtpServer(
            hostname=self.config.relay.hostname,
            limits=limits,
            gate=gate,
            tls=None,
            implicit_tls=False,
            handler=listener,
            offers=Offers(auth="never"),
            clock=self.clock,
            log=log,
        )
        self.stack.push_async_callback(server.stop, STOP_GRACE)
        for address in settings.listen:
            await server.start(address, shared=self.worker.shares_ports)
        self.note_up("bounce")
        return _spell(server.addresses)

    def start_notify(self, store: Store, delivery: Delivery, return_paths: ReturnPaths) -> None:
        """Report to senders what became of their mails, and to the office what is to be chased."""
        relay = self.config.relay
        notify = Notify(
            store=store,
            settings=relay.notify,
            own_domains=return_paths.domains,
            forwards=self.config.bounce.forward != "none",
            hostname=relay.hostname,
            max_age=relay.delivery.max_age,
            clock=self.clock,
            deliver=delivery.offer,
        )
        self.run_beside(notify.run())
        digest = Digest(
            store=store,
            settings=self.config.admin,
            hostname=relay.hostname,
            max_age=relay.delivery.max_age,
            render=Renderer(Statics(), self.clock),
            clock=self.clock,
            deliver=delivery.offer,
        )
        self.run_beside(digest.run())

    def start_tls_reports(self, store: Store, delivery: Delivery, signing: Signing, others: _Others) -> None:
        """Report to other domains how TLS went, where the configuration wants it."""
        if others.tls_results is None:
            return
        relay = self.config.relay
        contact = relay.tls.report_from or f"postmaster@{relay.hostname}"
        reports = TlsReports(
            results=others.tls_results,
            store=store,
            names=others.resolver,
            reporter=Reporter(organization=relay.hostname, contact=contact),
            signs=lambda: signing.has_key(ascii_domain(split_address(contact)[1])),
            post=ReportPost(others.resolver, guard=others.guard, ipv6=relay.delivery.ipv6),
            deliver=delivery.offer,
            max_age=relay.delivery.max_age,
            clock=self.clock,
            draw=self.draw,
        )
        self.run_beside(reports.run())

    async def start_pixel(self, store: Store, tokens: Tokens, links: OptOutLinks) -> str:
        """Start the pixel's server; give its address. At the end it writes the opens that wait."""
        settings, log = self.config.pixel, self.log.getChild("pixel")
        certificate = CertificateFiles(settings.certificate, settings.private_key, log) if settings.listen_tls else None
        if certificate is not None:
            self.run_beside(keep_fresh(certificate))
        server = PixelServer(
            tokens=tokens,
            opens=store.opens,
            settings=settings,
            clock=self.clock,
            log=log,
            choice=ChoicePages(links, store.opens, log),
            tls=certificate.context if certificate else None,
            describe=wanted(settings, log),
        )
        await server.start(shared=self.worker.shares_ports)
        self.stack.push_async_callback(server.stop)
        self.metrics.watch(names.PIXEL_WAITING, lambda: server.buffer.waiting)
        self.metrics.watch(names.PIXEL_DROPPED, lambda: server.buffer.dropped)
        lists = ListKeeper(
            self.config.pixel.lists, server.use_list, clock=self.clock, log=self.log.getChild("pixel.lists")
        )
        self.run_beside(lists.run())
        self.note_up("pixel")
        return _spell(server.addresses)

    async def start_submission(self, store: Store, delivery: Delivery, outgoing: Outgoing, signing: Signing) -> str:
        """Open the door for new mail; give its address."""
        settings = self.config.relay.submission
        certificate = certificate_files(self.config, now=self.clock(), random=secrets.token_bytes(16), log=self.log)
        if certificate is not None:
            self.run_beside(keep_fresh(certificate))
        limits = ServerLimits.of(settings.limits)
        gate, guard = gate_of(limits), guard_of(limits)
        self.metrics.watch(names.CONNECTIONS, lambda: gate.open, "submission")
        acceptance = self.acceptance(store, delivery, outgoing, signing)
        addresses: list[tuple[str, int]] = []
        for listen, implicit in ((settings.listen, False), (settings.listen_tls, True)):
            server = SmtpServer(
                hostname=self.config.relay.hostname,
                limits=limits,
                tls=certificate.context if certificate else None,
                implicit_tls=implicit,
                handler=acceptance,
                offers=Offers.for_submission(settings.auth_without_tls),
                clock=self.clock,
                log=self.log.getChild("submission"),
                gate=gate,
                guard=guard,
                proxy_networks=settings.proxy_networks,
                closed_because=lambda: None if store.writable else CLOSED,
            )
            self.stack.push_async_callback(server.stop, STOP_GRACE)
            for address in listen:
                await server.start(address, shared=self.worker.shares_ports)
            addresses += server.addresses
        self.note_up("submission")
        return _spell(addresses)

    def acceptance(
        self, store: AcceptingStore | Store, delivery: Delivery, outgoing: Outgoing, signing: Signing
    ) -> Acceptance:
        """Make what takes mail, from the senders that ``store`` knows."""
        return Acceptance(
            store=store,
            config=self.config,
            deliver=delivery.offer,
            clock=self.clock,
            log=self.log,
            signs_for=signing.has_key,
            planned=outgoing.expect,
            measure=store.measures.accept.observe if isinstance(store, Store) else None,
        )

    def sending(self, store: Store, delivery: Delivery, outgoing: Outgoing, signing: Signing) -> ApiOutside:
        """Let the API and the pages send: tokens, and what is sent again."""

        def from_(senders: TokenSenders) -> Acceptance:
            known = AcceptingStore(ids=lambda: store.ids, queue=store.queue, credentials=senders)
            return self.acceptance(known, delivery, outgoing, signing)

        limits = self.config.relay.submission.limits
        again = from_(FirstSenders(store.tokens, store.credentials))
        return ApiOutside(
            send=Handing(from_(TokenSenders(store.tokens, store.credentials))),
            send_again=SendAgain(again, store.queries.recipients, store.contents),
            did_you_mean=DidYouMean(store.domains),
            wake=delivery.wake,
            largest_message=limits.max_message_size,
            most_recipients=limits.max_recipients,
        )

    async def start_admin(
        self,
        store: Store,
        delivery: Delivery,
        submission: str,
        sending: ApiOutside,
        hooks: Sender,
        *,
        others: _Others,
        keys: list[bytes],
    ) -> str:
        """Start the pages, which say whether all is up; give their address. The first worker has them."""
        started_at = self.clock()

        def ready() -> dict[str, bool]:
            return {**self.up, "delivery": not delivery.paused}

        def counted() -> Sample:
            return self.metrics.sample(store.measures, ready(), started_at=started_at)

        board = Board(self.worker.board, self.worker.number, clock=self.clock)
        if not self.worker.is_first:
            self.run_beside(board.keep_written(counted))
            return ""
        settings, signing_keys = self.config.admin, embed_keys(keys)
        around = outside(
            self.config,
            store,
            submission=submission,
            wake=delivery.wake,
            resolver=others.resolver,
            send_again=sending.send_again,
            clock=self.clock,
            deliver=delivery.offer,
        )
        embeds = self.embeds(store, around, signing_keys)
        stream = EventStream(store.journal)
        self.metrics.watch(names.STREAM_CLIENTS, lambda: stream.clients)
        metrics = MetricsPage(
            processes=lambda: {"0": counted(), **board.others()},
            figures=store.figures,
            may_read=partial(may_read, store.tokens),
            networks=self.config.admin.metrics.networks,
            clock=self.clock,
            log=self.log.getChild("metrics"),
        )
        server = AdminServer(
            settings=self.config.admin,
            store=store,
            ready=ready,
            before=[metrics.middleware, embeds.middleware],
            outside=around,
            clock=self.clock,
            log=self.log.getChild("admin"),
            api=Door(
                [
                    *every(store, sending),
                    *WebhookRoutes(store, url_rules(self.config.admin.webhooks), hooks).routes(),
                    *stream.routes(),
                    *EmbedRoutes(base_url(settings), signing_keys, longest=settings.embeds.longest).routes(),
                ],
                tokens=store.tokens,
                audit=store.audit,
                per_minute=self.config.admin.api.requests_per_minute,
                proxies=self.config.admin.proxy_networks,
                clock=self.clock,
                log=self.log.getChild("api"),
            ),
        )
        await server.start()
        self.stack.push_async_callback(server.stop)
        return _spell(server.addresses)

    def embeds(self, store: Store, around: Outside, keys: list[bytes]) -> EmbedDoor:
        """Make what shows views to whoever has a link that we signed."""
        log = self.log.getChild("embeds")
        site = Site(
            store=store,
            settings=self.config.admin,
            outside=around,
            render=Renderer(Statics(), self.clock),
            clock=self.clock,
            log=log,
        )
        views = Views(store, Embedded(site))
        return EmbedDoor(views, settings=self.config.admin.embeds, keys=keys, clock=self.clock, log=log)

    def start_background(self, store: Store, delivery: Delivery) -> None:
        """Start what goes on beside the mail."""
        lease = self.config.store.lease
        self.run_beside(take_over_lapsed(store, every=lease / 3, wake=delivery.wake, log=self.log))
        if not self.worker.is_first:
            return
        self.run_beside(keep_swept(store, clock=self.clock, log=self.log))
        if self.log.isEnabledFor(logging.INFO):
            self.run_beside(follow_journal(store, log=self.log, write=self.log.getChild("events").info))

    def start_webhooks(self, store: Store, others: _Others) -> Sender:
        """Tell applications what happens; give what makes single calls."""
        settings, ipv6 = self.config.admin.webhooks, self.config.relay.delivery.ipv6
        sender = make_sender(settings, others.resolver, ipv6=ipv6, clock=self.clock, draw=self.draw)
        self.stack.push_async_callback(sender.close)
        if self.worker.is_first:
            log = self.log.getChild("webhooks")
            self.run_beside(tell_webhooks(store, sender, clock=self.clock, draw=self.draw, log=log))
        return sender

    def note_up(self, part: str) -> None:
        """Note that a part listens, until it is told to stop."""
        self.up[part] = True
        self.stack.callback(self.up.__setitem__, part, False)

    def run_beside(self, loop: Coroutine[Any, Any, None]) -> None:
        """Run a loop until the relay stops."""
        task = asyncio.create_task(loop)

        async def stop() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self.stack.push_async_callback(stop)


def _spell(addresses: Sequence[tuple[str, int]]) -> str:
    """Write the first address as a person would type it; "" where nothing is listened on."""
    if not addresses:
        return ""
    host, port = addresses[0]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _own_addresses(config: Config) -> list[str]:
    """Give the addresses that mail must not be delivered to, since we listen there ourselves; wildcards name none."""
    listens = (*config.relay.submission.listen, *config.relay.submission.listen_tls, *config.bounce.listen)
    hosts = {host_and_port(listen)[0] for listen in listens}
    return sorted(hosts - {"0.0.0.0", "::", "127.0.0.1", "::1"})  # noqa: S104  loopback is the guard's to refuse


def _node_name(worker: Worker) -> str:
    return f"{os.uname().nodename}/{worker.name or os.getpid()}"


def _command(config_path: Path) -> str:
    """Say how this program is called here, as one would type it."""
    program = Path(sys.argv[0])
    with contextlib.suppress(ValueError):
        program = program.absolute().relative_to(Path.cwd())
    return str(program) if config_path == Path("config.toml") else f"HOMING_CONFIG={config_path} {program}"
