"""Start what people and programs look at: pages, API, webhooks, embeds, metrics."""

from functools import partial

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
from relay.board import Board
from relay.delivery.worker import Delivery
from relay.did_you_mean import DidYouMean
from relay.embed_commands import base_url
from relay.handing_over import AcceptingStore, FirstSenders, Handing, SendAgain, TokenSenders
from relay.keys import embed_keys
from relay.metrics import may_read
from relay.outgoing import Outgoing
from relay.pages import outside
from relay.parts import Parts, spell
from relay.signing import Signing
from relay.start_listeners import acceptance
from relay.start_way_out import Others
from relay.submission.acceptance import Acceptance
from relay.webhooks import make_sender, tell_webhooks, url_rules
from store.open import Store


def sending(parts: Parts, store: Store, delivery: Delivery, outgoing: Outgoing, signing: Signing) -> ApiOutside:
    """Let the API and the pages send: tokens, and what is sent again."""

    def from_(senders: TokenSenders) -> Acceptance:
        known = AcceptingStore(ids=lambda: store.ids, queue=store.queue, credentials=senders)
        return acceptance(parts, known, delivery, outgoing, signing)

    limits = parts.config.relay.submission.limits
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
    parts: Parts,
    store: Store,
    delivery: Delivery,
    *,
    submission: str,
    may_send: ApiOutside,
    hooks: Sender,
    others: Others,
    keys: list[bytes],
) -> str:
    """Start the pages, which say whether all is up; give their address. The first worker has them."""
    started_at = parts.clock()

    def ready() -> dict[str, bool]:
        return {**parts.up, "delivery": not delivery.paused}

    def counted() -> Sample:
        return parts.metrics.sample(store.measures, ready(), started_at=started_at)

    board = Board(parts.worker.board, parts.worker.number, clock=parts.clock)
    if not parts.worker.is_first:
        parts.run_beside(board.keep_written(counted))
        return ""
    settings, signing_keys = parts.config.admin, embed_keys(keys)
    around = outside(
        parts.config,
        store,
        submission=submission,
        wake=delivery.wake,
        resolver=others.resolver,
        send_again=may_send.send_again,
        clock=parts.clock,
        deliver=delivery.offer,
    )
    embeds = _embeds(parts, store, around, signing_keys)
    stream = EventStream(store.journal)
    parts.metrics.watch(names.STREAM_CLIENTS, lambda: stream.clients)
    metrics = MetricsPage(
        processes=lambda: {"0": counted(), **board.others()},
        figures=store.figures,
        may_read=partial(may_read, store.tokens),
        networks=parts.config.admin.metrics.networks,
        clock=parts.clock,
        log=parts.log.getChild("metrics"),
    )
    server = AdminServer(
        settings=parts.config.admin,
        store=store,
        ready=ready,
        before=[metrics.middleware, embeds.middleware],
        outside=around,
        clock=parts.clock,
        log=parts.log.getChild("admin"),
        api=Door(
            [
                *every(store, may_send),
                *WebhookRoutes(store, url_rules(parts.config.admin.webhooks), hooks).routes(),
                *stream.routes(),
                *EmbedRoutes(base_url(settings), signing_keys, longest=settings.embeds.longest).routes(),
            ],
            tokens=store.tokens,
            audit=store.audit,
            per_minute=parts.config.admin.api.requests_per_minute,
            proxies=parts.config.admin.proxy_networks,
            clock=parts.clock,
            log=parts.log.getChild("api"),
        ),
    )
    await server.start()
    parts.stack.push_async_callback(server.stop)
    return spell(server.addresses)


def _embeds(parts: Parts, store: Store, around: Outside, keys: list[bytes]) -> EmbedDoor:
    """Make what shows views to whoever has a link that we signed."""
    log = parts.log.getChild("embeds")
    site = Site(
        store=store,
        settings=parts.config.admin,
        outside=around,
        render=Renderer(Statics(), parts.clock),
        clock=parts.clock,
        log=log,
    )
    views = Views(store, Embedded(site))
    return EmbedDoor(views, settings=parts.config.admin.embeds, keys=keys, clock=parts.clock, log=log)


def start_webhooks(parts: Parts, store: Store, others: Others) -> Sender:
    """Tell applications what happens; give what makes single calls."""
    settings, ipv6 = parts.config.admin.webhooks, parts.config.relay.delivery.ipv6
    sender = make_sender(settings, others.resolver, ipv6=ipv6, clock=parts.clock, draw=parts.draw)
    parts.stack.push_async_callback(sender.close)
    if parts.worker.is_first:
        log = parts.log.getChild("webhooks")
        parts.run_beside(tell_webhooks(store, sender, clock=parts.clock, draw=parts.draw, log=log))
    return sender
