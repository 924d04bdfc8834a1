"""Webhooks as this configuration has them: what may be called, through which door."""

import ssl
from collections.abc import Callable
from logging import Logger

import aiohttp

from admin.settings import WebhookSettings
from admin.webhooks.dispatcher import Dispatcher
from admin.webhooks.sender import Sender
from admin.webhooks.url import UrlRules
from relay.delivery.guard import Guard
from relay.delivery.guarded_http import Addresses, guarded_connector
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
    store: Store, sender: Sender, *, clock: Callable[[], float], draw: Callable[[], float], log: Logger
) -> None:
    """Tell all endpoints of a store what happens, until it is cancelled."""
    dispatcher = Dispatcher(
        journal=store.journal,
        endpoints=store.webhooks,
        calls=store.webhook_calls,
        sender=sender,
        clock=clock,
        draw=draw,
        log=log,
    )
    await dispatcher.run()
