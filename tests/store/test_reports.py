"""store/reports.py: what came back, listed without its bytes and given with them."""

from store.open import Store
from store.reports import NOBODY
from tests.conftest import Clock


async def test_listed_by_recipient_and_by_time(store: Store, clock: Clock) -> None:
    """Of one recipient the oldest first; of all the newest first; what came to postmaster@ is nobody's."""
    ids = []
    for recipient_id, kind, raw in ((7, "bounce", b"one"), (NOBODY, "role", b"three"), (7, "reply", b"")):
        ids.append(await store.reports.keep(recipient_id, clock(), kind, raw))
        clock.move(1)
    assert [(it.id, it.kind, it.octets) for it in await store.reports.listed(7)] == [
        (ids[0], "bounce", 3),
        (ids[2], "reply", 0),
    ]
    assert [it.id for it in await store.reports.listed(NOBODY)] == [ids[1]]
    assert [it.id for it in await store.reports.newest(2)] == [ids[2], ids[1]]
    given = await store.reports.get(ids[0])
    assert given is not None
    assert given.raw == b"one"
