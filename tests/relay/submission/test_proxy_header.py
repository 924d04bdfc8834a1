"""store/proxy_header.py, and the submission server that reads it."""

import asyncio
import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.submission import replies
from relay.submission.limits import Offers
from store.proxy_header import UNKNOWN, BadHeaderError, ProxyHeader, plain_address
from tests.relay.submission.conftest import Tls
from tests.relay.submission.rig import Client, Serving, serving
from tests.relay.submission.test_server import until

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V4 = ipaddress.ip_address("192.0.2.7").packed + ipaddress.ip_address("198.51.100.1").packed + struct.pack(">HH", 5, 25)
V6 = ipaddress.ip_address("2001:db8::7").packed + ipaddress.ip_address("2001:db8::1").packed + struct.pack(">HH", 5, 25)
MAPPED = ipaddress.ip_address("::ffff:192.0.2.7").packed * 2 + struct.pack(">HH", 5, 25)


def block(addresses: bytes = V4, *, command: int = 0x21, family: int = 0x11, length: int | None = None) -> bytes:
    """Write a header of version 2."""
    told = len(addresses) if length is None else length
    return SIGNATURE + bytes((command, family)) + struct.pack(">H", told) + addresses


GOOD = {
    "v1 TCP4": (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n", "192.0.2.7"),
    "v1 TCP6": (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 25\r\n", "2001:db8::7"),
    "v1 TCP6 of IPv4": (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 0 65535\r\n", "192.0.2.7"),
    "v1 UNKNOWN": (b"PROXY UNKNOWN\r\n", UNKNOWN),
    "v1 UNKNOWN with more": (b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n", UNKNOWN),
    "v2 TCP4": (block(), "192.0.2.7"),
    "v2 TCP4 with extras": (block(V4 + b"\x04\x00\x01x" * 20), "192.0.2.7"),
    "v2 TCP6": (block(V6, family=0x21), "2001:db8::7"),
    "v2 TCP6 of IPv4": (block(MAPPED, family=0x21), "192.0.2.7"),
    "v2 LOCAL": (block(b"", command=0x20, family=0x00), UNKNOWN),
    "v2 LOCAL that names somebody": (block(command=0x20), UNKNOWN),
    "v2 UNSPEC": (block(b"", family=0x00), UNKNOWN),
    "v2 UNSPEC with something": (block(b"x" * 100, family=0x00), UNKNOWN),
    "v2 UNIX": (block(b"/run/x".ljust(108, b"\0") * 2, family=0x31), UNKNOWN),
    "v2 at the limit": (block(V4 + b"\0" * (4096 - 12)), "192.0.2.7"),
}
BAD = {
    "SMTP": b"EHLO client.test\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00",
    "lower case": b"proxy TCP4 192.0.2.7 198.51.100.1 5 25\r\n",
    "UDP": b"PROXY UDP4 192.0.2.7 198.51.100.1 5 25\r\n",
    "two blanks": b"PROXY  TCP4 192.0.2.7 198.51.100.1 5 25\r\n",
    "no port": b"PROXY TCP4 192.0.2.7 198.51.100.1 5\r\n",
    "port too high": b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 25\r\n",
    "port with a zero before": b"PROXY TCP4 192.0.2.7 198.51.100.1 05 25\r\n",
    "no address": b"PROXY TCP4 localhost 198.51.100.1 5 25\r\n",
    "address too high": b"PROXY TCP4 192.0.2.256 198.51.100.1 5 25\r\n",
    "IPv6 as TCP4": b"PROXY TCP4 2001:db8::7 2001:db8::1 5 25\r\n",
    "IPv4 as TCP6": b"PROXY TCP6 192.0.2.7 198.51.100.1 5 25\r\n",
    "more behind": b"PROXY TCP4 192.0.2.7 198.51.100.1 5 25 x\r\n",
    "bare LF": b"PROXY TCP4 192.0.2.7 198.51.100.1 5 25\n",
    "CR within": b"PROXY UNKNOWN a\rb\r\n",
    "UNKNOWNS": b"PROXY UNKNOWNS\r\n",
    "107 octets without end": b"PROXY UNKNOWN " + b"f" * 93,
    "108 octets": b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n",
    "version 1 in a block": block(command=0x11),
    "version 3": block(command=0x31),
    "unknown command": block(command=0x22),
    "UDP in a block": block(family=0x12),
    "unknown family": block(family=0x41),
    "addresses too short": block(V4[:11]),
    "IPv4 addresses as IPv6": block(V4, family=0x21),
    "over the limit": block(V4 + b"\0" * (4097 - 12)),
    "LOCAL over the limit": block(b"", command=0x20, length=65_535),
    "broken signature": SIGNATURE[:11] + b"\r" + block()[12:],
}


def read(octets: bytes, *, at_once: bool) -> tuple[str, bytes]:
    """Feed a header, and give the client and what was not asked for."""
    header = ProxyHeader()
    while header.wants:
        size = header.wants if at_once else 1
        header.feed(octets[:size])
        octets = octets[size:]
    return header.client, octets


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("name", GOOD)
def test_the_client_is_read_and_nothing_else(name: str, at_once: bool) -> None:  # noqa: FBT001 - pytest's parameters
    """Each form of both versions; what follows the header is not asked for, however it is cut."""
    octets, client = GOOD[name]
    assert read(octets + b"EHLO c\r\n", at_once=at_once) == (client, b"EHLO c\r\n")


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("name", BAD)
def test_what_is_no_header(name: str, at_once: bool) -> None:  # noqa: FBT001 - pytest's parameters
    """Anything that is not just right is an error, as soon as it is there."""
    with pytest.raises(BadHeaderError):
        read(BAD[name] + b"\0" * 65_536, at_once=at_once)


@pytest.mark.parametrize("name", GOOD)
def test_a_header_cut_short(name: str) -> None:
    """The end of the stream within a header is an error, wherever."""
    octets, _ = GOOD[name]
    for end in range(len(octets)):
        with pytest.raises(BadHeaderError):
            read(octets[:end], at_once=True)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda rest: SIGNATURE + rest)))
def test_any_octets(octets: bytes) -> None:
    """A client or an error, within bounds, for any octets."""
    header = ProxyHeader()
    try:
        while header.wants:
            assert header.wants <= 4096
            header.feed(octets[: header.wants])
            octets = octets[header.wants :] if header.wants else octets
    except BadHeaderError:
        return
    assert header.client == UNKNOWN or ipaddress.ip_address(header.client)


@pytest.mark.parametrize(
    ("written", "address"),
    [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::1"), ("unknown", UNKNOWN)],
)
def test_addresses_are_plain(written: str, address: str) -> None:
    """IPv4 looks like IPv4 also on a dual socket, and a scope is no part of an address."""
    assert plain_address(written) == address


# On the wire


LOOPBACK = {"proxy_networks": ["127.0.0.0/8"]}


async def seen(relay: Serving) -> str:
    """The address that the one session goes by."""
    await until(lambda: relay.server._sessions)
    (protocol,) = relay.server._sessions.values()
    return protocol.talk.client_address


async def behind(relay: Serving, header: bytes) -> Client:
    """Connect as a proxy does for a client."""
    client = await relay.connect(greeted=False)
    await client.send(header)
    return client


@pytest.mark.parametrize("name", GOOD)
async def test_a_session_goes_by_the_client(name: str) -> None:
    """Greeting, and commands that came in the same write as the header; the address is the client's."""
    header, address = GOOD[name]
    async with serving(options=LOOPBACK) as relay:
        client = await behind(relay, header + b"NOOP\r\n")
        assert (await client.reply()).startswith("220 ")
        assert await client.reply() == str(replies.OK)
        assert await seen(relay) == address


@pytest.mark.parametrize("name", BAD)
async def test_without_a_right_header_there_is_no_session(name: str) -> None:
    """The connection ends without a word, and no place is left taken."""
    async with serving(options=LOOPBACK) as relay:
        client = await behind(relay, BAD[name] + b"\0" * 5_000)
        assert await client.reply() == ""
        assert relay.server.connections == 0
        await behind(relay, GOOD["v2 TCP4"][0])
        await until(lambda: relay.server.connections == 1)


async def test_a_header_that_does_not_come_in_time() -> None:
    """However slowly it drips."""
    async with serving(options=LOOPBACK, proxy_header=0.1) as relay:
        client = await behind(relay, b"PROXY TCP4 ")
        drip = asyncio.create_task(drip_into(client))
        assert await client.reply() == ""
        drip.cancel()


async def drip_into(client: Client) -> None:
    for octet in b"1" * 90:
        client.writer.write(bytes((octet,)))
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("header", [GOOD["v1 TCP4"][0], GOOD["v2 TCP4"][0]])
async def test_who_is_not_listed_cannot_name_itself(header: bytes) -> None:
    """From other peers the header is no command, and changes no address."""
    async with serving(options={"proxy_networks": ["192.0.2.0/24"]}) as relay:
        client = await relay.connect()
        assert (await client.ask(header)).startswith("500 5.5.2")
        assert await seen(relay) == "127.0.0.1"


async def test_limits_are_the_clients_not_the_proxys() -> None:
    """Places and AUTH failures are counted by the client's address: one bad client does not shut out the others."""
    offers = Offers(auth="insecure")
    async with serving(
        options=LOOPBACK, offers=offers, connections_per_address=2, auth_failures_per_address=2
    ) as relay:
        bad, other = (b"PROXY TCP4 192.0.2.%d 198.51.100.1 5 25\r\n" % n for n in (7, 8))
        first, second, third = [await behind(relay, bad) for _ in range(3)]
        assert (await first.reply())[:3] == (await second.reply())[:3] == "220"
        assert await third.reply() == str(replies.TOO_MANY_CONNECTIONS)
        honest = await behind(relay, other)
        assert (await honest.reply())[:3] == "220"
        for client in (first, second, honest):
            await client.ask(b"EHLO c\r\n")
        wrong = b"AUTH PLAIN AGFwcAB4\r\n"
        assert await first.ask(wrong) == str(replies.AUTH_FAILED)
        assert await first.ask(wrong) == str(replies.AUTH_SPENT)
        assert await second.ask(wrong) == str(replies.AUTH_LOCKED)
        assert await honest.ask(wrong) == str(replies.AUTH_FAILED)


async def test_clear_text_auth_for_this_machine_is_not_for_a_proxys_clients() -> None:
    """A proxy on this machine does not make its clients, or one that it does not name, local."""
    async with serving(options=LOOPBACK) as relay:
        for header in (GOOD["v1 TCP4"][0], GOOD["v1 UNKNOWN"][0], GOOD["v2 LOCAL"][0]):
            client = await behind(relay, header)
            await client.reply()
            assert "AUTH" not in await client.ask(b"EHLO c\r\n")
        local = await behind(relay, b"PROXY TCP4 127.0.0.1 127.0.0.1 5 25\r\n")
        await local.reply()
        assert "AUTH" in await local.ask(b"EHLO c\r\n")


@pytest.mark.parametrize("name", ["v1 TCP4", "v2 TCP6"])
async def test_implicit_tls_comes_behind_the_header(tls: Tls, name: str) -> None:
    """The header is in clear text, then the handshake, then the greeting."""
    header, address = GOOD[name]
    async with serving(tls=tls.server, implicit_tls=True, options=LOOPBACK) as relay:
        client = await behind(relay, header)
        await client.start_tls(tls.client)
        assert (await client.reply()).startswith("220 ")
        assert await seen(relay) == address


async def test_starttls_behind_a_proxy(tls: Tls) -> None:
    """The address stays over STARTTLS."""
    async with serving(tls=tls.server, options=LOOPBACK) as relay:
        client = await behind(relay, GOOD["v1 TCP4"][0])
        await client.reply()
        await client.ask(b"EHLO c\r\n")
        await client.ask(b"STARTTLS\r\n")
        await client.start_tls(tls.client)
        assert "AUTH" in await client.ask(b"EHLO c\r\n")
        assert await seen(relay) == "192.0.2.7"


async def test_stop_ends_who_has_not_named_a_client() -> None:
    """Without waiting for the header."""
    async with serving(options=LOOPBACK) as relay:
        client = await behind(relay, b"PROXY ")
        await until(lambda: relay.server._unnamed)
        await relay.server.stop(0)
        assert await client.reply() == ""


async def test_those_without_a_header_are_limited_too() -> None:
    """A proxy that opens connections and says nothing cannot take more than all places."""
    async with serving(options=LOOPBACK, connections=2) as relay:
        for _ in range(2):
            await behind(relay, b"PROXY ")
        await until(lambda: len(relay.server._unnamed) == 2)
        extra = await behind(relay, b"")
        assert await extra.reply() == str(replies.TOO_MANY_CONNECTIONS)
