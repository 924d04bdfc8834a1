"""With what a mail was displayed, and where: on the page of a recipient and in the API, in tracking mode full alone."""

from store.nouns import Open, TrackingMode, Verdict
from store.open import Store
from tests.admin.rig import Visitor
from tests.conftest import Clock
from tests.store.mail import accept, delivered, new_recipient

THUNDERBIRD = {"client": "Thunderbird", "device": "computer", "country": "FR"}
PHONE = {"client": "<b>Mail</b>", "device": "phone"}


async def opened(store: Store, clock: Clock, mode: TrackingMode) -> int:
    """Have a mail displayed twice by its reader and loaded once by a machine; gives the recipient."""
    recipient = new_recipient(store, "ann@a.test", tracking=mode)
    taken = await accept(store, now=clock(), recipients=[recipient])
    id_ = taken.jobs[0].recipient_id
    await store.queue.settle(id_, delivered(clock()))
    known = (THUNDERBIRD, PHONE) if mode is TrackingMode.FULL else ({}, {})
    for number, about in enumerate(known):
        it = Open(recipient_id=id_, at=clock() + 60 * number, verdict=Verdict.PERSON, rule="test", **about)
        await store.opens.record([it])
    await store.opens.record([Open(recipient_id=id_, at=clock() + 300, verdict=Verdict.SCANNER, rule="test")])
    return id_


async def test_the_page_tells_what_is_known(viewer: Visitor, store: Store, clock: Clock) -> None:
    """A row for each view of a person, in each language; what a program calls itself is not believed to be HTML."""
    id_ = await opened(store, clock, TrackingMode.FULL)
    for language, device in (("en", "computer"), ("es", "ordenador")):
        viewer.language = language
        answer = await viewer.get(f"/recipients/{id_}")
        cells = answer.texts(".readers tbody td")
        assert cells[1:4] == ["Thunderbird", device, "FR"]
        assert cells[5:7] == ["<b>Mail</b>", {"en": "phone", "es": "teléfono"}[language]]
        assert len(cells) == 8


async def test_nothing_is_shown_where_nothing_is_kept(viewer: Visitor, store: Store, clock: Clock) -> None:
    """In the other modes there is no such table."""
    id_ = await opened(store, clock, TrackingMode.VERDICT)
    answer = await viewer.get(f"/recipients/{id_}")
    assert answer.texts(".readers") == []
    assert "Displayed with" not in answer.text
