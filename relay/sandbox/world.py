"""
The sandbox: a mail server whose recipients act out what recipients do.

Reactions wait by a sleep that is handed in, so that a test need not wait. Everything goes to loopback: the pixel and
the return paths are reached where this machine listens for them, whatever name stands in the mail.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

import aiohttp

from relay.sandbox.behaviour import Behaviour, Later, Reaction, behaviour_of
from relay.sandbox.letters import About, Letter, auto_reply, bounce, complaint
from relay.sandbox.mx import MailServer
from relay.sandbox.reading import header_of, pixel_paths
from relay.sandbox.sender import NotTaken, send
from relay.settings import Route, SandboxSettings
from store.nouns import Reply

_MOST_PENDING = 20_000  # reactions that wait at once; beyond that recipients stay silent
_REMEMBERED = 20_000  # mails whose tries are counted
_PATIENCE = 10.0  # seconds to load a picture
_LETTER_TRIES = 5
_LETTER_WAIT = 5.0  # seconds before the next try to send a letter back


def route_to(listen: str) -> Route:
    """Give the route by which mail for the sandbox's domain goes to it; ``listen`` is ``host:port``."""
    host, port = _loopback(listen)
    return Route(host=host, port=port, tls="off")


class Sandbox:
    """
    The scripted world behind one mail server.

    ``opened``, ``sent_back`` and ``failed`` count pixels loaded, letters sent back, and either that did not work.
    """

    def __init__(
        self,
        settings: SandboxSettings,
        *,
        clock: Callable[[], float],
        log: logging.Logger,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        behaviour: Callable[[str], Behaviour] = behaviour_of,
    ) -> None:
        """
        Build it.

        Args:
            settings: Its domain, and where it listens.
            clock: Unix seconds, UTC.
            log: Where faults are told.
            sleep: How reactions wait.
            behaviour: What becomes of a mail to an address.
        """
        self._settings = settings
        self._clock = clock
        self._log = log
        self._sleep = sleep
        self._behaviour = behaviour
        self._hostname = f"mx.{settings.domain}"
        self._mx = MailServer(self, hostname=self._hostname, log=log)
        self._tries: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._pending: set[asyncio.Task[None]] = set()
        self._pixel: tuple[str, int] | None = None
        self._bounces: tuple[str, int] | None = None
        self._http: aiohttp.ClientSession | None = None
        self.opened = 0
        self.sent_back = 0
        self.failed = 0

    @property
    def address(self) -> str:
        """``host:port`` of the mail server, once it runs."""
        host, port = self._mx.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def pending(self) -> int:
        """How many reactions are still to come."""
        return len(self._pending)

    async def start(self) -> None:
        """Listen. OSError when that is not possible, or the address is not one of loopback."""
        try:
            host, port = _loopback(self._settings.listen)
        except ValueError as error:
            raise OSError(f"the sandbox: {error}") from None
        await self._mx.start(host, port)
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_PATIENCE), trust_env=False, skip_auto_headers=("User-Agent", "Accept")
        )

    def reach(self, *, pixel: str, bounces: str) -> None:
        """
        Say where the relay listens on this machine, each as ``host:port``.

        An address that means "all" is reached at loopback. One that is not of loopback is not reached at all: the
        recipients then do not open, or send nothing back, and the log says why.
        """
        self._pixel = self._reachable("the pixel", pixel)
        self._bounces = self._reachable("the return paths", bounces)

    def _reachable(self, what: str, address: str) -> tuple[str, int] | None:
        try:
            return _loopback(address)
        except ValueError as error:
            self._log.warning("the sandbox's recipients cannot reach %s: %s", what, error)
            return None

    async def stop(self) -> None:
        """Stop listening, and forget reactions that are still to come."""
        await self._mx.stop()
        for task in self._pending:
            task.cancel()
        if self._pending:
            await asyncio.wait(self._pending)
        if self._http is not None:
            await self._http.close()

    def rcpt(self, reverse_path: str, forward_path: str) -> Reply | None:
        """Answer RCPT as the script says."""
        behaviour = self._behaviour(forward_path)
        if behaviour.rcpt is None:
            return None
        if behaviour.tries is None or self._count_try(reverse_path, forward_path) <= behaviour.tries:
            return behaviour.rcpt
        return None

    def data(self, reverse_path: str, forward_paths: list[str], content: bytes) -> Reply | None:
        """Answer the final dot as the script says, and let the recipients react later."""
        behaviours = {path: self._behaviour(path) for path in forward_paths}
        for behaviour in behaviours.values():
            if behaviour.data is not None:
                return behaviour.data
        for path, behaviour in behaviours.items():
            about = About(
                reverse_path=reverse_path,
                forward_path=path,
                header=header_of(content),
                arrived_at=self._clock(),
                host=self._hostname,
            )
            for later in behaviour.later:
                self._react_later(later, about, content)
        return None

    def _count_try(self, reverse_path: str, forward_path: str) -> int:
        """Count how often this very mail came: as greylisting does, by the pair of its paths."""
        key = (reverse_path, forward_path)
        self._tries[key] = self._tries.pop(key, 0) + 1
        if len(self._tries) > _REMEMBERED:
            self._tries.popitem(last=False)
        return self._tries[key]

    def _react_later(self, later: Later, about: About, content: bytes) -> None:
        if len(self._pending) >= _MOST_PENDING:
            return
        kept = content if later.reaction is Reaction.OPEN else b""
        task = asyncio.create_task(self._react(later, about, kept), name=f"sandbox: {later.reaction}")
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _react(self, later: Later, about: About, content: bytes) -> None:
        await self._sleep(later.seconds)
        try:
            if later.reaction is Reaction.OPEN:
                await self._open(content, later.agent)
            elif about.reverse_path:
                await self._send_back(self._letter(later, about))
        except (OSError, TimeoutError, aiohttp.ClientError, NotTaken) as error:
            self.failed += 1
            self._log.warning("sandbox: %s of %s did not work: %s", later.reaction, about.forward_path, error)

    async def _open(self, content: bytes, agent: str) -> None:
        """Load the pictures of a mail as a mail program does."""
        if self._pixel is None or self._http is None:
            return
        host, port = self._pixel
        for path in await asyncio.to_thread(pixel_paths, content):
            url = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
            async with self._http.get(url, headers={"User-Agent": agent, "Accept": "image/*"}) as answer:
                await answer.read()
            self.opened += 1

    def _letter(self, later: Later, about: About) -> Letter:
        now = self._clock()
        if later.reaction is Reaction.AUTO_REPLY:
            return auto_reply(about, now)
        if later.reaction is Reaction.COMPLAIN:
            return complaint(about, now)
        assert later.reply is not None, "a bounce says why"
        return bounce(about, later.reply, now)

    async def _send_back(self, letter: Letter) -> None:
        """Send a letter, again after a while when it is refused for now."""
        if self._bounces is None:
            return
        for tries_left in reversed(range(_LETTER_TRIES)):
            try:
                await send(letter, *self._bounces, self._hostname)
            except NotTaken as refusal:
                if not tries_left or not str(refusal).startswith("4"):
                    raise
                await self._sleep(_LETTER_WAIT)
            else:
                self.sent_back += 1
                return


def _loopback(address: str) -> tuple[str, int]:
    """Read ``host:port``; "all addresses" is loopback. ValueError for what lies outside this machine."""
    host, _, port = address.rpartition(":")
    parsed = ip_address(host.strip("[]"))
    if parsed.is_unspecified:
        return ("127.0.0.1" if parsed.version == 4 else "::1"), int(port)
    if not parsed.is_loopback:
        raise ValueError(f"{address} is not a loopback address, and the sandbox talks to no other")
    return str(parsed), int(port)
