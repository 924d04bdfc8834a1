"""Webhooks as this configuration has them: what may be called, through which door."""

import ssl
from collections.abc import Callable
from logging import Logger

import aiohttp

from admin.settings import WebhookSettings
from admin.webhooks.dispatcher import Dispatcher
from admin.webhooks.sender import Sender
from admin.webhooks.url import UrlRules
from relay.config import Config
from relay.delivery.guard import Guard
from relay.delivery.guarded_http import Addresses, guarded_connector
from relay.delivery.resolver import Resolver
from store.open import Store


def url_rules(settings: WebhookSettings) -> UrlRules:
    """Say which URLs may be called."""
    return UrlRules(refusal=Guard(settings.allow_private).refusal, ports=settings.ports, allow_http=settings.allow_http)


def make_sender(
    settings: WebhookSettings,
    names: Addresses,
    *,
    ipv6: bool,
    clock: Callable[[], float],
    draw: Callable[[], float],
    context: ssl.SSLContext | None = None,
) -> Sender:
    """
    Make what posts calls.

    Args:
        settings: ``[admin.webhooks]``.
        names: Finds the addresses of a host.
        ipv6: Whether there is a way to IPv6 hosts.
        clock: Unix seconds.
        draw: Random numbers from 0.0 up to 1.0.
        context: Which authorities are believed; None: those of the system.
    """

    def connect() -> aiohttp.BaseConnector:
        guard = Guard(settings.allow_private)
        return guarded_connector(names, guard, ipv6=ipv6, context=context, limit=settings.connections)

    return Sender(connect=connect, rules=url_rules(settings), clock=clock, draw=draw, timeout=settings.timeout)


async def tell_webhooks(
    store: Store, config: Config, *, clock: Callable[[], float], draw: Callable[[], float], log: Logger
) -> None:
    """Tell all endpoints of a store what happens, until it is cancelled."""
    resolver = Resolver(config.relay.dns, clock=clock)
    sender = make_sender(config.admin.webhooks, resolver, ipv6=config.relay.delivery.ipv6, clock=clock, draw=draw)
    dispatcher = Dispatcher(
        journal=store.journal,
        endpoints=store.webhooks,
        calls=store.webhook_calls,
        sender=sender,
        clock=clock,
        draw=draw,
        log=log,
    )
    try:
        await dispatcher.run()
    finally:
        await sender.close()
        await resolver.close()
