"""
``homing demo``: a whole world on this machine, that shows every status within a minute.

A relay as ``homing serve`` runs it, in a temporary directory; a music school that mails invoices to it; made-up domains
with a DNS of their own; and the sandbox's mail server, whose recipients open, bounce, defer and prefetch. Nothing
leaves loopback, and nothing is left behind.
"""

import asyncio
import contextlib
import logging
import signal
import smtplib
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live

from admin.settings import AdminSettings
from bounce.settings import BounceSettings
from pixel.settings import PixelSettings
from relay.config import Config
from relay.demo_screen import Screen
from relay.demo_tally import Tally
from relay.first_start import FIRST_PERSON
from relay.sandbox.behaviour import PERSON_OPENS, Behaviour
from relay.sandbox.cast import Person, behaviours, cast, dns_table, reminded
from relay.sandbox.invoices import SENDER, invoice_mail
from relay.sandbox.names import NameServer
from relay.sandbox.world import Sandbox
from relay.serve import Relay, running
from relay.settings import (
    DeliverySettings,
    DkimSettings,
    DnsSettings,
    LogSettings,
    RelaySettings,
    SandboxSettings,
    SubmissionSettings,
)
from store.nouns import RecipientStatus
from store.settings import StoreSettings

SENDING_SECONDS = 18.0  # for the first mails
REMINDERS_AFTER = 6.0  # seconds after the last of them: by then later bounces have come back
REMINDER_SHARE = 0.08
PATIENCE = 100.0  # seconds after which the demo ends, whatever is still open
QUIET = 2.0  # seconds without news, when all is settled
HASTE = 1.1  # seconds: who loads a pixel sooner after the delivery is not taken for a person, however fast the demo
_SCHEDULE = (4.0, 6.0, 8.0)
_MAX_AGE = 30.0
_TICK = 0.25
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class World:
    """What runs during the demo."""

    relay: Relay
    sandbox: Sandbox
    people: list[Person]
    speed: float  # all waits are divided by it


def run(*, mails: int, stay: bool) -> int:
    """
    Run the demo on the terminal.

    Args:
        mails: How many mails are sent.
        stay: Keep running when all is done, until Ctrl-C.

    Returns:
        The exit status: 0 when every status was seen.
    """
    return asyncio.run(_main(Console(), mails, stay=stay))


async def _main(console: Console, mails: int, *, stay: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tally = Tally()
    async with demo_world(mails) as world:
        await show(world, tally, console, stop, mails)
        if stay and not stop.is_set():
            console.print("\nThe relay keeps running. Ctrl-C ends it.")
            await stop.wait()
    missing = set(RecipientStatus) - {RecipientStatus.SENDING} - tally.counts().keys()
    return 1 if missing else 0


@asynccontextmanager
async def demo_world(mails: int, *, speed: float = 1.0) -> AsyncIterator[World]:
    """Start everything on loopback, and stop it at the end: names, recipients, relay."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(max(seconds / speed, min(seconds, HASTE)))

    log = logging.getLogger("homing.demo")
    log.setLevel(logging.ERROR)  # deferrals are what one came to see; a line for each would hide them
    people = cast(max(1, mails - round(mails * REMINDER_SHARE)))
    acts = behaviours(people)

    def behaviour(forward_path: str) -> Behaviour:
        return acts.get(forward_path.lower(), PERSON_OPENS)

    with tempfile.TemporaryDirectory(prefix="homing-demo-") as directory:
        names = NameServer(dns_table(), log=log)
        await names.start()
        sandbox = Sandbox(
            SandboxSettings(domain="demo.test", listen=f"{_HOST}:0"),
            clock=time.time,
            log=log,
            sleep=sleep,
            behaviour=behaviour,
        )
        await sandbox.start()
        try:
            config = demo_config(
                Path(directory), nameserver=names.address, mail_port=_port(sandbox.address), speed=speed
            )
            async with running(config, log=log) as relay:
                sandbox.reach(pixel=relay.addresses["pixel"], bounces=relay.addresses["bounce"])
                yield World(relay, sandbox, people, speed)
                await sandbox.stop()
        finally:
            await sandbox.stop()
            names.stop()


def demo_config(directory: Path, *, nameserver: str, mail_port: int, speed: float = 1.0) -> Config:
    """Give a configuration with free ports, everything below ``directory``, and retries within seconds."""
    pixel = f"{_HOST}:{_free_port()}"  # has to be known before it is listened at: it stands in the mails
    return Config(
        relay=RelaySettings(
            hostname="relay.demo.test",
            master_key=directory / "master.key",
            dkim=DkimSettings(keys=directory / "dkim"),
            submission=SubmissionSettings(listen=(f"{_HOST}:0",), certificate=None, private_key=None),
            delivery=DeliverySettings(
                port=mail_port,
                schedule=tuple(step / speed for step in _SCHEDULE),
                max_age=_MAX_AGE / speed,
                allow_private_destinations=("127.0.0.0/8",),
                ipv6=False,
                connect_timeout=5.0,
                drain=5.0,
            ),
            dns=DnsSettings(nameservers=(nameserver,)),
            sandbox=SandboxSettings(enabled=False),
            log=LogSettings(level="warning"),
        ),
        bounce=BounceSettings(listen=(f"{_HOST}:0",), domain="bounces.demo.test"),
        pixel=PixelSettings(listen=(pixel,), base_url=f"http://{pixel}"),
        admin=AdminSettings(listen=(f"{_HOST}:0",)),
        store=StoreSettings(url=f"sqlite:///{directory}/homing.db", contents=directory / "contents", reserve=0),
    )


async def show(world: World, tally: Tally, console: Console, stop: asyncio.Event, mails: int) -> None:
    """Send all mails and show what becomes of them, until all is settled, or ``stop``."""
    screen = Screen(
        console,
        tally,
        pages=f"http://{world.relay.addresses['admin']}/",
        user=FIRST_PERSON,
        password=world.relay.secrets.admin_password,
    )
    console.print(screen.intro(), soft_wrap=True)

    def print_news() -> None:
        for line in screen.new_lines():
            console.print(line, soft_wrap=True)

    following = asyncio.create_task(_follow(world.relay, tally))
    sending = asyncio.create_task(_send_all(world, stop, mails - len(world.people)))
    try:
        if console.is_terminal:
            with Live(screen, console=console, refresh_per_second=round(1 / _TICK), transient=True):
                await _until_settled(world, tally, sending, stop)
        else:
            await _until_settled(world, tally, sending, stop, each_tick=print_news)
    finally:
        stop_sending = [following, sending]
        for task in stop_sending:
            task.cancel()
        await asyncio.wait(stop_sending)
    if sending.done() and not sending.cancelled() and (error := sending.exception()):
        console.print(f"The sending ended early: {error}", style="red")
    console.print(screen.summary())


async def _follow(relay: Relay, tally: Tally) -> None:
    async for record in relay.store.journal.follow(0):
        tally.note(record)


async def _until_settled(
    world: World,
    tally: Tally,
    sending: asyncio.Task[None],
    stop: asyncio.Event,
    *,
    each_tick: Callable[[], None] | None = None,
) -> None:
    """Wait until all mails are sent and settled, no recipient has anything left to do, and no news comes."""
    started = last_news = time.monotonic()
    seen = 0
    while not stop.is_set() and time.monotonic() - started < PATIENCE:
        await _wait(stop, _TICK)
        if each_tick is not None:
            each_tick()
        if tally.events > seen or not sending.done() or tally.waiting or world.sandbox.pending:
            seen, last_news = tally.events, time.monotonic()
        elif time.monotonic() - last_news > QUIET / world.speed:
            return


async def _send_all(world: World, stop: asyncio.Event, reminders: int) -> None:
    """Send the invoices at an even pace, and later the reminders."""
    people = world.people
    await _send(world.relay, people, "invoice", SENDING_SECONDS / world.speed / len(people))
    await _wait(stop, REMINDERS_AFTER / world.speed)
    if not stop.is_set():
        await _send(world.relay, reminded(people, reminders), "reminder", 0.1 / world.speed)


async def _send(relay: Relay, people: Sequence[Person], kind: str, pause: float) -> None:
    """Send one mail to each in a thread, by Python's own client, as an application would."""
    enough = threading.Event()

    def send_each() -> None:
        host, _, port = relay.addresses["submission"].rpartition(":")
        with smtplib.SMTP(host, int(port), timeout=30) as client:
            client.login(relay.secrets.user, relay.secrets.password)
            for person in people:
                if enough.wait(pause):
                    return
                client.sendmail(SENDER, [person.address], invoice_mail(person, kind, time.time()))

    work = asyncio.create_task(asyncio.to_thread(send_each))
    try:
        await asyncio.shield(work)
    finally:
        enough.set()
        await work


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    """Wait, but not longer than until ``stop``."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
