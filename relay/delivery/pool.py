"""
Connections: which to keep, which to open, and how to open one.

``plan`` decides (pure, plain data in and out); ``Pool`` does what was decided. A destination's idle connections are
its own: their TLS and login belong to its key.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from relay.delivery.connection import Connection
from relay.delivery.dialogue import Outcome
from relay.delivery.patience import SESSION_LIMIT
from relay.delivery.race import End, Race
from relay.delivery.route import Destination, Host, in_order
from relay.delivery.tls import TlsContexts
from relay.settings import DeliverySettings
from store.nouns import Phase, Reason
from store.plain import dataclass

OPENING_LIMIT = 600.0  # seconds for all hosts and addresses of one attempt (robustness.md N12)
FAILING = 300.0  # an address that did not answer is tried last for so long
NO_TLS = 3600.0  # an address whose TLS handshake failed is spoken to in clear for so long (opportunistic only)
MOST_PUT_OFF = 5  # mails in a row that a host refused for now, after which the next goes over another connection
_REMEMBERED = 10_000
_GOODBYE = 1.0  # seconds for the other side to close too, at the end

_LATE = Outcome(Phase.CONNECT, None, "no host answered in time", Reason.CONNECTION_FAILED, permanent=False)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do for one destination: take ``reuse`` idle connections, close ``evict`` of others, open ``open``."""

    reuse: int = 0
    open: int = 0
    evict: int = 0
    starved: bool = False  # it would have needed more: serve it when a place is free


def plan(
    *, waiting: int, busy: int, idle: int, limit: int, total: int, most: int, idle_elsewhere: int, first: bool = False
) -> Plan:
    """
    Decide about the connections of one destination.

    Args:
        waiting: Mails that no connection works on.
        busy: Its connections at work or being opened.
        idle: Its idle connections.
        limit: The most it may have at work now.
        total: Open connections of all destinations, idle ones and those being opened included.
        most: The most there may be in all. The last eighth is kept for those with ``first``, so that what waits
            for busy and slow destinations, however many, cannot take every place.
        idle_elsewhere: Idle connections of other destinations, which make room.
        first: What waits is fresh, for a destination that is not known to be slow and has no connection at work.
    """
    wanted = max(0, min(waiting, limit - busy))
    reuse = min(wanted, idle)
    missing = wanted - reuse
    if not missing:
        return Plan(reuse)
    may_be = most - most // 8
    if first and not busy and not reuse:
        may_be = min(most, max(may_be, total - idle_elsewhere + 1))  # one of the last places
    opened = min(missing, max(0, may_be - (total - idle_elsewhere)))
    evict = max(0, total + opened - may_be)
    return Plan(reuse, opened, evict if opened else 0, starved=opened < missing)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No address of a destination could be spoken to: the outcome that tells it best, and whose it was."""

    outcome: Outcome
    host: str
    address: str
    transcript: str = ""  # what was said to all that were tried

    @property
    def permanent(self) -> bool:
        """Whether every host refused for good."""
        return _permanent(self.outcome)


def sum_up(failures: list[Unreachable]) -> Unreachable:
    """
    Choose the failure that stands for all: permanent only when every one was, and a reply rather than silence.

    ``failures`` are in the order of trying, at least one.
    """
    passing = [failure for failure in failures if not failure.permanent]
    told = [failure for failure in passing or failures if failure.outcome.reply is not None]
    return (told or passing or failures)[-1]


def _permanent(outcome: Outcome) -> bool:
    if outcome.permanent is not None:
        return outcome.permanent
    return outcome.reply is not None and outcome.reply.permanent


class Proofs(Protocol):
    """Judges what hosts show; ``protection.Protection`` does."""

    def refusal(self, host: Host, chain: Sequence[bytes]) -> str:
        """Say why a host under DANE is not who it should be; "" when it is."""

    def proven(self, host: Host) -> None:
        """Note that a host has proved what was demanded of it."""


class Results(Protocol):
    """Counts how TLS went; ``tls_results.TlsResults`` does."""

    def session(self, domain: str, session: Connection, outcome: Outcome | None) -> None:
        """Count a session; the outcome says why it could not be opened."""


class Pool:
    """
    Opens connections and keeps idle ones for ``settings.connection_idle`` seconds.

    ``draw`` gives 0.0 up to 1.0: it shuffles hosts of one preference. ``proofs`` None: there are no demands of DANE.
    ``results`` None: nobody counts.
    """

    def __init__(
        self,
        *,
        hostname: str,
        settings: DeliverySettings,
        draw: Callable[[], float],
        contexts: TlsContexts | None = None,
        proofs: Proofs | None = None,
        results: Results | None = None,
    ) -> None:
        self.hostname = hostname  # ours
        self._settings = settings
        self._draw = draw
        self._proofs = proofs
        self._results = results
        self._contexts = contexts or TlsContexts()
        self._idle: dict[str, deque[Connection]] = {}
        self._by_age: OrderedDict[Connection, str] = OrderedDict()  # idle ones, the longest idle first
        self._failing: OrderedDict[tuple[str, int], float] = OrderedDict()  # until, loop time
        self._no_tls: OrderedDict[tuple[str, int], float] = OrderedDict()
        self._open: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def open_connections(self) -> int:
        """Connections in all, those that are being opened among them."""
        return len(self._open)

    @property
    def idle(self) -> int:
        """Idle connections in all."""
        return len(self._by_age)

    def idle_of(self, key: str) -> int:
        """Idle connections of one destination."""
        return len(self._idle.get(key, ()))

    def take(self, key: str) -> Connection | None:
        """Take the idle connection of a destination that was used last; None when there is none."""
        connections = self._idle.get(key)
        while connections:
            connection = connections[-1]
            self._forget(connection)
            if connection.usable:
                return connection
            connection.abort()
        return None

    def keep(self, key: str, connection: Connection) -> None:
        """Keep a connection for the next mail; one that takes no more is closed."""
        if not self.good(connection):
            connection.close()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        connection.on_gone = self._gone
        self._idle.setdefault(key, deque()).append(connection)
        self._by_age[connection] = key
        if self._timer is None:
            self._timer = loop.call_later(self._settings.connection_idle, self._close_idle)

    def good(self, connection: Connection) -> bool:
        """
        Whether a connection may carry another mail: open, in step, not old, and not at the end of its share.

        One host of several may put everything off (its disk is full, its scanner is down): mails that are tried again
        soon would keep the connection to it, and never come to the hosts beside it.
        """
        young = asyncio.get_running_loop().time() < connection.connected_at + SESSION_LIMIT
        willing = connection.put_off < MOST_PUT_OFF
        return connection.usable and young and willing and connection.mails < self._settings.messages_per_connection

    def avoid(self, connection: Connection) -> None:
        """Try the address of a connection last for a while: it hung up on us, or said that it closes."""
        end = (connection.address, connection.host.port)
        _remember(self._failing, end, asyncio.get_running_loop().time() + FAILING)

    def evict(self, count: int, *, but: str) -> None:
        """Close the connections that are idle longest, to make room for the destination ``but``."""
        others = [connection for connection, key in self._by_age.items() if key != but]
        for connection in others[:count]:
            self._forget(connection)
            connection.close()

    async def open(self, destination: Destination, *, domain: str = "") -> Connection | Unreachable:
        """
        Open a connection, for mail to ``domain``: by preference, address after address, those that failed lately last.

        The next one is tried after a failure to connect, to greet, to make TLS or at EHLO; never after a mail began.
        """
        until = asyncio.get_running_loop().time() + OPENING_LIMIT
        ends = [End(*end) for end in in_order(destination, draw=self._draw, failing=self._is_failing)]
        race = Race(ends, make=self._connection, drop=self._open.discard)
        failures: list[Unreachable] = []
        said: list[str] = []
        try:
            while (tried := await self._next(race, until)) is not None:
                end, connection, failure = tried
                if self._results is not None and domain and not destination.by_route and not end.lenient:
                    self._results.session(domain, connection, failure)
                if failure is None:
                    if connection.transcript is not None:
                        connection.transcript.earlier = "\n".join(said)
                    return connection
                failures.append(Unreachable(failure, end.host.name, end.address))
                if connection.transcript is not None:
                    said.append(connection.transcript.text(failure.why))
                if connection.only_tested and failure.phase is Phase.TLS:
                    _log.info("%s would be refused if its MTA-STS policy were enforced: %s", end.host.name, failure.why)
                    race.again(replace(end, lenient=True))  # a policy that only tests keeps no mail back
        finally:
            race.call_off()
        if not failures:
            failures.append(Unreachable(_LATE, ends[0].host.name, ends[0].address))
        return replace(sum_up(failures), transcript="\n".join(said))

    async def _next(self, race: Race, until: float) -> tuple[End, Connection, Outcome | None] | None:
        """Give the next end that is ready for mail, or why it is not. None: there is none left, or no time."""
        try:
            async with asyncio.timeout_at(until):
                tried = await race.next()
        except TimeoutError:
            return None
        if tried is None:
            return None
        end, connection, failure = tried
        if failure is None:
            failure = await self._set_up(connection, until)
        else:
            self._open.discard(connection)
        return end, connection, self._noted(connection, failure)

    async def close(self) -> None:
        """Close every connection; those at work are aborted."""
        if self._timer is not None:
            self._timer.cancel()
        idle = set(self._by_age)
        self._idle.clear()
        self._by_age.clear()
        connections = list(self._open)
        for connection in connections:
            if connection in idle:
                connection.close()
            else:
                connection.abort()
        if connections:
            goodbyes = [asyncio.ensure_future(connection.gone()) for connection in connections]
            await asyncio.wait(goodbyes, timeout=_GOODBYE)
            for connection in connections:
                connection.abort()
            await asyncio.wait(goodbyes, timeout=_GOODBYE)
            for goodbye in goodbyes:
                goodbye.cancel()

    def _connection(self, end: End) -> Connection:
        clear_until = self._no_tls.get((end.address, end.host.port), 0.0)
        connection = Connection(
            end.host,
            end.address,
            hostname=self.hostname,
            settings=self._settings,
            contexts=self._contexts,
            clear=clear_until > asyncio.get_running_loop().time(),
            lenient=end.lenient,
            refusal=self._proofs.refusal if self._proofs is not None else None,
        )
        connection.on_gone = self._gone
        self._open.add(connection)
        return connection

    async def _set_up(self, connection: Connection, until: float) -> Outcome | None:
        """Make a connection ready for mail; the Outcome says why it is not."""
        try:
            async with asyncio.timeout_at(until):
                return await connection.set_up()
        except TimeoutError:
            return _LATE
        finally:
            if not connection.usable:
                self._open.discard(connection)

    def _noted(self, connection: Connection, failure: Outcome | None) -> Outcome | None:
        """Remember of an end how it went."""
        host = connection.host
        end = (connection.address, host.port)
        now = asyncio.get_running_loop().time()
        if failure is None:
            self._failing.pop(end, None)
            if connection.proven and self._proofs is not None:
                self._proofs.proven(host)
        elif not (connection.only_tested and failure.phase is Phase.TLS):
            _remember(self._failing, end, now + FAILING)
            if failure.phase is Phase.TLS and host.tls == "opportunistic":
                _remember(self._no_tls, end, now + NO_TLS)
        return failure

    def _is_failing(self, address: str, port: int) -> bool:
        return self._failing.get((address, port), 0.0) > asyncio.get_running_loop().time()

    def _gone(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        """Take a connection from the idle ones."""
        key = self._by_age.pop(connection, None)
        if key is not None:
            self._idle[key].remove(connection)
            if not self._idle[key]:
                del self._idle[key]

    def _close_idle(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        for connection in list(self._by_age):
            ends = connection.idle_since + self._settings.connection_idle
            if ends > loop.time():
                self._timer = loop.call_at(ends, self._close_idle)
                return
            self._forget(connection)
            connection.close()


def _remember(memory: OrderedDict[tuple[str, int], float], end: tuple[str, int], until: float) -> None:
    memory[end] = until
    memory.move_to_end(end)
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)
