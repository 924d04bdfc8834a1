"""``/why``: what became of a recipient, in sentences of the language that was asked for."""

from store.open import Store
from tests.admin.api.conftest import Api
from tests.conftest import Clock
from tests.store.mail import accept, bounced


async def test_the_story_of_a_recipient(api: Api, store: Store, clock: Clock) -> None:
    """One sentence for each thing that happened, in order; nothing of SMTP but the server's own words."""
    taken = await accept(store, "ann@example.org", now=clock())
    id_ = taken.jobs[0].recipient_id
    await store.queue.settle(id_, bounced(clock()))
    story = await api.get(f"/why/{id_}")
    assert (story["address"], story["word"], story["did_you_mean"]) == ("ann@example.org", "Bounced", None)
    assert story["told"][0] == "21 Sep 14:13: We took the email from the application."
    assert len(story["told"]) == 2
    assert story["sentence"].endswith(".")
    spanish = await api.get(f"/why/{id_}?language=es")
    assert spanish["sentence"] != story["sentence"]
    assert (await api.ask("/why/1")).status == 404
    assert (await api.ask(f"/why/{id_}?language=xx")).status == 422
