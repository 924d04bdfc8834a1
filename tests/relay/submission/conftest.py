"""What the tests of submission share."""

import ssl
from dataclasses import dataclass

import pytest
import trustme


@dataclass(frozen=True)
class Tls:
    """A server's context, and one of a client that trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


_AUTHORITY = trustme.CA()


@pytest.fixture
def tls() -> Tls:
    """Make both sides of a real TLS connection."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    _AUTHORITY.issue_cert("localhost").configure_cert(server)
    _AUTHORITY.configure_trust(client)
    return Tls(server, client)
