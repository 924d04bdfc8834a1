"""Mail whose mail host is this very relay, behind a listener on a wildcard, does not go in circles (N11)."""

import asyncio
import logging
import socket

from relay.config import Config
from relay.preflight import host_and_port
from relay.send_test import send
from relay.serve import running
from relay.settings import DnsSettings
from store.nouns import Reason
from tests.rigs.dns_server import DnsServer

LOG = logging.getLogger("homing.test")


async def test_n11_a_mail_host_that_is_our_wildcard_listener_ends_with_5_4_6(config: Config) -> None:
    """The domain's MX is an address of this machine, and the port for bounces listens on all of them."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    async with DnsServer() as dns:
        dns.add("loop.test", "MX", "10 mx.loop.test.")
        dns.add("mx.loop.test", "A", "127.0.0.1")
        delivery = config.relay.delivery.model_copy(
            update={"port": port, "allow_private_destinations": ("127.0.0.0/8",)}
        )
        relay_settings = config.relay.model_copy(
            update={"delivery": delivery, "dns": DnsSettings(nameservers=(dns.nameserver,))}
        )
        bounce = config.bounce.model_copy(update={"listen": (f"0.0.0.0:{port}",)})
        async with running(config.model_copy(update={"relay": relay_settings, "bounce": bounce}), log=LOG) as relay:
            host, at = host_and_port(relay.addresses["submission"])
            await asyncio.to_thread(
                send,
                host,
                at,
                user=relay.secrets.user,
                password=relay.secrets.password,
                sender="office@club.test",
                recipient="ann@loop.test",
            )
            async for record in relay.store.journal.follow(0):
                if record.event.kind == "bounced":
                    break
            assert record.event.reason is Reason.SYSTEM_ERROR
            assert record.event.status == "5.4.6"
            assert "this very server" in record.event.note
