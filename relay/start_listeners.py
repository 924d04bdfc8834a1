"""Start what listens to the world: for bounces, for the pixel, for new mail."""

from admin.metrics import names
from bounce.consequence import Consequence
from bounce.listener import ReportListener
from bounce.verp import ReturnPaths
from pixel.choice import ChoicePages
from pixel.client import wanted
from pixel.opt_out import OptOutLinks
from pixel.server import PixelServer
from pixel.token import Tokens
from relay.background import keep_fresh
from relay.delivery.worker import Delivery
from relay.first_start import certificate_files
from relay.forward import Forward
from relay.handing_over import AcceptingStore
from relay.lists import ListKeeper
from relay.outgoing import Outgoing
from relay.parts import Parts, spell
from relay.signing import Signing
from relay.submission.acceptance import Acceptance
from relay.submission.certificate import CertificateFiles
from relay.submission.limits import Offers, ServerLimits
from relay.submission.server import SmtpServer, gate_of, guard_of
from store.nouns import Reply
from store.open import Store

STOP_GRACE = 10.0  # seconds for commands under way when a server stops
CLOSED = Reply.make(421, "4.3.1", "Cannot take mail for now, connect again later")


async def start_bounce(
    parts: Parts, store: Store, return_paths: ReturnPaths, consequence: Consequence, delivery: Delivery
) -> str:
    """Start the listener for what comes back; give its address."""
    settings = parts.config.bounce
    log = parts.log.getChild("bounce")
    listener = ReportListener(
        return_paths=return_paths,
        recipients=store.find,
        reports=store.reports,
        consequence=consequence,
        settings=settings,
        clock=parts.clock,
        log=log,
        forward=Forward(
            store=store,
            return_paths=return_paths,
            settings=settings,
            hostname=parts.config.relay.hostname,
            max_age=parts.config.relay.delivery.max_age,
            deliver=delivery.offer,
            log=log,
        ),
    )
    parts.stack.callback(listener.close)
    limits = ServerLimits.for_reports(settings)
    gate = gate_of(limits)
    parts.metrics.watch(names.CONNECTIONS, lambda: gate.open, "bounce")
    server = SmtpServer(
        hostname=parts.config.relay.hostname,
        limits=limits,
        gate=gate,
        tls=None,
        implicit_tls=False,
        handler=listener,
        offers=Offers(auth="never"),
        clock=parts.clock,
        log=log,
    )
    parts.stack.push_async_callback(server.stop, STOP_GRACE)
    for address in settings.listen:
        await server.start(address, shared=parts.worker.shares_ports)
    parts.note_up("bounce")
    return spell(server.addresses)


async def start_pixel(parts: Parts, store: Store, tokens: Tokens, links: OptOutLinks) -> str:
    """Start the pixel's server; give its address. At the end it writes the opens that wait."""
    settings, log = parts.config.pixel, parts.log.getChild("pixel")
    certificate = CertificateFiles(settings.certificate, settings.private_key, log) if settings.listen_tls else None
    if certificate is not None:
        parts.run_beside(keep_fresh(certificate))
    server = PixelServer(
        tokens=tokens,
        opens=store.opens,
        settings=settings,
        clock=parts.clock,
        log=log,
        choice=ChoicePages(links, store.opens, log),
        tls=certificate.context if certificate else None,
        describe=wanted(settings, log),
    )
    await server.start(shared=parts.worker.shares_ports)
    parts.stack.push_async_callback(server.stop)
    parts.metrics.watch(names.PIXEL_WAITING, lambda: server.buffer.waiting)
    parts.metrics.watch(names.PIXEL_DROPPED, lambda: server.buffer.dropped)
    lists = ListKeeper(
        parts.config.pixel.lists, server.use_list, clock=parts.clock, log=parts.log.getChild("pixel.lists")
    )
    parts.run_beside(lists.run())
    parts.note_up("pixel")
    return spell(server.addresses)


async def start_submission(parts: Parts, store: Store, delivery: Delivery, outgoing: Outgoing, signing: Signing) -> str:
    """Open the door for new mail; give its address."""
    settings = parts.config.relay.submission
    certificate = certificate_files(parts.config, now=parts.clock(), random=parts.random_bytes(16), log=parts.log)
    if certificate is not None:
        parts.run_beside(keep_fresh(certificate))
    limits = ServerLimits.of(settings.limits)
    gate, guard = gate_of(limits), guard_of(limits)
    parts.metrics.watch(names.CONNECTIONS, lambda: gate.open, "submission")
    takes = acceptance(parts, store, delivery, outgoing, signing)
    addresses: list[tuple[str, int]] = []
    for listen, implicit in ((settings.listen, False), (settings.listen_tls, True)):
        server = SmtpServer(
            hostname=parts.config.relay.hostname,
            limits=limits,
            tls=certificate.context if certificate else None,
            implicit_tls=implicit,
            handler=takes,
            offers=Offers.for_submission(settings.auth_without_tls),
            clock=parts.clock,
            log=parts.log.getChild("submission"),
            gate=gate,
            guard=guard,
            proxy_networks=settings.proxy_networks,
            closed_because=lambda: None if store.writable else CLOSED,
        )
        parts.stack.push_async_callback(server.stop, STOP_GRACE)
        for address in listen:
            await server.start(address, shared=parts.worker.shares_ports)
        addresses += server.addresses
    parts.note_up("submission")
    return spell(addresses)


def acceptance(
    parts: Parts, store: AcceptingStore | Store, delivery: Delivery, outgoing: Outgoing, signing: Signing
) -> Acceptance:
    """Make what takes mail, from the senders that ``store`` knows."""
    return Acceptance(
        store=store,
        config=parts.config,
        deliver=delivery.offer,
        clock=parts.clock,
        log=parts.log,
        signs_for=signing.has_key,
        planned=outgoing.expect,
        measure=store.measures.accept.observe if isinstance(store, Store) else None,
    )
