"""
The table of real agents, ``agents.tsv``: what loads a pixel, from where, and what must be said of it.

``more`` holds what else is known, in words: a method, ``+3s`` after the receiver's 250 (``-3s``: before it),
``no-list`` where Apple's list of exit addresses is not loaded, the signs of ``pixel/signals.py``.
``python -m tests.pixel.agents`` writes the table into docs/opens.md.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from pixel.judge import BOOK, Load
from pixel.networks import LISTS, Networks
from pixel.signals import AS_A_PAGE, HEAD_FIRST, LINK_REWRITER, MANY_AT_ONCE, SENDER_IS_RECIPIENT

TABLE = Path(__file__).with_suffix(".tsv")
PAGE = Path(__file__).parents[2] / "docs" / "opens.md"
BEGIN, END = "<!-- agents.tsv -->\n", "<!-- end -->\n"
# A few prefixes of the list that Apple publishes, and a network of the office.
APPLE = [
    "172.224.224.0/27",
    "172.225.36.0/23",
    "104.28.40.0/25",
    "146.75.166.0/24",
    "2a02:26f7:c8::/48",
    "2606:54c0::/45",
]
OFFICE = ["198.51.100.0/24"]
SIGNALS = {AS_A_PAGE, HEAD_FIRST, LINK_REWRITER, MANY_AT_ONCE, SENDER_IS_RECIPIENT}
WITH_LIST = Networks({**BOOK.networks, "own": OFFICE, "apple-relay": APPLE}, expected=LISTS)
WITHOUT_LIST = Networks({**BOOK.networks, "own": OFFICE}, expected=LISTS)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    client: str
    agent: str
    address: str
    more: str
    verdict: str
    rule: str

    @property
    def load(self) -> Load:
        """The load that this line tells of."""
        words = self.more.split()
        networks = WITHOUT_LIST if "no-list" in words else WITH_LIST
        seconds = [float(word.removesuffix("s")) for word in words if word[0] in "+-"]
        methods = [word for word in words if word.isupper()]
        signals = [word for word in words if word in SIGNALS]
        return Load(
            agent=self.agent,
            method=methods[0] if methods else "GET",
            networks=networks.of(self.address),
            seconds_since_delivery=seconds[0] if seconds else None,
            signals=frozenset(signals),
        )


def rows() -> list[Row]:
    """Read the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [Row(**line) for line in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def as_markdown() -> str:
    """Give the table as docs/opens.md shows it."""
    lines = ["| What loads | User-Agent | from | and | Verdict | Rule |", "| --- | --- | --- | --- | --- | --- |"]
    lines += [
        f"| {row.client} | {f'`{row.agent}`' if row.agent else '(none)'} | {row.address} | {row.more} "
        f"| {row.verdict} | `{row.rule}` |"
        for row in rows()
    ]
    return "\n".join(lines) + "\n"


def page_with_table(page: str) -> str:
    """Put the table into the page, in place of the one that is there."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{as_markdown()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
