"""
Opens a store: the one place where its parts are put together.

A serving process migrates the schema, takes the lock (SQLite), takes over what its dead predecessor held, and tells
the other nodes that it lives. A command line tool beside it does none of this.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import URL, text

from store.audit import Audit
from store.contents import Contents, Keeper, SegmentKeeper, TableKeeper, last_record
from store.credentials import Credentials
from store.domains import Domains
from store.dots import Dots
from store.engine import Reader, database_url, sqlite_file, sqlite_writer
from store.errors import StoreError, StoreMismatch
from store.figures import Figures
from store.find import Find
from store.heart import Heart
from store.ids import Ids
from store.journal import Journal
from store.letters import Letters
from store.lock import ProcessLock
from store.migrate import check, copy_before_upgrade, upgrade
from store.nodes import Nodes
from store.notices import Notices
from store.opens import Opens
from store.people import People
from store.queries.every import Queries
from store.queue import Queue
from store.reports import Reports
from store.retention import Retention
from store.room import Room
from store.secret_box import SecretBox
from store.segments import Segments
from store.sessions import Sessions
from store.settings import StoreSettings
from store.subjects import Subjects
from store.suppressions import Suppressions
from store.tls_results import TlsResults
from store.tokens import Tokens
from store.transcripts import Transcripts
from store.trouble import translated
from store.waiting import WaitingMail
from store.webhook_calls import WebhookCalls
from store.webhooks import Webhooks
from store.writer import Kind, Transaction, Writer
from store.writing import WriteConnection, write_connection

FURTHEST = 2 * 86_400.0  # seconds ahead that a recipient may be due; farther is a clock that was wrong (Q9)

_PROBE = text("UPDATE mark SET at = at WHERE name = ''")


def _probe(transaction: Transaction, wishes: list[None]) -> list[None]:
    transaction.connection.execute(_PROBE)
    return wishes


_PROBES: Kind[None, None] = Kind("probe", lambda transaction, wishes: _probe(transaction, list(wishes)))


class Store:
    """What is remembered. Made by ``open_store``."""

    def __init__(
        self,
        *,
        url: URL,
        settings: StoreSettings,
        clock: Callable[[], float],
        node_name: str,
        lock: ProcessLock | None,
        serving: bool,
        successor: bool = False,
        secret_keys: Sequence[bytes] = (),
    ) -> None:
        self.dialect = url.get_backend_name()
        self._lock = lock
        self._serving = serving
        self._successor = successor
        self._lease = settings.lease
        self._connection: WriteConnection = write_connection(url)
        self._reader = Reader(url)
        self._writer = Writer(self._connection, self.dialect)
        file = sqlite_file(url)
        self._segments = Segments(settings.contents, settings.segment_size) if file else None
        keeper: Keeper = SegmentKeeper(self._segments) if self._segments else TableKeeper(self._reader)
        self._nodes = Nodes(
            writer=self._writer,
            reader=self._reader,
            name=node_name,
            lease=settings.lease,
            alone=lock is not None,
            clock=clock,
        )
        self._room = Room([file.parent, settings.contents] if file else [], settings.reserve, clock)
        self._dots = Dots(file.with_name(f"{file.name}.dots") if file else None)
        self.queue = Queue(
            writer=self._writer,
            reader=self._reader,
            keeper=keeper,
            nodes=self._nodes,
            room=self._room,
            dots=self._dots,
            clock=clock,
        )
        self.letters = Letters(
            reader=self._reader, writer=self._writer, nodes=self._nodes, keeper=keeper, room=self._room, clock=clock
        )
        self.notices = Notices(self._reader, self.letters)
        self.tls_results = TlsResults(self._reader, self._writer)
        self.contents = Contents(keeper, self._reader, self._writer, clock)
        self.journal = Journal(self._reader, self._writer)
        self.suppressions = Suppressions(self._reader, self._writer, clock)
        self.credentials = Credentials(self._reader, self._writer, clock)
        self.tokens = Tokens(self._reader, self._writer, clock)
        self.people = People(self._reader, self._writer, clock)
        self.sessions = Sessions(self._reader, self._writer, self._nodes, clock)
        self.audit = Audit(self._reader, self._writer, self._nodes, clock)
        self.opens = Opens(self._reader, self._writer, self._nodes, clock)
        self.reports = Reports(self._reader, self._writer, self._nodes)
        self.find = Find(self._reader)
        self.domains = Domains(self._reader, clock)
        self.waiting = WaitingMail(self._reader)
        self.queries = Queries(self._reader, file=file, clock=clock)
        self.transcripts = Transcripts(self._reader, self._writer, self._nodes)
        self.webhooks = Webhooks(self._reader, self._writer, self._nodes, clock, SecretBox(secret_keys))
        self.webhook_calls = WebhookCalls(self._reader, self._writer, self._nodes)
        self.measures = self._writer.measures
        self.figures = Figures(
            self._reader,
            self.webhooks,
            self.webhook_calls,
            file=file,
            contents=settings.contents if file else None,
        )
        self.subjects = Subjects(self._reader, self._writer, self._nodes, self.contents, clock)
        self.retention = Retention(
            settings.retention,
            reader=self._reader,
            writer=self._writer,
            contents=self.contents,
            segments=self._segments,
        )
        self._heart: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def ids(self) -> Ids:
        """Makes ids of this process. A tool calls ``join`` first."""
        return self._nodes.ids

    @property
    def node(self) -> int:
        """Our number among the nodes."""
        return self._nodes.ids.node

    @property
    def writable(self) -> bool:
        """Whether the last transaction could be committed, and there is room for new mail."""
        try:
            self._room.check()
        except StoreError:
            return False
        return self._writer.trouble is None

    async def join(self) -> None:
        """Take a number for making ids, unless that was done."""
        await self._nodes.join()

    async def check(self) -> None:
        """Raise StoreUnavailable when the store cannot be written, or is below its reserve."""
        self._room.check()
        await self._writer.submit(_PROBES, None)

    async def start(self) -> None:
        """Begin to write; ``open_store`` calls it."""
        self._writer.start()
        if not self._serving:
            return
        if self._segments is not None:
            self._segments.resume(*await self._reader.run(last_record))
        await self._nodes.join()
        self._dots.heard(self._nodes.life)  # before the first claim: a life without its file is one in doubt
        if self._successor:
            await self._nodes.end_namesakes()
        await self.queue.release_lapsed()
        await self.queue.clamp(FURTHEST)
        if self._lock is not None:
            await self._nodes.end_others()
        await self.webhooks.seal_again()
        heart = Heart(self._writer, self._beat, self._lease / 3)
        self._heart = asyncio.create_task(heart.run(), name="store heart-beat")

    async def _beat(self) -> None:
        """Tell the others that we live."""
        await self._nodes.beat()
        await self.queue.clamp(FURTHEST)

    async def close(self) -> None:
        """Give back what we hold, write what waits, and close all. Again: nothing happens."""
        if self._closed:
            return
        self._closed = True
        if self._heart is not None:
            self._heart.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._heart
        with contextlib.suppress(StoreError):  # what cannot be given back now is taken over later
            await self.queue.give_all_back()
            await self._nodes.leave()
            self._dots.leave()
        await self._writer.stop()
        await self._connection.close()
        await self._reader.close()
        if self._segments is not None:
            self._segments.close()
        self._dots.close()
        if self._lock is not None:
            self._lock.release()


async def open_store(
    settings: StoreSettings,
    *,
    clock: Callable[[], float],
    node_name: str,
    serving: bool,
    successor: bool = False,
    secret_keys: Sequence[bytes] = (),
) -> Store:
    """
    Open the store of the configuration.

    Args:
        settings: ``[store]``.
        clock: Unix seconds, UTC.
        node_name: What operators know this process by.
        serving: The relay itself; False: a tool beside it.
        successor: Whoever had this name before is known to be gone, so what it held is taken over at once, and not
            when its lease has passed.
        secret_keys: What secrets that must be had in clear are sealed under, the current one first; none: they are not.

    Raises:
        StoreLocked: Another process serves from this SQLite file.
        StoreMismatch: The schema is not this program's, or a setting of the database breaks a promise.
        StoreUnavailable: It cannot be reached or written.
    """
    try:
        url = database_url(settings.url)
    except ValueError as error:
        raise StoreMismatch(str(error)) from error
    file = sqlite_file(url)
    lock = await asyncio.to_thread(_prepare, file, settings.contents) if file and serving else None
    store = None
    try:
        if file:
            await asyncio.to_thread(_schema_of_sqlite, url, serving=serving)
        else:
            await _schema_of_postgresql(url, serving=serving)
        store = Store(
            url=url,
            settings=settings,
            clock=clock,
            node_name=node_name,
            lock=lock,
            serving=serving,
            successor=successor,
            secret_keys=secret_keys,
        )
        await store.start()
    except BaseException as error:
        if store is not None:
            await store.close()
        elif lock is not None:
            lock.release()
        if isinstance(error, Exception) and (known := translated(error)) is not error:
            raise known from error
        raise
    return store


def _prepare(file: Path, contents: Path) -> ProcessLock:
    """Make the directories and take the lock."""
    file.parent.mkdir(parents=True, exist_ok=True)
    contents.mkdir(parents=True, exist_ok=True, mode=0o700)
    return ProcessLock(file)


def _schema_of_sqlite(url: URL, *, serving: bool) -> None:
    file = sqlite_file(url)
    assert file is not None
    if not serving and not file.exists():
        raise StoreMismatch(f"there is no store at {file}: start the relay once, it makes it")
    engine = sqlite_writer(url)
    try:
        if serving:
            copy_before_upgrade(file, engine)
        with engine.begin() as connection:
            (upgrade if serving else check)(connection)
    finally:
        engine.dispose()


async def _schema_of_postgresql(url: URL, *, serving: bool) -> None:
    connection = write_connection(url)
    try:
        await connection.run(upgrade if serving else check)
    finally:
        await connection.close()
