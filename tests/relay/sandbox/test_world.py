"""relay/sandbox/world.py."""

import asyncio

import pytest

from relay.sandbox.behaviour import APPLE, FIREFOX, GMAIL, IPHONE, SCANNER
from relay.sandbox.mx import MailServer
from relay.sandbox.world import Sandbox, route_to
from relay.settings import SandboxSettings
from store.nouns import Reply
from tests.relay.sandbox.rig import LOG, PIXEL_MAIL, Letters, Pixels, Sleeps, by_smtplib, code_of

PIXEL = "/o/abcDEF-_1234567890abcd.gif"


async def send(sandbox: Sandbox, local: str, mail: bytes = PIXEL_MAIL) -> int:
    """Send one mail, and wait until nothing more will follow from it."""
    host, _, port = sandbox.address.rpartition(":")
    code: int = await by_smtplib((host, int(port)), code_of(f"{local}@sandbox.test", mail))
    while sandbox.pending:
        await asyncio.wait(sandbox._pending)
        await asyncio.sleep(0)
    return code


@pytest.mark.parametrize(
    ("local", "code"),
    [
        ("gone", 550),
        ("full", 452),
        ("full-for-good", 552),
        ("toolarge", 552),
        ("suspended", 550),
        ("invalid", 553),
        ("spam", 550),
        ("defer", 451),
        ("noopen", 250),
    ],
)
async def test_refused_or_taken_and_nothing_more(
    sandbox: Sandbox, pixels: Pixels, letters: Letters, local: str, code: int
) -> None:
    """These act in the session, the same each time, and nothing follows."""
    assert [await send(sandbox, local), await send(sandbox, local)] == [code, code]
    assert (pixels.loads, letters.taken) == ([], [])


async def test_slow_is_taken_at_the_second_try(sandbox: Sandbox, pixels: Pixels) -> None:
    """Greylisting: the same mail again is taken, and read."""
    assert [await send(sandbox, "slow"), await send(sandbox, "slow")] == [451, 250]
    assert pixels.loads == [(PIXEL, FIREFOX)]


@pytest.mark.parametrize(
    ("local", "loads"),
    [
        ("ann", {FIREFOX: 2.0}),
        ("apple", {APPLE: 1.0}),
        ("opened-by-apple", {APPLE: 1.0}),
        ("gmail", {GMAIL: 12.0}),
        ("scanned", {SCANNER: 1.0}),
        ("twice", {IPHONE: 2.0, FIREFOX: 35.0}),
    ],
)
async def test_pixel_is_loaded_after_a_while(
    sandbox: Sandbox, pixels: Pixels, sleeps: Sleeps, local: str, loads: dict[str, float]
) -> None:
    """By that agent, after that wait, at this machine whatever host the mail names; no other picture is loaded."""
    assert await send(sandbox, local) == 250
    assert sorted(pixels.loads) == sorted((PIXEL, agent) for agent in loads)
    assert sleeps.asked == list(loads.values())
    assert sandbox.opened == len(loads)


async def test_mail_without_a_pixel_is_not_opened(sandbox: Sandbox, pixels: Pixels) -> None:
    """There is nothing to load in plain text."""
    assert await send(sandbox, "ann", b"Subject: x\r\n\r\nhello\r\n") == 250
    assert (pixels.loads, sandbox.failed) == ([], 0)


@pytest.mark.parametrize(
    ("local", "reverse_path", "marks"),
    [
        ("later-bounce", "", [b"report-type=delivery-status", b"Status: 5.1.1", b"Message-ID: <m1@club.test>"]),
        ("later-full", "", [b"Status: 5.2.2", b"Final-Recipient: rfc822; later-full@sandbox.test"]),
        ("auto", "", [b"Auto-Submitted: auto-replied", b"Out of office"]),
        ("complain", "feedback@mx.sandbox.test", [b"report-type=feedback-report", b"Feedback-Type: abuse"]),
    ],
)
async def test_letter_comes_back_to_the_return_path(
    sandbox: Sandbox, letters: Letters, local: str, reverse_path: str, marks: list[bytes]
) -> None:
    """Taken with 250 first; later a letter comes to the return path that the mail had."""
    assert await send(sandbox, local) == 250
    [(sender, paths, content)] = letters.taken
    assert (sender, paths) == (reverse_path, ["breturn@bounces.club.test"])
    assert [mark for mark in marks if mark not in content] == []


async def test_letter_is_sent_again_when_refused_for_now(sandbox: Sandbox, letters: Letters, sleeps: Sleeps) -> None:
    """A 4xx at the return path is a matter of minutes; a 5xx ends it."""
    letters.refuse = [Reply.make(451, "4.3.0", "Not now")] * 2
    await send(sandbox, "later-bounce")
    assert len(letters.taken) == 1
    assert sleeps.asked == [3.0, 5.0, 5.0]
    letters.refuse = [Reply.make(550, "5.1.1", "No such address here")]
    await send(sandbox, "later-bounce")
    assert (len(letters.taken), sandbox.sent_back, sandbox.failed) == (1, 1, 1)


async def test_null_path_gets_nothing_back(sandbox: Sandbox, letters: Letters) -> None:
    """No letter is ever sent in answer to the null path (RFC 5321 section 4.5.5)."""

    def talk(client: object) -> None:
        client.sendmail("", "later-bounce@sandbox.test", PIXEL_MAIL)  # type: ignore[attr-defined]

    host, _, port = sandbox.address.rpartition(":")
    await by_smtplib((host, int(port)), talk)
    while sandbox.pending:
        await asyncio.wait(sandbox._pending)
        await asyncio.sleep(0)
    assert letters.taken == []


async def test_relay_that_is_gone_is_no_trouble(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody listens any more: told in the log, and the next mail is served."""
    sandbox.reach(pixel="127.0.0.1:1", bounces="127.0.0.1:1")
    assert [await send(sandbox, "ann"), await send(sandbox, "later-bounce")] == [250, 250]
    assert sandbox.failed == 2
    assert "did not work" in caplog.text


async def test_stop_forgets_what_was_to_come(listener: MailServer, pixel_address: str) -> None:
    """A stop does not wait for reactions of the next minute."""
    never = asyncio.Event()

    async def sleep(_: float) -> None:
        await never.wait()

    world = Sandbox(SandboxSettings(listen="127.0.0.1:0"), clock=lambda: 0.0, log=LOG, sleep=sleep)
    await world.start()
    host, port = listener.address
    world.reach(pixel=pixel_address, bounces=f"{host}:{port}")
    host, _, text = world.address.rpartition(":")
    assert await by_smtplib((host, int(text)), code_of("ann@sandbox.test")) == 250
    assert world.pending == 1
    await world.stop()
    assert world.pending == 0


@pytest.mark.parametrize("address", ["192.0.2.1:25", "[2001:db8::1]:25", "10.0.0.1:25"])
async def test_nothing_but_loopback(sandbox: Sandbox, address: str, caplog: pytest.LogCaptureFixture) -> None:
    """It listens at and talks to this machine only; "all addresses" means this machine."""
    with pytest.raises(OSError, match="not a loopback address"):
        await Sandbox(SandboxSettings(listen=address), clock=lambda: 0.0, log=LOG).start()
    sandbox.reach(pixel=address, bounces=address)
    assert "cannot reach the pixel" in caplog.text
    assert [await send(sandbox, "ann"), await send(sandbox, "later-bounce")] == [250, 250]
    assert (sandbox.opened, sandbox.sent_back, sandbox.failed) == (0, 0, 0)
    sandbox.reach(pixel="0.0.0.0:8025", bounces="[::]:2526")
    assert (sandbox._pixel, sandbox._bounces) == (("127.0.0.1", 8025), ("::1", 2526))


def test_route_leads_to_the_sandbox() -> None:
    """The static route that the relay needs for the sandbox's domain."""
    route = route_to(SandboxSettings().listen)
    assert (route.host, route.port, route.tls) == ("127.0.0.1", 2527, "off")
