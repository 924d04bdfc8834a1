"""Start the way out: who is asked where mail goes, delivery, and the reports that we write to others."""

import asyncio
from dataclasses import dataclass

from admin.metrics import names
from admin.pages.render import Renderer
from admin.statics import Statics
from bounce.consequence import Consequence
from bounce.verp import ReturnPaths
from relay.delivery.guard import Guard
from relay.delivery.mta_sts import MtaSts
from relay.delivery.own_addresses import OwnAddresses
from relay.delivery.policy_fetch import PolicyFetch
from relay.delivery.pool import Pool
from relay.delivery.protection import Protection
from relay.delivery.resolver import Resolver
from relay.delivery.route import Routes
from relay.delivery.tls_memory import TlsMemory
from relay.delivery.tls_results import TlsResults
from relay.delivery.worker import Delivery
from relay.digest import Digest
from relay.notify import Notify
from relay.outgoing import Outgoing
from relay.parts import Parts
from relay.preflight import host_and_port
from relay.sandbox.world import Sandbox, route_to
from relay.signing import Signing
from relay.tls_report import Reporter
from relay.tls_report_post import ReportPost
from relay.tls_reports import TlsReports
from store.addresses import ascii_domain, split_address
from store.open import Store


@dataclass(frozen=True, slots=True)
class Others:
    """What is needed to know others: names, whom we may connect to, how their TLS was and is."""

    resolver: Resolver
    memory: TlsMemory
    guard: Guard
    tls_results: TlsResults | None  # None: nobody is told


def ask_others(parts: Parts) -> Others:
    """Make what asks DNS, and remembers how other servers' TLS was."""
    relay = parts.config.relay
    resolver = Resolver(relay.dns, clock=parts.clock)
    parts.stack.push_async_callback(resolver.close)
    memory = TlsMemory(relay.tls.memory, clock=parts.clock)
    memory.load()
    parts.stack.push_async_callback(memory.close)
    counted = TlsResults(policy_of=memory.known_policy, clock=parts.clock) if relay.tls.reports else None
    return Others(resolver, memory, Guard(relay.delivery.allow_private_destinations), counted)


def start_delivery(
    parts: Parts,
    store: Store,
    *,
    sandbox: Sandbox | None,
    outgoing: Outgoing,
    signing: Signing,
    consequence: Consequence,
    others: Others,
) -> Delivery:
    """Start the way out. At the end, what is behind its final dot gets ``relay.delivery.drain``."""
    relay = parts.config.relay
    routes = dict(relay.routes)
    if relay.sandbox.enabled:
        routes[relay.sandbox.domain] = route_to(sandbox.address if sandbox else relay.sandbox.listen)
    protection = _protection(parts, others)
    pool = Pool(
        hostname=relay.hostname,
        settings=relay.delivery,
        draw=parts.draw,
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
            clock=parts.clock,
            own_names=(relay.hostname, parts.config.bounce_domain, *parts.config.bounce.aligned_domains),
            own_addresses=_own_addresses(parts, others.guard),
            protector=protection,
        ),
        pool=pool,
        outgoing=outgoing.copy,
        sign=signing.sign,
        keep=store.transcripts.keep,
        return_path=outgoing.return_path,
        consequence=consequence,
        clock=parts.clock,
        random=parts.draw,
        settings=relay.delivery,
        workers=parts.worker.count,
    )
    delivery.measure_attempts(store.measures.attempt.observe)
    watch = parts.metrics.watch
    watch(names.CONNECTIONS, lambda: pool.open_connections, "outgoing")
    watch(names.IN_HAND, lambda: delivery.in_hand)
    watch(names.PAUSED, lambda: float(delivery.paused))
    watch(names.WRITABLE, lambda: float(store.writable))
    claiming = asyncio.create_task(delivery.run(), name="delivery")

    async def stop() -> None:
        await delivery.stop(relay.delivery.drain)
        await claiming

    parts.stack.push_async_callback(stop)
    return delivery


def _protection(parts: Parts, others: Others) -> Protection:
    """Know what TLS mail hosts must show: MTA-STS, DANE, and what was seen before."""
    relay = parts.config.relay
    resolver, memory, counted = others.resolver, others.memory, others.tls_results
    policies = None
    if relay.tls.mta_sts:
        fetch = PolicyFetch(resolver, guard=others.guard, ipv6=relay.delivery.ipv6)
        failed = counted.no_policy if counted is not None else None
        policies = MtaSts(resolver, fetch=fetch, memory=memory, clock=parts.clock, failed=failed)
        parts.stack.push_async_callback(policies.close)
    if relay.dns.validating and not resolver.validating:
        parts.log.warning("DANE is off: a name server of the system is not on this machine, so it is not believed")
    return Protection(
        pins=resolver if relay.tls.dane and resolver.validating else None,
        policies=policies,
        memory=memory,
        allow_downgrade=relay.tls.allow_downgrade,
        clock=parts.clock,
        results=counted,
    )


def start_notify(parts: Parts, store: Store, delivery: Delivery, return_paths: ReturnPaths) -> None:
    """Report to senders what became of their mails, and to the office what is to be chased."""
    relay = parts.config.relay
    notify = Notify(
        store=store,
        settings=relay.notify,
        own_domains=return_paths.domains,
        forwards=parts.config.bounce.forward != "none",
        hostname=relay.hostname,
        max_age=relay.delivery.max_age,
        clock=parts.clock,
        deliver=delivery.offer,
    )
    parts.run_beside(notify.run())
    digest = Digest(
        store=store,
        settings=parts.config.admin,
        hostname=relay.hostname,
        max_age=relay.delivery.max_age,
        render=Renderer(Statics(), parts.clock),
        clock=parts.clock,
        deliver=delivery.offer,
    )
    parts.run_beside(digest.run())


def start_tls_reports(parts: Parts, store: Store, delivery: Delivery, signing: Signing, others: Others) -> None:
    """Report to other domains how TLS went, where the configuration wants it."""
    if others.tls_results is None:
        return
    relay = parts.config.relay
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
        clock=parts.clock,
        draw=parts.draw,
    )
    parts.run_beside(reports.run())


def _own_addresses(parts: Parts, guard: Guard) -> OwnAddresses:
    """Know the addresses that mail must not be delivered to, since we listen there ourselves."""
    relay = parts.config.relay
    listens = (*relay.submission.listen, *relay.submission.listen_tls, *parts.config.bounce.listen)
    return OwnAddresses(map(host_and_port, listens), port=relay.delivery.port, guard=guard, clock=parts.clock)
