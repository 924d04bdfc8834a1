"""relay/delivery/transcript.py: what was said, with its times; never a password, never without bound."""

import pytest

from relay.delivery.connection import Connection
from relay.delivery.route import Host
from relay.delivery.transcript import MOST, Transcript
from relay.settings import DeliverySettings
from store.nouns import Reply
from tests.relay.delivery.conftest import Certificates
from tests.relay.delivery.world import CONTENT, World
from tests.rigs.smtp_sink import Drop, Say, SmtpSink
from tests.rigs.virtual_time import run


def without_times(text: str) -> list[str]:
    return [line[8:] if line[:7].strip().replace(".", "").isdigit() else line.strip() for line in text.split("\n")]


def test_a_delivery_line_by_line() -> None:
    """Commands and replies in order, the content as its size; the next mail on the connection begins its own."""

    async def scenario() -> list[str]:
        async with SmtpSink() as sink, World(sink, connections_per_destination=1) as world:
            world.offer(1)
            await world.settled()
            world.offer(2)
            await world.settled()
            return [dialogue for _, _, dialogue in world.transcripts]

    first, second = map(without_times, run(scenario()))
    assert first[0].startswith("to 127.0.0.1 [127.0.0.1], port ")
    assert first[1:4] == ["= connected", "< 220 sink.test ESMTP", "> EHLO relay.test"]
    assert "> MAIL FROM:<b1@bounces.test>" in [line.partition(" SIZE")[0] for line in first]
    assert f"= {len(CONTENT) + 16} octets of content and the final dot" in first
    assert first[-1] == "< 250 2.0.0 taken"
    assert second[1:3] == ["= mail 2 on this connection", "> RSET"]
    assert not any("EHLO" in line or "b1@" in line or "body" in line for line in second)


def test_what_was_said_to_each_host_that_failed() -> None:
    """A set-up that failed is there with its reason."""

    async def scenario() -> str:
        async with SmtpSink() as sink, World(sink) as world:
            sink.on("ehlo", Drop())
            world.offer(1)
            await world.settled()
            return world.transcripts[0][2]

    lines = without_times(run(scenario()))
    assert lines[-2].startswith("> EHLO")
    assert lines[-1].startswith("= the connection was lost")


@pytest.mark.parametrize(("kept", "number"), [("all", 2), ("failures", 1), ("off", 0)])
async def test_which_are_kept(kept: str, number: int) -> None:
    """By configuration: all, those that did not deliver, none."""
    async with SmtpSink() as sink, World(sink, transcripts=kept) as world:
        sink.on("rcpt", Say("550 5.1.1 no such user"), recipient="gone@example.org")
        world.offer(1, "ann@example.org")
        world.offer(2, "gone@example.org")
        await world.settled()
        assert len(world.transcripts) == number


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
async def test_no_password(certificates: Certificates, mechanism: str) -> None:
    """Neither in clear nor encoded, by whichever way we log in."""
    async with SmtpSink(offers=(f"AUTH {mechanism}",), implicit_tls=certificates.trusted) as sink:
        host = Host("127.0.0.1", sink.port, ("127.0.0.1",), tls="implicit", user="office", password="hunter2")
        connection = Connection(
            host,
            "127.0.0.1",
            hostname="relay.test",
            settings=DeliverySettings(),
            contexts=certificates.contexts,
        )
        failure = await connection.open()
        assert connection.transcript is not None
        text = connection.transcript.text()
        connection.close()
        await connection.gone()
    assert failure is None, text
    assert "TLSv1" in text
    assert f"> AUTH {mechanism}" in text
    assert "(not shown)" in text
    for secret in ("hunter2", "aHVudGVy", "b2ZmaWNl", "AG9mZmljZQ"):
        assert secret not in text


def test_bounded() -> None:
    """However much is said: the beginning and the end are kept."""
    it = Transcript(0.0, "to mx.test")
    for number in range(1000):
        it.heard(float(number), [Reply(250, None, ("x" * 5000,))])
        it.said(float(number), b"NOOP\r\n")
    text = it.text("the end")
    assert len(text) <= MOST
    assert text.startswith("to mx.test\n  0.000 < 250 xxx")
    assert text.endswith("= the end")
    assert "left out" in text


def test_whatever_the_bytes() -> None:
    """Odd octets in what we say do not break it."""
    it = Transcript(0.0, "to mx.test")
    it.said(0.5, b"RCPT TO:<\xff@a.test>\r\nDATA\r\n")
    it.said(1.0, b"", secret=True)
    it.said(1.0, b"\xff\xfe", secret=True)
    assert it.text().split("\n")[1:] == [
        "  0.500 > RCPT TO:<\N{REPLACEMENT CHARACTER}@a.test>",
        "  0.500 > DATA",
        "  1.000 > (not shown)",
    ]
