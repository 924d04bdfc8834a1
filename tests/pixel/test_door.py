"""pixel/door.py: the client's address from a proxy's header, TLS by ourselves, and both."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trustme

from pixel import door
from pixel.image import GIF
from pixel.server import PixelServer
from pixel.settings import PixelSettings
from pixel.token import Tokens
from tests.pixel.rig import GRACE, LOG, Clock, FakeOpens, talk

AUTHORITY = trustme.CA()
V2 = b"\r\n\r\n\0\r\nQUIT\n"
Serve = Callable[..., Awaitable[PixelServer]]


@pytest.fixture
async def serve_tls(tokens: Tokens, opens: FakeOpens, clock: Clock) -> AsyncIterator[Serve]:
    """Start a server with a certificate for pixel.club.test and pixel.other.test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("pixel.club.test", "pixel.other.test").configure_cert(context)
    started: list[PixelServer] = []

    async def start(settings: PixelSettings) -> PixelServer:
        server = PixelServer(tokens=tokens, opens=opens, settings=settings, clock=clock, log=LOG, tls=context)
        await server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        await server.stop(GRACE)


def request(token: str, *more: str) -> bytes:
    lines = [f"GET /o/{token}.gif HTTP/1.1", "Host: x", *more, "", ""]
    return "\r\n".join(lines).encode()


async def seen(server: PixelServer, opens: FakeOpens) -> list[tuple[int, str]]:
    await server.stop(GRACE)
    return [(it.recipient_id, it.address) for it in opens.recorded]


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n", "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 4711 80\r\n", "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", "unknown"),
        (V2 + b"\x21\x11\x00\x0c\xc0\x00\x02\x07\x7f\x00\x00\x01\x12\x67\x00\x50", "192.0.2.7"),
        (V2 + b"\x20\x00\x00\x00", "unknown"),
    ],
)
@pytest.mark.parametrize("more", ["Accept: */*", "Connection: close"])
async def test_the_client_is_whom_the_proxy_protocol_names(
    serve: Serve, tokens: Tokens, opens: FakeOpens, *, header: bytes, client: str, more: str
) -> None:
    """Versions 1 and 2, for usual requests and those that aiohttp reads; header and request may come in one piece."""
    server = await serve(PixelSettings(listen=("127.0.0.1:0",), proxy_networks=("127.0.0.0/8",)))
    reader, writer = await asyncio.open_connection(*server.addresses[0])
    writer.write(header + request(tokens.encode(7), more))
    assert (await reader.readuntil(GIF)).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()
    assert await seen(server, opens) == [(7, client)]


async def test_a_client_that_the_header_names_may_be_a_proxy_of_ours(
    serve: Serve, tokens: Tokens, opens: FakeOpens
) -> None:
    """A balancer in front of a proxy: the header names the proxy, and the proxy the client."""
    server = await serve(
        PixelSettings(listen=("127.0.0.1:0",), proxy_networks=("127.0.0.1",), trusted_proxies=("10.0.0.0/8",))
    )
    for proxy, recipient_id in (("10.0.0.1", 1), ("11.0.0.1", 2)):
        header = f"PROXY TCP4 {proxy} 127.0.0.1 4711 80\r\n".encode()
        await talk(
            server, header + request(tokens.encode(recipient_id), "X-Forwarded-For: 192.0.2.9", "Connection: close")
        )
    assert await seen(server, opens) == [(1, "192.0.2.9"), (2, "11.0.0.1")]


@pytest.mark.parametrize(
    "sent", [b"", b"PROXY", b"PROXY TCP4 1.2.3.4\r\n", b"GET /o/x.gif HTTP/1.1\r\nHost: x\r\n\r\n"]
)
async def test_a_proxy_that_names_nobody_gets_nothing(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """Whoever sits in a proxy's network and sends no header is closed, in bounded time."""
    complete = sent not in (b"", b"PROXY")
    monkeypatch.setattr(door, "BEGINNING", GRACE if complete else 0.05)
    caplog.set_level(logging.INFO)
    server = await serve(PixelSettings(listen=("127.0.0.1:0",), proxy_networks=("127.0.0.1",)))
    with contextlib.suppress(ConnectionResetError):  # octets that nobody read
        assert await talk(server, sent) == b""
    assert ("no header of the PROXY protocol" in caplog.text) == complete


async def test_nobody_else_may_write_its_own_address(serve: Serve, tokens: Tokens, opens: FakeOpens) -> None:
    """From others than the listed proxies the header is a mangled request: the image, and no open."""
    for networks in ((), ("192.0.2.0/24",)):
        server = await serve(PixelSettings(listen=("127.0.0.1:0",), proxy_networks=networks))
        header = b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n"
        assert GIF in await talk(server, header + request(tokens.encode(7)))
        assert await seen(server, opens) == []


async def test_tls_by_itself_under_each_name(serve_tls: Serve, tokens: Tokens, opens: FakeOpens) -> None:
    """One certificate for the names of all senders; the client verifies it, and the plain port goes on beside."""
    server = await serve_tls(PixelSettings(listen=("127.0.0.1:0",), listen_tls=("127.0.0.1:0",)))
    plain, encrypted = server.addresses
    client = ssl.create_default_context()
    AUTHORITY.configure_trust(client)
    for n, (name, port) in enumerate([("pixel.club.test", encrypted), ("pixel.other.test", encrypted), (None, plain)]):
        reader, writer = await asyncio.open_connection(*port, ssl=client if name else None, server_hostname=name)
        writer.write(request(tokens.encode(n)))
        assert (await reader.readuntil(GIF)).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()
    assert await seen(server, opens) == [(n, "127.0.0.1") for n in range(3)]


async def test_tls_behind_a_proxy_that_names_the_client(serve_tls: Serve, tokens: Tokens, opens: FakeOpens) -> None:
    """The header comes before the handshake, and not an octet of that is lost."""
    server = await serve_tls(PixelSettings(listen=(), listen_tls=("127.0.0.1:0",), proxy_networks=("127.0.0.1",)))
    client = ssl.create_default_context()
    AUTHORITY.configure_trust(client)
    reader, writer = await asyncio.open_connection(*server.addresses[0])
    writer.write(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n")
    await writer.start_tls(client, server_hostname="pixel.club.test")
    writer.write(request(tokens.encode(7)))
    assert (await reader.readuntil(GIF)).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()
    assert await seen(server, opens) == [(7, "192.0.2.7")]


async def test_handshakes_are_bounded_in_number(serve_tls: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: one more than the bound is closed at once; the others are waited for."""
    monkeypatch.setattr(door, "BEGINNING", GRACE)
    monkeypatch.setattr(door, "MAX_BEGUN", 2)
    server = await serve_tls(PixelSettings(listen=(), listen_tls=("127.0.0.1:0",)))
    silent = [await asyncio.open_connection(*server.addresses[0]) for _ in range(3)]
    assert await silent[2][0].read() == b""
    assert not any(reader.at_eof() for reader, _ in silent[:2])
    for _, writer in silent:
        writer.close()


async def test_handshakes_are_bounded_in_time(serve_tls: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: who says nothing, or no TLS, is closed."""
    monkeypatch.setattr(door, "BEGINNING", 0.05)
    server = await serve_tls(PixelSettings(listen=(), listen_tls=("127.0.0.1:0",)))
    for sent in (b"", request("x")):
        with contextlib.suppress(ConnectionResetError):  # octets that nobody read
            assert await talk(server, sent) == b""


async def test_a_stop_lets_go_of_what_has_only_begun(serve_tls: Serve) -> None:
    """A handshake under way holds up no stop."""
    server = await serve_tls(PixelSettings(listen=(), listen_tls=("127.0.0.1:0",)))
    reader, writer = await asyncio.open_connection(*server.addresses[0])
    await asyncio.sleep(0)
    await server.stop(GRACE)
    assert await reader.read() == b""
    writer.close()
