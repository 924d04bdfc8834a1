"""
The four views without anything around them, for the page of an application; and a status as a small picture.

Nothing in them leads anywhere, and no form is in them: they show what their address names and no more. Who may see one
is decided where its signed address is read.
"""

import asyncio
from html import escape

from admin.pages.chart import bar
from admin.pages.invoices import mails_of
from admin.pages.site import Site
from admin.pages.told import MARKS, told
from admin.story import Story
from store.errors import ContentDamaged
from store.queries.search import Search
from store.shown import Shown

ROWS = 100
# Fixed colours: a picture has no theme of the page around it. Those of style.css in its light one.
_TONES = {
    "sending": ("#4d5666", "#e9ecf1"),
    "delivered": ("#1b50b8", "#e3ecfc"),
    "automatic": ("#1b50b8", "#e3ecfc"),
    "opened": ("#14683a", "#dcf3e4"),
    "bounced": ("#b3261e", "#fde6e3"),
    "not-delivered": ("#7d1a2c", "#f6dde1"),
}
_LETTER = 7.4  # pixels of a letter of the badge, about


class Embedded:
    """Gives each view as a whole HTML page; None: there is no such thing, or no longer."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def customer(self, key: str, language: str) -> str | None:
        """Show the newest mail of one customer, or of one address."""
        now = self._site.clock()
        view = await self._site.store.queries.customers.view(key, search=Search(), now=now, limit=ROWS)
        if view is None:
            return None
        rows = await told(self._site, view.rows.items, language)
        return self._site.render.text("embed_customer.html", language, key=key, view=view, rows=rows)

    async def recipients(self, message_id: int, language: str) -> str | None:
        """Show the recipients of one message, what needs a person first."""
        queries = self._site.store.queries
        overview = await queries.overviews.of(message_id)
        if overview is None:
            return None
        page = await queries.recipients.failures_first(Search(message_id=message_id), limit=ROWS)
        rows = await told(self._site, page.items, language)
        return self._site.render.text(
            "embed_recipients.html", language, overview=overview, rows=rows, more=page.next is not None
        )

    async def overview(self, message_id: int, language: str, *, preview: str = "") -> str | None:
        """
        Show the numbers of one message, and the mail as far as it is kept.

        ``preview`` is where its HTML is to be had, for a frame; "", or a mail without HTML: its text is shown.
        """
        overview = await self._site.store.queries.overviews.of(message_id)
        if overview is None:
            return None
        mail = await self._mail(message_id)
        return self._site.render.text(
            "embed_overview.html",
            language,
            overview=overview,
            bar=bar(overview.counts),
            marks=MARKS,
            mail=mail,
            preview=preview if mail is not None and mail.html else "",
        )

    async def preview(self, message_id: int) -> str | None:
        """Give the mail's HTML as it was handed over, without the pixel; None: it has none, or it is not kept."""
        mail = await self._mail(message_id)
        return mail.html or None if mail is not None else None

    async def invoice(self, invoice: str, language: str) -> str | None:
        """Show the log of one invoice."""
        log = await self._site.store.queries.invoices.log(invoice, limit=ROWS)
        if log is None:
            return None
        mails = await mails_of(self._site, log, language)
        return self._site.render.text("embed_invoice.html", language, log=log, mails=mails)

    async def badge(self, recipient_id: int, language: str) -> str | None:
        """Draw the status of one recipient as an SVG."""
        found = await self._site.store.find.recipient(recipient_id)
        if found is None:
            return None
        (one,) = await told(self._site, [found.recipient], language)
        return badge(one.story)

    async def _mail(self, message_id: int) -> Shown | None:
        contents, read = self._site.store.contents, self._site.outside.read_mail
        ref = await contents.ref(message_id)
        if ref is None or read is None:
            return None
        try:
            return await asyncio.to_thread(read, await contents.read(ref))
        except ContentDamaged:
            return None


def badge(story: Story) -> str:
    """Draw a status as an SVG of its own colours, with the sentence as its title."""
    ink, ground = _TONES[story.tone]
    width = round(len(story.word) * _LETTER) + 22
    word, sentence = escape(story.word), escape(story.sentence)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="22" role="img" aria-label="{word}">'
        f'<title>{sentence}</title><rect width="{width}" height="22" rx="11" fill="{ground}"/>'
        f'<text x="{width / 2}" y="15" text-anchor="middle" fill="{ink}" font-family="system-ui, sans-serif" '
        f'font-size="12" font-weight="600">{word}</text></svg>'
    )
