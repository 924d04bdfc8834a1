"""One connection against a scripted server: stages, limits in virtual time, TLS (robustness.md 2.4, 2.6)."""

import asyncio
from typing import Any

import pytest

from relay.delivery.connection import Connection
from relay.delivery.dialogue import Outcome
from relay.delivery.envelope import Envelope
from relay.delivery.route import Host
from relay.delivery.sending import BLOCK
from relay.delivery.tls import TlsContexts
from relay.settings import DeliverySettings
from store.nouns import Phase, Reason
from tests.relay.delivery.conftest import Certificates
from tests.rigs.smtp_sink import After, Drop, Hold, Raw, Reset, Say, Silence, SmtpSink
from tests.rigs.virtual_time import run

COPY = b"Subject: x\r\n\r\n.dots\r\n..more\r\nend\r\n"
CONTEXTS = TlsContexts()


def mail(copy: bytes = COPY) -> Envelope:
    return Envelope(reverse_path="r@b.test", forward_path="ann@example.org", size=len(copy))


class Dots:
    """What is awaited before the final dot."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls = 0
        self._error = error

    async def __call__(self) -> None:
        self.calls += 1
        if self._error:
            raise self._error


def connection(sink: SmtpSink, *, contexts: TlsContexts = CONTEXTS, clear: bool = False, **host: Any) -> Connection:
    settings = DeliverySettings()
    there = Host(host.pop("name", "mx.test"), sink.port, ("127.0.0.1",), **host)
    return Connection(there, "127.0.0.1", hostname="relay.test", settings=settings, contexts=contexts, clear=clear)


async def deliver(sink: SmtpSink, copy: bytes = COPY, dots: Dots | None = None, **host: Any) -> Outcome:
    """Open a connection, send one mail, close."""
    one = connection(sink, **host)
    failure = await one.open()
    if failure is not None:
        await one.gone()
        return failure
    outcome = await one.send(mail(copy), copy, dots or Dots())
    one.close()
    await one.gone()
    return outcome


async def test_a_mail_arrives_byte_for_byte() -> None:
    """Dots and all; QUIT at the end; before the final dot the store is asked once."""
    async with SmtpSink() as sink:
        dots = Dots()
        outcome = await deliver(sink, dots=dots)
        assert outcome.delivered
        await sink.said("QUIT")
        assert sink.mails[0].content == COPY
        assert sink.sessions[0].verbs == ["EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT"]
        assert dots.calls == 1


@pytest.mark.parametrize("offers", [(), ("PIPELINING",), ("8BITMIME", "SIZE 100000000")])
async def test_a_large_mail_arrives_byte_for_byte(offers: tuple[str, ...]) -> None:
    """In blocks, each with its own time limit, with the dots at the seams of blocks stuffed."""
    copy = b"Subject: x\r\n\r\n" + b"".join(b".%07d\r\n" % number for number in range(5 * BLOCK // 10))
    async with SmtpSink(offers=offers) as sink:
        assert (await deliver(sink, copy)).delivered
        assert sink.mails[0].content == copy


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("code", ["450 4.2.0 later", "550 5.2.0 no"])
@pytest.mark.parametrize(
    ("stage", "phase"),
    [
        ("greeting", Phase.GREETING),
        ("ehlo", Phase.EHLO),
        ("mail", Phase.MAIL),
        ("rcpt", Phase.RCPT),
        ("data", Phase.DATA),
        ("dot", Phase.END_OF_DATA),
    ],
)
async def test_a_reply_at_each_stage(stage: str, phase: Phase, code: str, *, pipelining: bool) -> None:
    """D1, D2: the reply and its stage are the outcome. EHLO refused for good is followed by HELO (D11)."""
    async with SmtpSink(offers=("PIPELINING",) if pipelining else ()) as sink:
        sink.on(stage, Say(code))
        outcome = await deliver(sink)
        if (stage, code[0]) == ("ehlo", "5"):
            assert outcome.delivered
            assert sink.count("HELO") == 1
            return
        assert (outcome.phase, str(outcome.reply), outcome.unknown) == (phase, code, False)
        assert sink.mails == []


@pytest.mark.parametrize("how", [Drop(), Reset()], ids=["close", "reset"])
@pytest.mark.parametrize(
    ("stage", "phase"),
    [
        ("connect", Phase.GREETING),
        ("greeting", Phase.GREETING),
        ("ehlo", Phase.EHLO),
        ("mail", Phase.MAIL),
        ("rcpt", Phase.RCPT),
        ("data", Phase.DATA),
        ("body", Phase.DATA),
        ("dot", Phase.END_OF_DATA),
    ],
)
async def test_a_lost_connection_at_each_stage(stage: str, phase: Phase, how: Drop | Reset) -> None:
    """D3: before the final dot tried again, behind it the outcome is unknown; the middle of a large body included."""
    copy = COPY if stage != "body" else b"x" * 60 + b"\r\n" + b"more lines\r\n" * 2_000_000
    async with SmtpSink(offers=()) as sink:
        sink.on(stage, how, after=1000)
        outcome = await deliver(sink, copy)
        assert (outcome.phase, outcome.reply) == (phase, None)
        assert outcome.unknown is (stage == "dot")
        assert (outcome.reason, outcome.permanent) == (Reason.CONNECTION_FAILED, False)
        assert sink.mails == []


async def test_354_although_the_recipient_was_refused() -> None:
    """D6: a lone dot is sent, what is said to it is passed over, and the connection goes on in step."""
    async with SmtpSink() as sink:
        sink.on("rcpt", Say("550 5.1.1 no such user"), times=1)
        sink.on("data", Say("354 go ahead"), times=1)
        sink.on("dot", Say("250 2.0.0 taken, in a way"), times=1)
        one = connection(sink)
        assert await one.open() is None
        dots = Dots()
        outcome = await one.send(mail(), COPY, dots)
        assert str(outcome.reply) == "550 5.1.1 no such user"
        assert sink.sessions[0].writes[-1] == b".\r\n"
        assert dots.calls == 0
        assert (await one.send(mail(), COPY, dots)).delivered
        one.close()
        await one.gone()


@pytest.mark.parametrize(
    "data",
    [
        b"250-" + b"x" * 1_000_000 + b"\r\n",
        b"250-more\r\n" * 100_000,
        b"no code at all\r\n",
        b"\x00\x00\x00\r\n",
        b"250-half\r\n999 what\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n",
    ],
    ids=["line", "lines", "no code", "NUL", "odd code", "TLS"],
)
@pytest.mark.parametrize("stage", ["greeting", "ehlo", "rcpt", "dot"])
async def test_what_is_no_reply_ends_the_session(stage: str, data: bytes) -> None:
    """D10: memory is bounded, the mail is tried again, nothing of it is kept."""
    async with SmtpSink(offers=()) as sink:
        sink.on(stage, Raw(data), Silence())
        outcome = await deliver(sink)
        assert outcome.reply is None
        assert outcome.reason in (Reason.SYSTEM_ERROR, Reason.CONNECTION_FAILED)
        assert outcome.permanent is False
        assert outcome.unknown is (stage == "dot")
        assert len(outcome.why) < 200


async def test_an_odd_but_legal_reply_is_kept_verbatim() -> None:
    """Many lines, other charsets, terminal codes replaced, 2 kB kept."""
    async with SmtpSink() as sink:
        sink.on("rcpt", Raw(b"550-5.1.1 see \x1b[1mhttp://x.test\r\n550-Gr\xf6\xdfe\r\n550 " + b"y" * 5000 + b"\r\n"))
        outcome = await deliver(sink)
        assert outcome.reply is not None
        assert outcome.reply.lines[:2] == ("5.1.1 see ?[1mhttp://x.test", "Gr\ufffd\ufffde")
        assert len(outcome.reply.text) <= 2100


async def test_a_refusal_in_the_middle_of_a_large_content() -> None:
    """It is the outcome; the rest is not sent."""
    copy = b"line of text\r\n" * 1_000_000
    async with SmtpSink() as sink:
        sink.on("body", Say("552 5.3.4 too big for me"), Silence(), after=1000)
        outcome = await deliver(sink, copy)
        assert (outcome.phase, str(outcome.reply)) == (Phase.DATA, "552 5.3.4 too big for me")


@pytest.mark.parametrize("size", [100, 500_000])
async def test_nothing_is_delivered_when_the_store_says_no(size: int) -> None:
    """Promise 4: what is raised before the dot is raised on, and no final dot leaves."""
    async with SmtpSink() as sink:
        one = connection(sink)
        assert await one.open() is None
        with pytest.raises(RuntimeError, match="store"):
            await one.send(mail(), b"x\r\n" * size, Dots(RuntimeError("store")))
        await one.gone()
        await sink.sessions[0].closed.wait()
        assert sink.mails == []
        assert b".\r\n" not in sink.sessions[0].writes


@pytest.mark.parametrize(("stage", "unknown"), [("rcpt", False), ("dot", True)])
async def test_breaking_off_tells_whether_the_outcome_is_known(stage: str, *, unknown: bool) -> None:
    """At stop: behind the final dot nobody knows, before it nothing was delivered."""
    async with SmtpSink() as sink:
        sink.on(stage, Silence())
        one = connection(sink)
        assert await one.open() is None
        sending = asyncio.create_task(one.send(mail(), COPY, Dots()))
        await sink.said("RCPT" if stage == "rcpt" else ".")
        assert one.behind_dot is unknown
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert one.outcome is not None
        assert one.outcome.unknown is unknown
        await one.gone()


async def test_a_server_that_closes_an_idle_connection() -> None:
    """421 while idle: no longer usable, nobody's failure."""
    async with SmtpSink() as sink:
        bye = asyncio.Event()
        one = connection(sink)
        sink.on("dot", Say("250 ok"), Hold(bye), Say("421 4.4.2 idle too long"), Drop())
        assert await one.open() is None
        assert (await one.send(mail(), COPY, Dots())).delivered
        assert one.usable
        bye.set()
        await one.gone()
        assert not one.usable


async def test_nobody_listens() -> None:
    """Refused at once, in words."""
    async with SmtpSink() as sink:
        pass
    outcome = await deliver(sink)
    assert (outcome.phase, outcome.why) == (Phase.CONNECT, "connection refused")


# Time limits, in virtual time.


@pytest.mark.parametrize(
    ("stage", "limit", "phase"),
    [
        ("connect", 300, Phase.GREETING),
        ("ehlo", 300, Phase.EHLO),
        ("mail", 300, Phase.MAIL),
        ("rcpt", 300, Phase.RCPT),
        ("data", 120, Phase.DATA),
        ("dot", 600, Phase.END_OF_DATA),
    ],
)
def test_each_reply_has_its_time(stage: str, limit: int, phase: Phase) -> None:
    """D4, D9: a second before the limit of RFC 5321 section 4.5.3.2 a reply is good, silence ends a second after it."""

    async def scenario(wait: float) -> Outcome:
        async with SmtpSink(offers=()) as sink:
            usual = {
                "ehlo": "250 mx",
                "connect": "",
                "mail": "250 ok",
                "rcpt": "250 ok",
                "data": "354 go",
                "dot": "250 ok",
            }
            steps = [Say(usual[stage])] if usual[stage] else []
            sink.on(stage, After(wait), *steps)
            return await deliver(sink)

    assert run(scenario(limit - 1)).delivered
    late = run(scenario(limit + 1))
    assert (late.phase, late.reply, late.unknown) == (phase, None, stage == "dot")
    assert "no answer in time" in late.why


def test_trickling_wins_no_time() -> None:
    """A reply that comes one octet a minute does not prolong its limit."""

    async def scenario() -> tuple[Outcome, float]:
        async with SmtpSink() as sink:
            octets = [step for _ in range(20) for step in (Raw(b"2"), After(60))]
            sink.on("rcpt", *octets)
            outcome = await deliver(sink)
            return outcome, asyncio.get_running_loop().time()

    outcome, took = run(scenario())
    assert outcome.phase is Phase.RCPT
    assert 300 <= took < 320


def test_a_server_that_does_not_read_is_given_up() -> None:
    """Each block has its own limit; what lies unsent does not keep the connection open."""

    async def scenario() -> tuple[Outcome, float]:
        async with SmtpSink() as sink:
            sink.on("body", Silence(), after=1)
            outcome = await deliver(sink, b"line of text\r\n" * 1_000_000)
            return outcome, asyncio.get_running_loop().time()

    outcome, took = run(scenario())
    assert (outcome.phase, outcome.unknown) == (Phase.DATA, False)
    assert 180 <= took < 200


# TLS.


async def test_opportunistic_tls_takes_any_certificate(certificates: Certificates) -> None:
    """2.6: a self-signed one delivers, and it is told as unverified."""
    async with SmtpSink(starttls=certificates.self_signed) as sink:
        one = connection(sink, name="other.test")
        assert await one.open() is None
        assert one.tls.startswith("TLSv1.3 TLS_")
        assert one.tls.endswith(" unverified")
        assert (await one.send(mail(), COPY, Dots())).delivered
        assert sink.mails[0].tls
        assert sink.count("EHLO") == 2
        one.close()
        await one.gone()


@pytest.mark.parametrize("steps", [(Say("220 go"), Raw(b"this is no TLS\r\n"), Silence()), (Say("220 go"), Drop())])
async def test_a_handshake_that_fails(steps: tuple[Any, ...]) -> None:
    """Deferred, with words; ``clear`` leaves TLS out, for the next attempt."""
    async with SmtpSink(offers=("PIPELINING", "STARTTLS")) as sink:
        sink.on("starttls", *steps)
        outcome = await deliver(sink)
        assert (outcome.phase, outcome.permanent) == (Phase.TLS, False)
        one = connection(sink, clear=True)
        assert await one.open() is None
        assert one.tls == ""
        one.close()
        await one.gone()


async def test_injected_bytes_before_the_handshake() -> None:
    """The buffer is empty at the handshake, or the session ends."""
    async with SmtpSink(offers=("STARTTLS",)) as sink:
        sink.on("starttls", Raw(b"220 go\r\n250 injected\r\n"), Silence())
        outcome = await deliver(sink)
        assert outcome.phase is Phase.TLS
        assert "before TLS" in outcome.why or "talk before TLS" in outcome.why


async def test_a_refused_starttls_goes_on_in_clear() -> None:
    """Opportunistic: on the same connection."""
    async with SmtpSink(offers=("STARTTLS",)) as sink:
        sink.on("starttls", Say("454 4.7.0 not now"))
        assert (await deliver(sink)).delivered
        assert len(sink.sessions) == 1


async def test_required_tls_verifies(certificates: Certificates) -> None:
    """A route that requires TLS: a believed certificate for the host's name, or nothing."""
    contexts = certificates.contexts
    async with SmtpSink(starttls=certificates.trusted) as sink:
        one = connection(sink, tls="required", contexts=contexts)
        assert await one.open() is None
        assert one.tls.endswith(" verified")
        one.close()
        await one.gone()
        wrong = await deliver(sink, tls="required", contexts=contexts, name="other.test")
        assert wrong.phase is Phase.TLS
        assert "other.test" in wrong.why
    async with SmtpSink(starttls=certificates.self_signed) as sink:
        assert (await deliver(sink, tls="required", contexts=contexts)).phase is Phase.TLS
    async with SmtpSink() as sink:
        clear = await deliver(sink, tls="required", contexts=contexts)
        assert (clear.phase, clear.permanent) == (Phase.TLS, False)


async def test_implicit_tls_with_login(certificates: Certificates) -> None:
    """A smarthost on port 465: verified TLS first, then AUTH."""
    async with SmtpSink(implicit_tls=certificates.trusted, offers=("AUTH PLAIN", "PIPELINING")) as sink:
        outcome = await deliver(sink, tls="implicit", contexts=certificates.contexts, user="ann", password="secret")
        assert outcome.delivered
        assert sink.sessions[0].user == "ann:secret"
    async with SmtpSink(implicit_tls=certificates.self_signed) as sink:
        outcome = await deliver(sink, tls="implicit", contexts=certificates.contexts)
        assert (outcome.phase, outcome.permanent) == (Phase.TLS, False)


async def test_login_by_starttls(certificates: Certificates) -> None:
    """AUTH LOGIN under TLS; refused credentials are for now only."""
    async with SmtpSink(starttls=certificates.trusted, offers=("AUTH LOGIN",)) as sink:
        assert (await deliver(sink, user="ann", password="secret")).delivered
        assert sink.sessions[0].user == "ann:secret"
        sink.on("auth", Say("535 5.7.8 no"))
        outcome = await deliver(sink, user="ann", password="wrong")
        assert (outcome.phase, outcome.permanent) == (Phase.AUTH, False)


async def test_chunks_go_one_after_the_other_and_the_dot_is_marked_before_last() -> None:
    """BDAT with its octets, the next when it was taken; nothing is stuffed; a last line without an end gets one."""
    content = b"Subject: x\r\n\r\n" + b".dot\r\n" * 300_000 + b"no end"
    async with SmtpSink(offers=("CHUNKING", "PIPELINING")) as sink:
        one = connection(sink)
        assert await one.open() is None
        marked: list[list[str]] = []

        async def mark() -> None:
            marked.append(list(sink.sessions[0].commands))

        mail = Envelope(reverse_path="r@b.test", forward_path="ann@example.org", size=len(content))
        outcome = await one.send(mail, content, mark)
        assert outcome.delivered
        assert sink.mails[0].content == content + b"\r\n"
        assert [command for command in sink.sessions[0].commands if command.startswith("BDAT")] == [
            "BDAT 1048576",
            f"BDAT {len(content) + 2 - 1048576}",
            "BDAT 0 LAST",
        ]
        assert marked[0][-1] == f"BDAT {len(content) + 2 - 1048576}"
        one.close()
