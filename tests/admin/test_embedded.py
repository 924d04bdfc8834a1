"""admin/pages/embedded.py: the four views with nothing around them, and the badge."""

from xml.etree import ElementTree as ET

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from admin.outside import Outside
from admin.pages.embedded import Embedded, badge
from admin.pages.render import Renderer
from admin.pages.site import Site
from admin.settings import AdminSettings
from admin.statics import Statics
from admin.story import tell
from store.nouns import Reason, RecipientStatus
from store.open import Store
from tests.admin.rig import LOG, NOW, Filled, row
from tests.conftest import Clock


@pytest.fixture
def embedded(store: Store, outside: Outside, clock: Clock) -> Embedded:
    render = Renderer(Statics(), clock)
    return Embedded(Site(store=store, settings=AdminSettings(), outside=outside, render=render, clock=clock, log=LOG))


async def test_they_lead_nowhere(embedded: Embedded, filled: Filled) -> None:
    """No link, no form, no script of its own; in each language; the same words and numbers as the pages."""
    for language, word in (("en", "Bounced"), ("es", "Devuelto")):
        for html, part in (
            (await embedded.customer("4711", language), "eve@c.test"),
            (await embedded.customer("eve@c.test", language), word),
            (await embedded.recipients(filled.newsletter, language), word),
            (await embedded.overview(filled.newsletter, language), "50"),
            (await embedded.invoice("INV-7", language), word),
        ):
            assert html is not None
            assert part in html
            assert f'<html lang="{language}">' in html
            page = HTMLParser(html)
            assert page.css("a, form, iframe, button, input") == []
            assert [node.attributes.get("src") is not None for node in page.css("script")] == [True]


async def test_what_is_not_there(embedded: Embedded) -> None:
    """None, whatever is asked for."""
    assert await embedded.customer("nobody@c.test", "en") is None
    assert await embedded.recipients(1, "en") is None
    assert await embedded.overview(1, "en") is None
    assert await embedded.invoice("INV-0", "en") is None
    assert await embedded.badge(1, "en") is None


@pytest.mark.parametrize("status", list(RecipientStatus))
def test_the_badge_is_a_picture(status: RecipientStatus) -> None:
    """Well-formed SVG with the word, and the sentence as its title."""
    story = tell(row(status=status, reason=Reason.MAILBOX_FULL), NOW)
    drawn = ET.fromstring(badge(story))
    texts = [node.text for node in drawn.iter() if node.text]
    assert texts == [story.sentence, story.word]


async def test_the_badge_of_a_recipient(embedded: Embedded, store: Store, filled: Filled) -> None:
    """As its status stands now."""
    (found, *_) = await store.find.message(filled.invoice)
    drawn = await embedded.badge(found.recipient.recipient_id, "en")
    assert drawn is not None
    assert ">Bounced</text>" in drawn
