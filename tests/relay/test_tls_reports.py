"""relay/tls_reports.py: each day is told once, to whom asked for it."""

import asyncio
import gzip
import json
from collections.abc import Sequence
from typing import Any

import pytest

from relay.delivery.resolver import Found, NoRecord, TextAnswer
from relay.delivery.tls_results import TlsResults
from relay.tls_report import Reporter
from relay.tls_reports import CREDENTIAL, NAME, TlsReports
from store.errors import StoreUnavailable
from store.nouns import Job, TlsResult
from store.open import Store
from tests.conftest import Clock

DAY = 86_400
GOOD = json.dumps({"failure": None, "policy": {"policy-type": "no-policy-found"}})


class Rig:
    """A reporter over a real store; what it asks of others is scripted."""

    def __init__(self, store: Store, clock: Clock, *, signs: bool = True) -> None:
        self.store = store
        self.clock = clock
        self.records: dict[str, str] = {}
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.delivered: list[tuple[Job, bytes]] = []
        self.results = TlsResults(policy_of=lambda _: None, clock=clock)
        self.reports = TlsReports(
            results=self.results,
            store=store,
            names=self,
            reporter=Reporter(organization="relay.test", contact="postmaster@relay.test"),
            signs=lambda: signs,
            post=self.post,
            deliver=self.deliver,
            max_age=3600.0,
            clock=clock,
            draw=lambda: 0.5,
        )

    async def texts(self, name: str) -> TextAnswer:
        return Found((self.records[name],), 0.0) if name in self.records else NoRecord(0.0)

    async def post(self, url: str, content: bytes) -> str:
        self.posted.append((url, json.loads(gzip.decompress(content))))
        return ""

    def deliver(self, jobs: Sequence[Job], content: bytes) -> None:
        self.delivered += [(job, content) for job in jobs]

    async def once(self) -> None:
        """Go round once."""
        await self.reports._write()
        await self.reports._tell()

    @property
    def today(self) -> int:
        return int(self.clock() // DAY)

    def to_tomorrow(self, hours: float = 3.0) -> None:
        """Move the clock to so many hours after the next midnight."""
        self.clock.now = (self.today + 1) * DAY + hours * 3600.0


@pytest.fixture
def rig(store: Store, clock: Clock) -> Rig:
    return Rig(store, clock)


async def test_a_day_is_told_once_by_mail_and_by_https(rig: Rig) -> None:
    """Some time after midnight, as one mail with a status of its own, and one post; then its counts are gone."""
    rig.records["_smtp._tls.example.org"] = "v=TLSRPTv1; rua=mailto:tls@example.org,https://example.org/tls"
    await rig.once()
    day = rig.today
    await rig.store.tls_results.add([TlsResult(day, "example.org", GOOD, 3), TlsResult(day, "silent.test", GOOD, 1)])
    rig.to_tomorrow(hours=1.0)
    await rig.once()
    assert rig.delivered == []
    rig.clock.move(2 * 3600.0)
    await rig.once()
    await rig.once()
    ((job, content),) = rig.delivered
    assert (job.forward_path, job.reverse_path) == ("tls@example.org", "postmaster@relay.test")
    assert b"TLS-Report-Domain: example.org\r\n" in content
    (found,) = await rig.store.find.by_address("tls@example.org")
    assert found.recipient.credential == CREDENTIAL
    ((url, told),) = rig.posted
    assert url == "https://example.org/tls"
    assert told["policies"][0]["summary"]["total-successful-session-count"] == 3
    assert await rig.store.tls_results.of_day(day) == []


async def test_mail_that_would_not_be_signed_is_not_sent(store: Store, clock: Clock) -> None:
    """Reports by mail must be signed (section 5.3); those by HTTPS go all the same."""
    rig = Rig(store, clock, signs=False)
    rig.records["_smtp._tls.example.org"] = "v=TLSRPTv1; rua=mailto:tls@example.org,https://example.org/tls"
    await rig.once()
    await store.tls_results.add([TlsResult(rig.today, "example.org", GOOD, 3)])
    rig.to_tomorrow()
    await rig.once()
    assert (rig.delivered, len(rig.posted)) == ([], 1)


async def test_another_node_that_was_quicker_is_enough(rig: Rig) -> None:
    """The place where the day was told moves once."""
    rig.records["_smtp._tls.example.org"] = "v=TLSRPTv1; rua=mailto:tls@example.org"
    await rig.once()
    await rig.store.tls_results.add([TlsResult(rig.today, "example.org", GOOD, 3)])
    rig.to_tomorrow()
    both = [Rig(rig.store, rig.clock), rig]
    for each in both:
        each.records = rig.records
    await asyncio.gather(*(each.reports._tell() for each in both))
    assert sum(len(each.delivered) for each in both) == 1


async def test_days_that_nobody_told_are_told_one_after_the_other(rig: Rig) -> None:
    """After a stop of some days; what is older than a week is passed over."""
    rig.records["_smtp._tls.example.org"] = "v=TLSRPTv1; rua=https://example.org/tls"
    await rig.once()
    first = rig.today
    await rig.store.tls_results.add([TlsResult(first + n, "example.org", GOOD, 1) for n in range(10)])
    rig.clock.now = (first + 10) * DAY + 5 * 3600.0
    for _ in range(12):
        await rig.once()
    assert [told["date-range"]["start-datetime"][:10] for _, told in rig.posted] == [
        f"2026-09-{21 + n:02}" for n in range(3, 10)
    ]
    assert await rig.store.letters.begun(NAME, 0) == first + 9


async def test_counts_that_cannot_be_written_are_kept(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in the store when it takes them again."""
    rig.results.put_back([TlsResult(rig.today, "example.org", GOOD, 2)])

    async def refuse(results: Sequence[TlsResult]) -> None:
        raise StoreUnavailable(f"{len(results)} not written")

    with monkeypatch.context() as patched:
        patched.setattr(rig.store.tls_results, "add", refuse)
        with pytest.raises(StoreUnavailable):
            await rig.once()
    await rig.once()
    assert await rig.store.tls_results.of_day(rig.today) == [TlsResult(rig.today, "example.org", GOOD, 2)]


async def test_at_the_end_the_counts_are_written(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop loses none."""
    once = asyncio.Event()

    async def tell() -> None:
        once.set()

    monkeypatch.setattr(rig.reports, "_tell", tell)
    running = asyncio.create_task(rig.reports.run())
    await asyncio.wait_for(once.wait(), 30)
    rig.results.put_back([TlsResult(rig.today, "example.org", GOOD, 2)])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(await rig.store.tls_results.of_day(rig.today)) == 1
