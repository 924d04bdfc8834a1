"""Taking mail over, with the real store behind it: what 250 promises, and what is refused and how."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pixel.settings import PixelSettings
from relay.config import Config
from relay.settings import DeliverySettings, RelaySettings, SubmissionLimits, SubmissionSettings
from relay.submission import replies
from relay.submission.acceptance import Acceptance, Queue, strictest
from relay.submission.limits import Offers, ServerLimits
from relay.submission.server import SmtpServer
from store.accept import Acceptance as Taken
from store.errors import StoreUnavailable
from store.nouns import Job, NewMessage, NewRecipient, Reason, TrackingMode
from store.open import Store, open_store
from store.settings import StoreSettings
from tests.conftest import Clock
from tests.relay.submission.rig import HOSTNAME, LOG, Client

LETTER = b"From: Ann <ann@club.test>\r\nTo: bob@example.org\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello\r\n"


@dataclass
class Faulty:
    """The store's queue, that a test can break."""

    real: Queue
    raises: Exception | None = None
    held: asyncio.Event | None = None  # waited for before the real queue is asked
    asked: list[NewMessage] = field(default_factory=list)

    async def accept(
        self,
        message: NewMessage,
        content: bytes,
        recipients: Sequence[NewRecipient],
        *,
        hold: bool = True,
        within: float | None = None,
    ) -> Taken:
        self.asked.append(message)
        if self.raises is not None:
            raise self.raises
        if self.held is not None:
            await self.held.wait()
        return await self.real.accept(message, content, recipients, hold=hold, within=within)


@dataclass
class Shop:
    """A store whose queue can be broken."""

    queue: Faulty
    credentials: Any
    ids: Any


@dataclass
class Relay:
    """A submission server on a real store."""

    store: Store
    tmp_path: Path
    clock: Clock
    user: str = ""
    password: str = ""
    delivered: list[tuple[Sequence[Job], bytes]] = field(default_factory=list)
    servers: list[SmtpServer] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    queue: Faulty | None = None

    async def serve(self, *, tracking: TrackingMode = TrackingMode.VERDICT, **settings: Any) -> None:
        """Start, with these settings of ``[relay.submission]``."""
        submission = SubmissionSettings(**settings)
        config = Config(
            relay=RelaySettings(hostname=HOSTNAME, submission=submission, delivery=DeliverySettings(max_age=86_400.0)),
            pixel=PixelSettings(tracking=tracking),
        )
        self.queue = Faulty(self.store.queue)
        acceptance = Acceptance(
            store=Shop(self.queue, self.store.credentials, self.store.ids),
            config=config,
            deliver=lambda jobs, content: self.delivered.append((jobs, content)),
            clock=self.clock,
            log=LOG,
        )
        server = SmtpServer(
            hostname=HOSTNAME,
            limits=ServerLimits.of(submission.limits),
            tls=None,
            implicit_tls=False,
            handler=acceptance,
            offers=Offers(auth="loopback", dsn=True),
            proxy_networks=submission.proxy_networks,
            clock=self.clock,
            log=LOG,
        )
        await server.start("127.0.0.1:0")
        self.servers.append(server)

    async def login(self, user: str, password: str) -> Client:
        """Open a connection that has authenticated."""
        client = await self.connect()
        secret = b64encode(f"\0{user}\0{password}".encode())
        assert (await client.ask(b"AUTH PLAIN " + secret + b"\r\n")).startswith("235")
        return client

    async def connect(self, first: bytes = b"") -> Client:
        client = await Client.connect(self.servers[-1].address)
        self.clients.append(client)
        await client.send(first)
        await client.reply()
        await client.ask(b"EHLO app.club.test\r\n")
        return client

    async def ready(self) -> Client:
        if not self.user:
            self.user, self.password = await self.store.credentials.create("club")
        return await self.login(self.user, self.password)

    async def rows(self, statement: str) -> list[dict[str, Any]]:
        """Read from the store, as its views show it."""

        def read(connection: Any) -> list[dict[str, Any]]:
            return [dict(row) for row in connection.exec_driver_sql(statement).mappings()]

        return await self.store._reader.run(read)


@pytest.fixture
async def relay(tmp_path: Path, clock: Clock) -> AsyncIterator[Relay]:
    settings = StoreSettings(url=f"sqlite:///{tmp_path}/homing.db", contents=tmp_path / "contents", reserve=0)
    store = await open_store(settings, clock=clock, node_name="test", serving=True)
    relay = Relay(store, tmp_path, clock)
    yield relay
    for server in relay.servers:
        await server.stop(0)
    for client in relay.clients:
        client.writer.transport.abort()
        await client.close()
    await store.close()


async def send(
    client: Client,
    content: bytes = LETTER,
    *,
    sender: bytes = b"<ann@club.test>",
    to: Sequence[bytes] = (b"<bob@example.org>",),
) -> str:
    """Send one mail and give the last reply; a refusal at MAIL ends it."""
    said = await client.ask(b"MAIL FROM:" + sender + b"\r\n")
    if not said.startswith("250"):
        return said
    for path in to:
        await client.ask(b"RCPT TO:" + path + b"\r\n")
    said = await client.ask(b"DATA\r\n")
    return await client.ask(content + b".\r\n") if said.startswith("354") else said


async def test_250_means_written_down(relay: Relay) -> None:
    """Message, content, recipients and their events are in the store when the 250 comes, and its id finds them."""
    await relay.serve()
    said = await send(
        await relay.ready(), to=[b"<bob@example.org>", b"<eve@EXAMPLE.net> NOTIFY=never ORCPT=rfc822;Eve@x"]
    )
    assert said.startswith("250 2.0.0 Ok: queued as ")
    message_id = int(said.rsplit(" ", 1)[1])
    ((jobs, content),) = relay.delivered
    assert content == LETTER == await relay.store.contents.read(jobs[0].content)
    assert [(job.message_id, job.forward_path, job.domain) for job in jobs] == [
        (message_id, "bob@example.org", "example.org"),
        (message_id, "eve@EXAMPLE.net", "example.net"),
    ]
    assert [(job.notify, job.original_recipient) for job in jobs] == [("", ""), ("NEVER", "rfc822;Eve@x")]
    assert jobs[0].expires_at == relay.clock.now + 86_400
    (message,) = await relay.rows("SELECT * FROM message")
    assert message["id"] == message_id
    assert message["credential"] == "club"
    assert message["subject"] == "Grüße"
    assert message["header_from"] == "ann@club.test"
    assert message["client"] == "app.club.test [127.0.0.1]"
    assert [row["kind"] for row in await relay.rows("SELECT kind FROM event")] == ["accepted", "accepted"]


async def test_received_and_missing_fields_are_prepared(relay: Relay) -> None:
    """Each copy gets one Received, and the Message-ID and Date that were missing."""
    await relay.serve()
    await send(await relay.ready())
    prepended = relay.delivered[0][0][0].prepended.decode()
    assert prepended.startswith("Received: from app.club.test")
    assert f"by {HOSTNAME}" in prepended
    assert "with ESMTPA" in prepended
    assert "127.0.0.1" in prepended
    assert "\r\nDate: " in prepended
    assert "\r\nMessage-ID: <" in prepended


async def test_the_client_can_be_hidden(relay: Relay) -> None:
    """By configuration, Received does not say who handed the mail in."""
    await relay.serve(hide_client=True)
    await send(await relay.ready())
    prepended = relay.delivered[0][0][0].prepended.decode()
    assert "app.club.test" not in prepended
    assert "127.0.0.1" not in prepended


async def test_the_envelope_of_a_report_is_kept(relay: Relay) -> None:
    """ENVID is decoded, RET and SMTPUTF8 are kept, for reports and the next hop (RFC 3461)."""
    await relay.serve()
    said = await send(await relay.ready(), sender=b"<ann@club.test> RET=hdrs ENVID=a+2Bb SMTPUTF8 BODY=8BITMIME")
    assert said.startswith("250")
    (job,) = relay.delivered[0][0]
    assert (job.ret, job.envelope_id, job.smtputf8) == ("HDRS", "a+b", True)


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


@pytest.mark.parametrize(
    ("change", "reply"),
    [
        ((b"From: Ann <ann@club.test>\r\n", b""), replies.NOT_ONE_FROM),
        ((b"From: Ann", b"From: eve@evil.test\r\nFrom: Ann"), replies.NOT_ONE_FROM),
        ((b"Ann <ann@club.test>", b"Ann"), replies.NOT_ONE_FROM),
        ((b"Hello", b"Hel\0lo"), replies.NUL_IN_MESSAGE),
        ((b"Subject", b"Received: from a by b; now\r\n" * 51 + b"Subject"), replies.LOOP),
        ((b"Subject", b"X-A: b\r\n" * 1001 + b"Subject"), replies.HEADER_TOO_LARGE),
        ((b"Subject", b"X-A: " + (b"b" * 900 + b"\r\n ") * 300 + b"b\r\nSubject"), replies.HEADER_TOO_LARGE),
    ],
)
async def test_what_is_refused_for_its_content(relay: Relay, change: tuple[bytes, bytes], reply: object) -> None:
    """A definite reply, nothing stored, and the session in step for the next mail."""
    await relay.serve()
    client = await relay.ready()
    assert await send(client, LETTER.replace(*change, 1)) == str(reply)
    assert await relay.rows("SELECT * FROM message") == []
    assert (await send(client)).startswith("250")


async def test_what_is_at_the_limit_passes(relay: Relay) -> None:
    """50 hops and 1,000 fields are taken."""
    await relay.serve()
    client = await relay.ready()
    assert (await send(client, b"Received: from a by b; now\r\n" * 50 + LETTER)).startswith("250")
    assert (await send(client, b"X-A: b\r\n" * 997 + LETTER)).startswith("250")


async def test_bare_line_ends_become_crlf_before_storing(relay: Relay) -> None:
    """By default: what is stored has no bare CR or LF, so nothing smuggled can leave."""
    await relay.serve()
    bad = LETTER + b"a\nb\rc\r\r\nd\n.\nMAIL FROM:<eve@evil.test>\n\r\n"
    assert (await send(await relay.ready(), bad)).startswith("250")
    stored = relay.delivered[0][1]
    assert stored == LETTER + b"a\r\nb\r\nc\r\nd\r\n.\r\nMAIL FROM:<eve@evil.test>\r\n\r\n"
    assert await relay.store.contents.read(relay.delivered[0][0][0].content) == stored


async def test_bare_line_ends_can_be_refused(relay: Relay) -> None:
    """By configuration: 550 5.5.2, and the session stays in step."""
    await relay.serve(bare_newlines="reject")
    client = await relay.ready()
    assert await send(client, LETTER + b"a\nb\r\n") == str(replies.BARE_NEWLINES)
    assert (await send(client)).startswith("250")


async def test_postmaster_alone_is_no_recipient_here(relay: Relay) -> None:
    """Nothing is delivered on this machine: an address needs its domain."""
    await relay.serve()
    assert await send(await relay.ready(), to=[b"<postmaster>"]) == str(replies.NO_VALID_RECIPIENTS)


async def test_the_strictest_tracking_wins(relay: Relay) -> None:
    """A header may ask for less than the configuration keeps, never for more."""
    await relay.serve(tracking=TrackingMode.VERDICT)
    client = await relay.ready()
    for asked in (b"", b"X-Homing-Track: full\r\n", b"X-Homing-Track: count\r\n", b"X-Homing-Track: no\r\n"):
        assert (await send(client, asked + LETTER)).startswith("250")
    assert [jobs[0].tracking.value for jobs, _ in relay.delivered] == ["verdict", "verdict", "count", "off"]
    assert strictest(TrackingMode.FULL, TrackingMode.COUNT) is TrackingMode.COUNT


async def test_control_headers_come_into_the_records(relay: Relay) -> None:
    """Customer and invoice are found by what the application called them; a wrong value is a warning, no refusal."""
    await relay.serve()
    headers = b"X-Homing-Customer: 4711\r\nX-Homing-Invoice: R-1\r\nX-Homing-Tag: dunning\r\nX-Homing-Track: maybe\r\n"
    assert (await send(await relay.ready(), headers + LETTER)).startswith("250")
    (message,) = await relay.rows("SELECT * FROM message")
    assert (message["customer"], message["invoice"], message["tags"]) == ("4711", "R-1", '["dunning"]')
    assert message["warnings"] != "[]"


async def test_an_idempotency_key_sends_once(relay: Relay) -> None:
    """The repeat is answered 250 with the first one's id, and nothing more is delivered."""
    await relay.serve()
    client = await relay.ready()
    keyed = b"X-Homing-Idempotency-Key: R-1/1\r\n" + LETTER
    assert await send(client, keyed) == await send(client, keyed)
    assert len(relay.delivered) == 1


async def test_a_suppressed_address_is_not_delivered_to(relay: Relay) -> None:
    """250, since the status tells; no job."""
    await relay.serve()
    await relay.store.suppressions.add("bob@example.org", Reason.NO_SUCH_USER, "gone")
    assert (await send(await relay.ready())).startswith("250")
    assert relay.delivered == []


@pytest.mark.parametrize(
    ("fault", "reply"),
    [
        (StoreUnavailable("secret: disk", full=True), replies.STORE_FULL),
        (StoreUnavailable("secret: locked"), replies.LOCAL_ERROR),
        (RuntimeError("secret: bug"), replies.LOCAL_ERROR),
    ],
)
async def test_a_fault_of_ours_is_4xx_and_hides_its_text(
    relay: Relay, fault: Exception, reply: object, caplog: pytest.LogCaptureFixture
) -> None:
    """452 4.3.1 when there is no room, 451 4.3.0 otherwise; all of it in the log, nothing of it on the wire."""
    await relay.serve()
    assert relay.queue is not None
    client = await relay.ready()
    relay.queue.raises = fault
    said = await send(client)
    assert said == str(reply)
    assert "secret" not in said
    assert "secret" in caplog.text
    relay.queue.raises = None
    assert (await send(client)).startswith("250")


async def test_the_deadline_ends_the_wait(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer in time: 451, and not a late success, however long the store then takes."""
    await relay.serve(limits=SubmissionLimits(accept_deadline=0.05))
    client = await relay.ready()
    go_on, real = asyncio.Event(), relay.store._connection.run

    async def slow(work: Callable[[Any], Any]) -> Any:
        await go_on.wait()
        return await real(work)

    monkeypatch.setattr(relay.store._connection, "run", slow)
    assert await send(client) == str(replies.LOCAL_ERROR)
    assert await send(client) == str(replies.LOCAL_ERROR)
    go_on.set()
    await relay.store.queue.give_back([])  # joins behind both, and is answered when they are over
    assert await relay.rows("SELECT * FROM message") == []
    assert relay.delivered == []
    assert (await send(client)).startswith("250")


async def test_past_the_deadline_only_a_commit_under_way_may_succeed(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client hears 451 and sends again; both are there, and the second one's event says possible duplicate."""
    await relay.serve(limits=SubmissionLimits(accept_deadline=0.2))
    client = await relay.ready()
    go_on, real = asyncio.Event(), relay.store._connection.run

    async def slow(work: Callable[[Any], Any]) -> Any:
        result = await real(work)
        await go_on.wait()  # as a disk does whose sync hangs
        return result

    monkeypatch.setattr(relay.store._connection, "run", slow)
    letter = b"Message-ID: <1@club.test>\r\n" + LETTER
    assert await send(client, letter) == str(replies.LOCAL_ERROR)
    go_on.set()
    assert (await send(client, letter)).startswith("250")
    events = await relay.rows("SELECT kind, note FROM event ORDER BY position")
    assert events == [{"kind": "accepted", "note": ""}, {"kind": "accepted", "note": "possible duplicate"}]
    states = await relay.rows("SELECT state FROM recipient ORDER BY id")
    assert sorted(row["state"] for row in states) == ["claimed", "due"]  # the first is delivered from the queue


async def test_a_client_that_leaves_behind_the_dot_takes_nothing_back(relay: Relay) -> None:
    """The mail is written and delivered, once."""
    await relay.serve()
    assert relay.queue is not None
    client = await relay.ready()
    relay.queue.held = asyncio.Event()
    await client.send(b"MAIL FROM:<ann@club.test>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n" + LETTER + b".\r\n")
    async with asyncio.timeout(10):
        while not relay.queue.asked:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)
        client.reset()
        relay.queue.held.set()
        while not relay.delivered:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
    assert len(await relay.rows("SELECT * FROM message")) == 1


async def test_a_large_message_is_looked_at_beside_the_loop(relay: Relay) -> None:
    """Five megabytes pass whole."""
    await relay.serve()
    large = LETTER + (b"x" * 76 + b"\r\n") * 65_000
    assert (await send(await relay.ready(), large)).startswith("250")
    assert relay.delivered[0][1] == large
