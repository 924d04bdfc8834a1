"""relay/send_test.py: the mail that a newcomer sends first."""

import asyncio

import pytest

from relay import send_test
from relay.config import Config
from relay.preflight import host_and_port
from relay.send_test import NotTaken
from tests.conftest import Clock
from tests.relay.whole import Whole, whole


def test_the_mail_is_an_invoice_with_all_that_homing_tells() -> None:
    """Text and HTML, customer and invoice, who wrote it and to whom."""
    mail = send_test.invoice("office@club.test", "ann@sandbox.test")
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert (mail["X-Homing-Customer"], mail["X-Homing-Invoice"]) == ("4711", "INV-1042")
    assert "office@club.test" in mail["From"]
    assert mail["To"] == "ann@sandbox.test"
    assert all(len(line) <= 76 or b"<" in line for line in mail.as_bytes().splitlines())


async def sent(
    relay: Whole, *, user: str, password: str, sender: str = "office@club.test", to: str = "ann@x.test"
) -> str:
    host, port = host_and_port(relay.relay.addresses["submission"])
    return await asyncio.to_thread(
        send_test.send, host, port, user=user, password=password, sender=sender, recipient=to
    )


async def test_what_the_relay_answers_is_given(config: Config, clock: Clock) -> None:
    """The id in it finds the message; STARTTLS was used, with the relay's own certificate."""
    async with whole(config, clock) as relay:
        reply = await sent(relay, user=relay.user, password=relay.password)
        assert reply.startswith("250 2.0.0 Ok: queued as ")
        (found,) = await relay.relay.store.find.message(int(reply.rpartition(" ")[2]))
        assert found.recipient.invoice == "INV-1042"


async def test_a_refusal_is_told_in_the_relays_words(config: Config, clock: Clock) -> None:
    """Not as a tuple of Python, and never as if it had been taken."""
    async with whole(config, clock) as relay:
        with pytest.raises(NotTaken, match=r"^535 5\.7\.8 "):
            await sent(relay, user=relay.user, password="wrong")
        with pytest.raises(NotTaken, match=r"^530 5\.7\.0 "):
            await sent(relay, user="", password="")
        with pytest.raises(NotTaken, match=r"^5[0-9][0-9] 5\."):
            await sent(relay, user=relay.user, password=relay.password, to="no address")


async def test_nobody_listens() -> None:
    """The system's own error."""
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(
            send_test.send, "127.0.0.1", 1, user="", password="", sender="a@b.test", recipient="c@d.test"
        )
