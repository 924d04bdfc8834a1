"""
Reports about TLS for the domains that ask for them: ``[relay.tls] reports`` (RFC 8460).

Each minute the counts of ``delivery/tls_results.py`` go into the store. Once a day, some time after midnight UTC, the
day before is told: to each domain with a record at ``_smtp._tls``, by mail through our own queue or by HTTPS. The mails
and the note that the day was told are one transaction, so several nodes make one report of what all of them saw.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol

from relay.delivery.resolver import Found, TextAnswer
from relay.delivery.tls_results import TlsResults
from relay.message.received import received
from relay.tls_report import DAY, Places, Reporter, mail, packed, read_record, report, report_id
from store.addresses import address_key, ascii_domain, split_address
from store.errors import StoreError
from store.letters import Letter
from store.nouns import Job, NewMessage, NewRecipient, TlsResult, TrackingMode
from store.tls_results import KEPT_DAYS

NAME = "tls reports"  # of the follower
CREDENTIAL = "relay.tls"  # stands where other messages name the credential they came by
NO_PIXEL = "report about TLS"
EVERY = 60.0  # seconds between two writes of the counts
SPREAD = 4 * 3600.0  # seconds after midnight over which reports are spread (section 4.1 asks for it)

_log = logging.getLogger(__name__)


class Ids(Protocol):
    """What is needed of ``store.ids``."""

    def next(self) -> int:
        """Make an id."""


class Letters(Protocol):
    """What is needed of ``store.letters``."""

    async def begun(self, name: str, position: int) -> int:
        """Give the place up to which was told."""

    async def send(self, name: str, seen: int, to: int, letters: Sequence[Letter]) -> list[Job] | None:
        """Take letters into the queue."""


class Kept(Protocol):
    """What is needed of ``store.tls_results``."""

    async def add(self, results: Sequence[TlsResult]) -> None:
        """Add sessions."""

    async def of_day(self, day: int) -> list[TlsResult]:
        """Give a day's."""

    async def forget(self, day: int) -> None:
        """Delete a day and what was before."""


class Store(Protocol):
    """What is needed of the store."""

    @property
    def ids(self) -> Ids:
        """Makes ids of this process."""

    @property
    def letters(self) -> Letters:
        """Sends what we write."""

    @property
    def tls_results(self) -> Kept:
        """Keeps the counts."""


class Texts(Protocol):
    """What is asked of ``resolver.Resolver``."""

    async def texts(self, name: str) -> TextAnswer:
        """Find TXT records."""


class TlsReports:
    """Writes counts down, and reports."""

    def __init__(
        self,
        *,
        results: TlsResults,
        store: Store,
        names: Texts,
        reporter: Reporter,
        signs: Callable[[], bool],
        post: Callable[[str, bytes], Awaitable[str]],
        deliver: Callable[[Sequence[Job], bytes], None],
        max_age: float,
        clock: Callable[[], float],
        draw: Callable[[], float],
    ) -> None:
        """
        Keep what reports are made with.

        Args:
            results: The counts of this process.
            store: Where they are added up, and reports are written.
            names: Finds the records that ask for reports.
            reporter: Who we are.
            signs: Whether mail of the reporter's domain is signed now: mailed reports must be (section 5.3).
            post: Gives a report to an https URL; returns why that failed, "" when it did not.
            deliver: Given the jobs of each mailed report right behind the commit.
            max_age: Seconds that delivery of a report is tried.
            clock: Unix seconds, UTC.
            draw: 0.0 up to 1.0.
        """
        self._results = results
        self._store = store
        self._names = names
        self._reporter = reporter
        self._signs = signs
        self._post = post
        self._deliver = deliver
        self._max_age = max_age
        self._clock = clock
        self._wait = draw() * SPREAD

    async def run(self) -> None:
        """Write and report until cancelled, and then write what is counted."""
        failing = False
        try:
            while True:
                try:
                    await self._write()
                    await self._tell()
                    failing = False
                except StoreError as error:
                    if not failing:
                        _log.error("reports about TLS wait for the store: %s", error)
                    failing = True
                await asyncio.sleep(EVERY)
        finally:
            await self._write_last()

    async def _write(self) -> None:
        counted = self._results.take()
        if not counted:
            return
        try:
            await self._store.tls_results.add(counted)
        except BaseException:
            self._results.put_back(counted)
            raise

    async def _write_last(self) -> None:
        try:
            await self._write()
        except StoreError as error:
            _log.warning("the last counts of TLS sessions are lost: %s", error)

    async def _tell(self) -> None:
        """Tell the next day that is over, if it is time."""
        now = self._clock()
        today = int(now // DAY)
        told = await self._store.letters.begun(NAME, today - 1)
        if told >= today - 1 or now < today * DAY + self._wait:
            return
        day = max(told + 1, today - KEPT_DAYS)
        letters: list[Letter] = []
        results = await self._store.tls_results.of_day(day)
        for domain, some in itertools.groupby(results, key=lambda result: result.domain):
            letters += await self._about(domain, day, list(some), now)
        jobs = await self._store.letters.send(NAME, told, day, letters)
        for job in jobs or ():
            content = next(letter.content for letter in letters if letter.message.id == job.message_id)
            self._deliver([job], content)
        await self._store.tls_results.forget(day)

    async def _about(self, domain: str, day: int, results: Sequence[TlsResult], now: float) -> list[Letter]:
        """Post the report about a domain where it wants that, and give the mails to send."""
        answer = await self._names.texts(f"_smtp._tls.{domain}")
        places = read_record(answer.records) if isinstance(answer, Found) else Places()
        if not (places.mails or places.urls):
            return []
        content = packed(report(self._reporter, domain, day, results))
        for url in places.urls:
            why = await self._post(url, content)
            if why:
                _log.info("the report about TLS to %s could not be given to its web server: %s", domain, why)
        if places.mails and not self._signs():
            contact = self._reporter.contact
            _log.warning("no report about TLS is mailed to %s: mail from %s is not signed", domain, contact)
            return []
        return list(self._letters(domain, day, content, places.mails, now))

    def _letters(self, domain: str, day: int, content: bytes, to: Sequence[str], now: float) -> Iterator[Letter]:
        for address in to:
            made = mail(self._reporter, domain, day, content, to=address, now=now)
            message_id = self._store.ids.next()
            trace = received(
                helo=self._reporter.organization,
                client_address="",
                hostname=self._reporter.organization,
                protocol="ESMTP",
                queue_id=str(message_id),
                now=now,
            )
            message = NewMessage(
                id=message_id,
                accepted_at=now,
                expires_at=now + self._max_age,
                credential=CREDENTIAL,
                reverse_path=self._reporter.contact,
                header_from=self._reporter.contact,
                subject=f"Report Domain: {domain}",
                header_message_id=report_id(self._reporter, domain, day),
                size=len(made),
                no_pixel_why=NO_PIXEL,
                prepended=trace,
                client="report about TLS",
            )
            recipient = NewRecipient(
                id=self._store.ids.next(),
                forward_path=address,
                address_key=address_key(address),
                domain=ascii_domain(split_address(address)[1]),
                tracking=TrackingMode.OFF,
            )
            yield Letter(message, made, recipient)
