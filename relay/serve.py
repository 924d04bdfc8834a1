"""
Build the relay, run it, stop it.

Only here are the real clock and real randomness known; everything is made in ``start_*.py`` and handed in. ``_start``
reads top to bottom: keys, store, the way out, the way back, the pixel, the door for new mail, and last the pages, which
say whether all is up. It ends in the opposite order, so the door closes before what is behind it.
"""

import asyncio
import contextlib
import gc
import importlib
import importlib.util
import logging
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from logging import Logger
from pathlib import Path

from bounce.consequence import Consequence
from bounce.verp import ReturnPaths
from pixel.client import NoCountriesError
from pixel.opt_out import OptOutLinks
from pixel.token import Tokens
from relay.background import follow_journal, keep_swept, take_over_lapsed
from relay.config import Config
from relay.delivery.worker import Delivery
from relay.first_start import FirstSecrets, make_secrets, welcome
from relay.keys import KeyFileError, load_or_make, opt_out_keys, pixel_seal, return_path_seal, webhook_keys
from relay.log import configure
from relay.memory import keep_freed_memory
from relay.outgoing import Outgoing
from relay.parts import Parts
from relay.sandbox.world import Sandbox
from relay.signing import Signing
from relay.start_listeners import start_bounce, start_pixel, start_submission
from relay.start_pages import sending, start_admin, start_webhooks
from relay.start_way_out import ask_others, start_delivery, start_notify, start_tls_reports
from relay.supervisor import Line, Supervisor, WorkerCannotStart
from relay.workers import ALONE, Worker
from store.errors import StoreError
from store.open import Store, open_store

_COLLECT = (10_000, 20, 20)  # a batch of rows lives for some milliseconds: no reason to look for cycles in it
_TURN = 0.001  # seconds that the event loop waits at most for Python's lock while the store's thread computes


class CannotStart(Exception):
    """Something that the configuration could not tell keeps the relay from starting; one plain sentence."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay that runs."""

    store: Store
    secrets: FirstSecrets  # the passwords made at this start
    addresses: dict[str, str]  # "submission", "bounce", "pixel", "admin" -> "127.0.0.1:2525"


def run(config: Config, config_path: Path) -> bool:
    """
    Serve until SIGINT or SIGTERM, then stop cleanly: by itself, or with ``relay.workers`` children.

    Returns:
        Whether all stopped well.

    Raises:
        CannotStart: The store is taken by another process, a key file is damaged, and the like.
    """
    log = configure(config.relay.log)
    if config.relay.workers == 1:
        _run_one(config, config_path, log, Worker(), None)
        return True

    gc.enable()  # each worker collects for itself what it loads; the supervisor loads nothing more
    family = secrets.token_hex(6)
    with tempfile.TemporaryDirectory(prefix="homing-") as folder:

        def serve(number: int, line: Line) -> str:
            worker = Worker(number, config.relay.workers, family, Path(folder))
            try:
                _run_one(config, config_path, log, worker, line)
            except CannotStart as error:
                return str(error)
            return ""

        try:
            return Supervisor(config.relay.workers, serve, time.monotonic).run()
        except WorkerCannotStart as error:
            raise CannotStart(str(error)) from None


def _run_one(config: Config, config_path: Path, log: Logger, worker: Worker, line: Line | None) -> None:
    with asyncio.Runner(loop_factory=_loop_factory(config.relay.event_loop)) as runner:
        runner.run(_serve(config, config_path, log, worker, line))


def _loop_factory(choice: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Choose the event loop; None is asyncio's own."""
    if choice == "asyncio":
        return None
    if importlib.util.find_spec("uvloop") is None:
        if choice == "uvloop":
            raise CannotStart('[relay] event_loop: "uvloop" is not installed; the extra `speed` brings it')
        return None
    return importlib.import_module("uvloop").new_event_loop  # type: ignore[no-any-return]  # the extra has no types here


async def _serve(config: Config, config_path: Path, log: Logger, worker: Worker, line: Line | None) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    if line is not None:
        loop.add_reader(line.life, _leave_with_supervisor, loop, line.life, stopping)
    async with running(worker.part_of(config), log=log, worker=worker) as relay:
        # What is there now stays: a collection that walks over it all again stops everything for tens of milliseconds.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT)
        gc.enable()
        sys.setswitchinterval(_TURN)
        keep_freed_memory()
        if worker.is_first:
            print(welcome(config, relay.secrets, relay.addresses, _command(config_path)), flush=True)  # noqa: T201
        if line is not None:
            line.ready()
        await stopping.wait()
        log.info("stopping: no new mail is taken, what is under way is finished")
    log.info("stopped")


def _leave_with_supervisor(loop: asyncio.AbstractEventLoop, life: int, stopping: asyncio.Event) -> None:
    """Stop as by SIGTERM: the supervisor is gone, and nobody would start this worker again."""
    loop.remove_reader(life)
    stopping.set()


@asynccontextmanager
async def running(
    config: Config,
    *,
    log: Logger,
    clock: Callable[[], float] = time.time,
    draw: Callable[[], float] = random.random,
    worker: Worker = ALONE,
) -> AsyncIterator[Relay]:
    """
    Run a relay for as long as the context lasts, and stop it cleanly.

    Args:
        config: Checked by ``relay.preflight.load``, or with free ports (``127.0.0.1:0``) in tests.
        log: Where lines go.
        clock: Unix seconds, UTC.
        draw: Random numbers from 0.0 up to 1.0, for jitter and the order of hosts.
        worker: Which of several it is.

    Raises:
        CannotStart: In one plain sentence; what had been started is stopped again.
    """
    async with AsyncExitStack() as stack:
        try:
            relay = await _start(Parts(config, stack, clock, draw, secrets.token_bytes, log, worker))
        except (KeyFileError, NoCountriesError, StoreError, OSError) as error:
            raise CannotStart(str(error)) from error
        yield relay


async def _start(parts: Parts) -> Relay:
    """Start every part, each after those it needs."""
    config = parts.config
    keys, _ = load_or_make(config.relay.master_key, secrets.token_bytes)
    tokens = Tokens(pixel_seal(keys))
    return_paths = ReturnPaths(
        return_path_seal(keys),
        config.bounce_domain,
        config.bounce.return_path_lifetime,
        aligned=config.bounce.aligned_domains,
    )

    store = await open_store(
        config.store,
        clock=parts.clock,
        node_name=_node_name(parts.worker),
        serving=True,
        successor=bool(parts.worker.name),
        secret_keys=webhook_keys(keys),
    )
    parts.stack.push_async_callback(store.close)
    made = await make_secrets(store, secrets.token_urlsafe(12))
    consequence = Consequence(store.queue, store.reports, raw_copy=config.bounce.raw_copy)
    outgoing = Outgoing(tokens=tokens, return_paths=return_paths, base_url=config.pixel.url_for)
    signing = Signing(config.relay.dkim, clock=parts.clock, log=parts.log.getChild("dkim"))
    parts.stack.callback(signing.close)

    sandbox = await _start_sandbox(parts)
    others = ask_others(parts)
    delivery = start_delivery(
        parts, store, sandbox=sandbox, outgoing=outgoing, signing=signing, consequence=consequence, others=others
    )
    bounce = await start_bounce(parts, store, return_paths, consequence, delivery)
    pixel = await start_pixel(parts, store, tokens, OptOutLinks(opt_out_keys(keys)))
    if sandbox is not None:
        sandbox.reach(pixel=pixel, bounces=bounce)
    start_notify(parts, store, delivery, return_paths)
    start_tls_reports(parts, store, delivery, signing, others)
    _start_background(parts, store, delivery)
    submission = await start_submission(parts, store, delivery, outgoing, signing)
    may_send = sending(parts, store, delivery, outgoing, signing)
    hooks = start_webhooks(parts, store, others)
    admin = await start_admin(
        parts, store, delivery, submission=submission, may_send=may_send, hooks=hooks, others=others, keys=keys
    )
    return Relay(store, made, {"submission": submission, "bounce": bounce, "pixel": pixel, "admin": admin})


async def _start_sandbox(parts: Parts) -> Sandbox | None:
    """Start the scripted domain, where the configuration wants it; one serves all workers."""
    if not parts.config.relay.sandbox.enabled or not parts.worker.is_first:
        return None
    sandbox = Sandbox(parts.config.relay.sandbox, clock=parts.clock, log=parts.log.getChild("sandbox"))
    await sandbox.start()
    parts.stack.push_async_callback(sandbox.stop)
    return sandbox


def _start_background(parts: Parts, store: Store, delivery: Delivery) -> None:
    """Start what goes on beside the mail."""
    lease = parts.config.store.lease
    parts.run_beside(take_over_lapsed(store, every=lease / 3, wake=delivery.wake, log=parts.log))
    if not parts.worker.is_first:
        return
    parts.run_beside(keep_swept(store, clock=parts.clock, log=parts.log))
    if parts.log.isEnabledFor(logging.INFO):
        parts.run_beside(follow_journal(store, log=parts.log, write=parts.log.getChild("events").info))


def _node_name(worker: Worker) -> str:
    return f"{os.uname().nodename}/{worker.name or os.getpid()}"


def _command(config_path: Path) -> str:
    """Say how this program is called here, as one would type it."""
    program = Path(sys.argv[0])
    with contextlib.suppress(ValueError):
        program = program.absolute().relative_to(Path.cwd())
    return str(program) if config_path == Path("config.toml") else f"HOMING_CONFIG={config_path} {program}"
