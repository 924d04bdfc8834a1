"""Finding recipients by what people have in hand, and the newest for the page."""

from store.open import Store
from tests.conftest import Clock
from tests.store.mail import accept, delivered


async def test_by_everything(store: Store, clock: Clock) -> None:
    """Address, invoice, customer, Message-ID, message and recipient each find it, with all events."""
    await accept(store, "other@example.org", now=clock())
    taken = await accept(
        store, "Ann@Example.org", now=clock(), customer="42", invoice="R-7", header_message_id="a@club.example"
    )
    id_ = taken.jobs[0].recipient_id
    await store.queue.settle(id_, delivered(clock()))
    found = await store.find.recipient(id_)
    assert found is not None
    assert [event.kind for event in found.events] == ["accepted", "delivered"]
    for several in (
        await store.find.message(taken.message_id),
        await store.find.by_address("ann@EXAMPLE.org"),
        await store.find.by_invoice("R-7"),
        await store.find.by_customer("42"),
        await store.find.by_header_message_id(" <a@club.example> "),
        await store.find.by_header_message_id_and_address("<a@club.example>", "ANN@example.org"),
    ):
        assert several == [found]


async def test_nothing(store: Store, clock: Clock) -> None:
    """What is not there is not found, and the empty invoice is nobody's."""
    await accept(store, "ann@example.org", now=clock())
    assert await store.find.recipient(1) is None
    assert await store.find.message(1) == []
    assert await store.find.by_invoice("") == []
    assert await store.find.by_header_message_id_and_address("", "ann@example.org") == []
    assert await store.find.by_header_message_id_and_address("a@club.example", "ann@example.org") == []
    assert await store.find.by_customer("") == []
