"""Who may send: proved users, networks, rates; with the real store behind it."""

import asyncio
from base64 import b64encode

from relay.submission import replies
from store.errors import StoreUnavailable
from tests.relay.submission.rig import HOSTNAME
from tests.relay.submission.store_rig import LETTER, Relay, send


async def test_never_an_open_relay(relay: Relay) -> None:
    """A stranger gets 530 5.7.0 at MAIL, whoever it says it is."""
    await relay.serve()
    for sender in (b"<ann@club.test>", b"<>", b"<postmaster@" + HOSTNAME.encode() + b">"):
        assert await send(await relay.connect(), sender=sender) == str(replies.AUTH_FIRST)
    assert relay.delivered == []


async def test_a_trusted_network_needs_no_password(relay: Relay) -> None:
    """By configuration; the network's name is then what records carry."""
    await relay.serve(trusted_networks=("192.0.2.0/24", "127.0.0.0/8", "::1/128"))
    assert (await send(await relay.connect())).startswith("250")
    (message,) = await relay.rows("SELECT credential FROM message")
    assert message["credential"] == "127.0.0.0/8"


async def test_a_network_not_trusted_is_a_stranger(relay: Relay) -> None:
    """Only the networks named."""
    await relay.serve(trusted_networks=("192.0.2.0/24",))
    assert await send(await relay.connect()) == str(replies.AUTH_FIRST)


async def test_a_client_behind_a_proxy_is_trusted_for_its_own_address(relay: Relay) -> None:
    """Not for the proxy's, though that is trusted; a client that the proxy does not name is a stranger."""
    await relay.serve(trusted_networks=("127.0.0.0/8", "192.0.2.0/24"), proxy_networks=("127.0.0.0/8",))
    for header, welcome in (
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 5 25\r\n", True),
        (b"PROXY TCP4 203.0.113.7 198.51.100.1 5 25\r\n", False),
        (b"PROXY UNKNOWN\r\n", False),
    ):
        client = await relay.connect(header)
        said = await send(client)
        assert said.startswith("250") if welcome else said == str(replies.AUTH_FIRST)
    (message,) = await relay.rows("SELECT client FROM message")
    assert message["client"] == "app.club.test [192.0.2.7]"


async def test_a_credential_sends_from_its_domains_only(relay: Relay) -> None:
    """Envelope and From are both checked; the null path is nobody's and passes, its From does not."""
    await relay.serve()
    user, password = await relay.store.credentials.create("choir", from_domains=["choir.test", "*.choir.test"])
    client = await relay.login(user, password)
    mine = LETTER.replace(b"club.test", b"choir.test")
    assert await send(client) == str(replies.SENDER_NOT_ALLOWED)
    assert await send(client, sender=b"<ann@choir.test>") == str(replies.SENDER_NOT_ALLOWED)
    assert await send(client, sender=b"<>") == str(replies.SENDER_NOT_ALLOWED)
    two = mine.replace(b"Ann <ann@choir.test>", b"<ann@choir.test>, <eve@club.test>")
    assert await send(client, two, sender=b"<ann@choir.test>") == str(replies.SENDER_NOT_ALLOWED)
    assert relay.delivered == []
    assert (await send(client, mine, sender=b"<ann@news.choir.test>")).startswith("250")
    assert (await send(client, mine, sender=b"<>")).startswith("250")


async def test_a_revoked_credential_is_refused_at_the_next_login(relay: Relay) -> None:
    """535, as for any wrong password."""
    await relay.serve()
    await relay.ready()
    await relay.store.credentials.revoke("club")
    relay.clock.move(60)
    client = await relay.connect()
    secret = b64encode(f"\0{relay.user}\0{relay.password}".encode())
    assert await client.ask(b"AUTH PLAIN " + secret + b"\r\n") == str(replies.AUTH_FAILED)


async def test_a_revoked_credential_ends_where_it_is_logged_in(relay: Relay) -> None:
    """At the next MAIL: 535, then 530; what was begun is not taken, and another user may log in."""
    await relay.serve()
    client, begun = await relay.ready(), await relay.ready()
    assert (await send(client)).startswith("250")
    assert (await begun.ask(b"MAIL FROM:<ann@club.test>\r\n")).startswith("250")
    await relay.store.credentials.revoke("club")
    assert await send(client) == str(replies.AUTH_REVOKED)
    assert await send(client) == str(replies.AUTH_FIRST)
    await begun.ask(b"RCPT TO:<bob@example.org>\r\n")
    await begun.ask(b"DATA\r\n")
    assert await begun.ask(LETTER + b".\r\n") == str(replies.AUTH_REVOKED)
    user, password = await relay.store.credentials.create("other")
    secret = b64encode(f"\0{user}\0{password}".encode())
    assert (await client.ask(b"AUTH PLAIN " + secret + b"\r\n")).startswith("235")
    assert (await send(client)).startswith("250")
    assert len(relay.delivered) == 2


async def test_a_credential_over_its_rate_waits(relay: Relay) -> None:
    """450 4.7.1 at MAIL, over all its connections and over a restart; room comes back within the hour; others go on."""
    user, password = await relay.store.credentials.create("choir", rate=3)
    await relay.serve()
    first, second = await relay.login(user, password), await relay.login(user, password)
    assert (await send(first)).startswith("250")
    relay.clock.move(1800)
    for client in (first, second):
        assert (await send(client)).startswith("250")
    assert await send(first) == str(replies.RATE_SPENT)
    assert await send(second) == str(replies.RATE_SPENT)
    await relay.serve()
    again = await relay.login(user, password)
    assert await send(again) == str(replies.RATE_SPENT)
    assert (await send(await relay.ready())).startswith("250")
    relay.clock.move(1801)
    assert (await send(again)).startswith("250")
    assert await send(again) == str(replies.RATE_SPENT)


async def test_messages_at_once_do_not_slip_over_the_rate(relay: Relay) -> None:
    """Each takes its room before it is written; one that is refused gives it back."""
    user, password = await relay.store.credentials.create("choir", rate=2)
    await relay.serve()
    assert relay.queue is not None
    clients = [await relay.login(user, password) for _ in range(3)]
    relay.queue.raises = StoreUnavailable("locked")
    assert await send(clients[0]) == str(replies.LOCAL_ERROR)
    assert await send(clients[0], LETTER.replace(b"From", b"X-From")) == str(replies.NOT_ONE_FROM)
    relay.queue.raises = None
    for client in clients:
        assert (await client.ask(b"MAIL FROM:<ann@club.test>\r\n")).startswith("250")
        await client.ask(b"RCPT TO:<bob@example.org>\r\n")
        await client.ask(b"DATA\r\n")
    said = sorted(await asyncio.gather(*(client.ask(LETTER + b".\r\n") for client in clients)))
    assert [reply[:9] for reply in said] == ["250 2.0.0", "250 2.0.0", "450 4.7.1"]


async def test_a_network_may_stand_in_for_a_password(relay: Relay) -> None:
    """Where the credential says so: its name, domains and rate hold without AUTH, before any trusted network."""
    await relay.store.credentials.create("limited", networks=["127.0.0.0/8"])
    await relay.serve()
    client = await relay.connect()
    assert await send(client) == str(replies.AUTH_FIRST)
    await relay.store.credentials.create(
        "printer", networks=["127.0.0.1/32"], from_domains=["club.test"], rate=1, network_login=True
    )
    await relay.serve(trusted_networks=("127.0.0.0/8",))
    client = await relay.connect()
    assert await send(client, sender=b"<ann@choir.test>") == str(replies.SENDER_NOT_ALLOWED)
    assert (await send(client)).startswith("250")
    assert await send(client) == str(replies.RATE_SPENT)
    (message,) = await relay.rows("SELECT credential FROM message")
    assert message["credential"] == "printer"
