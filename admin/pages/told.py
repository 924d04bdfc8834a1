"""Recipients as lists show them, with their story; and the chips above a list, with what they count."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from admin.pages.render import query
from admin.pages.site import Site
from admin.story import Story, tell
from store.queries.standing import Counts, Standing
from store.rows import RecipientRow

CHIPS = (
    (Standing.OPENED, "opened", "open-envelope"),
    (Standing.DELIVERED, "delivered", "check"),
    (Standing.UNKNOWN, "automatic", "check-question"),
    (Standing.BOUNCED, "bounced", "returned"),
    (Standing.NOT_DELIVERED, "not-delivered", "crossed"),
    (Standing.SENDING, "sending", "clock"),
)
MARKS = {standing: (tone, icon) for standing, tone, icon in CHIPS}
_FAILURES_FIRST = (
    Standing.BOUNCED, Standing.NOT_DELIVERED, Standing.SENDING, Standing.DELIVERED, Standing.UNKNOWN, Standing.OPENED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """One recipient on a page."""

    row: RecipientRow
    story: Story
    facts: tuple[tuple[str, str], ...]  # names in English, values as they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One of the filters above a list."""

    word: str  # English
    count: int | None
    tone: str
    icon: str
    href: str
    current: bool


async def told(site: Site, rows: Iterable[RecipientRow], language: str) -> list[Told]:
    """Tell recipients, each with the address that was probably meant where one failed."""
    now = site.clock()
    return [
        Told(row, tell(row, now, meant=await site.outside.did_you_mean(row), language=language), tuple(facts(row)))
        for row in rows
    ]


def facts(row: RecipientRow) -> list[tuple[str, str]]:
    """Give what stands under the fold, without what is empty."""
    host = row.remote_host
    if host and row.remote_address:
        host = f"{host} ({row.remote_address})"
    ended = row.delivered_at or row.bounced_at
    found = [
        ("Server", host or row.remote_address),
        ("Encryption", (row.tls or "none") if host and ended else row.tls),
        ("Attempts", str(row.attempts) if row.attempts else ""),
        ("Rule", row.rule if row.reason else ""),
    ]
    return [(name, value) for name, value in found if value]


def chips(
    counts: Counts, path: str, words: Mapping[str, Any], current: Sequence[Standing], *, failures_first: bool = False
) -> list[Chip]:
    """
    Make the chips of a list.

    Args:
        counts: Of all that fits, whatever its standing.
        path: Of the page.
        words: What else is asked in the address bar; the chips ask with ``status``.
        current: The standings that are asked now.
        failures_first: What needs a person comes first.
    """
    every = Chip(
        word="All",
        count=counts.recipients,
        tone="",
        icon="",
        href=query(path, **{**words, "status": ""}),
        current=not current,
    )
    made = [every]
    for standing in _FAILURES_FIRST if failures_first else MARKS:
        tone, icon = MARKS[standing]
        made.append(
            Chip(
                word=standing.word,
                count=counts.of(standing),
                tone=tone,
                icon=icon,
                href=query(path, **{**words, "status": standing.value}),
                current=tuple(current) == (standing,),
            )
        )
    return made


def standings(text: str) -> tuple[Standing, ...]:
    """Read ``status`` of the address bar; what is none is left out."""
    return tuple(Standing(word) for word in text.split(",") if word in set(Standing))
