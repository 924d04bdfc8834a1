"""store/tls_results.py: sessions are added up by day, domain and facts."""

from store.nouns import TlsResult
from store.open import Store
from store.tls_results import KEPT_DAYS
from tests.conftest import Clock


async def test_they_are_added_up(store: Store) -> None:
    """Also within one call and by several nodes; a day is given by domain, the most frequent first."""
    one, two = TlsResult(7, "b.example", "{1}", 2), TlsResult(7, "b.example", "{2}", 4)
    await store.tls_results.add([one, two, TlsResult(7, "a.example", "{1}", 1), one])
    await store.tls_results.add([TlsResult(7, "b.example", "{2}", 5), TlsResult(8, "b.example", "{2}", 1)])
    await store.tls_results.add([])
    assert await store.tls_results.of_day(7) == [
        TlsResult(7, "a.example", "{1}", 1),
        TlsResult(7, "b.example", "{2}", 9),
        TlsResult(7, "b.example", "{1}", 4),
    ]


async def test_a_day_is_forgotten_with_those_before(store: Store) -> None:
    """The next one stays."""
    await store.tls_results.add([TlsResult(day, "a.example", "{}", 1) for day in (5, 6, 7)])
    await store.tls_results.forget(6)
    assert [len(await store.tls_results.of_day(day)) for day in (5, 6, 7)] == [0, 0, 1]


async def test_9_what_nobody_reports_ends(store: Store, clock: Clock) -> None:
    """Promise 9: counts that no report took go after a week."""
    today = int(clock() // 86_400.0)
    await store.tls_results.add([TlsResult(today - KEPT_DAYS - n, "a.example", "{}", 1) for n in (0, 1)])
    await store.retention.sweep(clock())
    assert [len(await store.tls_results.of_day(today - KEPT_DAYS - n)) for n in (0, 1)] == [1, 0]
