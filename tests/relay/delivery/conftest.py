"""Jobs to deliver, and certificates."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import trustme

from relay.delivery.tls import TlsContexts
from store.nouns import ContentRef, Job, TrackingMode

JOB = Job(
    recipient_id=1,
    message_id=1,
    forward_path="ann@example.org",
    domain="example.org",
    reverse_path="office@club.test",
    tracking=TrackingMode.VERDICT,
    no_pixel_why="",
    prepended=b"",
    content=ContentRef(1, 1, 0, 100),
    smtputf8=False,
    accepted_at=1_800_000_000.0,
    expires_at=1_800_000_000.0 + 3 * 86400,
    attempts=0,
    in_doubt=False,
    size=100,
    eight_bit=False,
)


@pytest.fixture
def make_job() -> Callable[..., Job]:
    """Make a job with some fields other than usual; a domain follows the address, a message its recipient."""

    def make(**fields: Any) -> Job:
        if "forward_path" in fields:
            fields.setdefault("domain", fields["forward_path"].rpartition("@")[2])
        if "recipient_id" in fields:
            fields.setdefault("message_id", fields["recipient_id"])
            fields.setdefault("content", ContentRef(fields["message_id"], 1, 0, 100))
        return replace(JOB, **fields)

    return make


@dataclass(frozen=True)
class Certificates:
    """What a server shows, and what a client believes."""

    trusted: ssl.SSLContext  # a server's, for 127.0.0.1 and mx.test, by ``authority``
    self_signed: ssl.SSLContext  # a server's, by an authority that nobody believes
    contexts: TlsContexts  # a client's that believes ``authority``


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    """Certificates made for this run."""
    servers = []
    authorities = (trustme.CA(), trustme.CA())
    for authority in authorities:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "mx.test").configure_cert(context)
        servers.append(context)
    contexts = TlsContexts()
    authorities[0].configure_trust(contexts.verified)
    return Certificates(servers[0], servers[1], contexts)
