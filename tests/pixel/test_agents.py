"""The table of real agents, agents.tsv, and the page that shows it."""

from collections import Counter

import pytest

from pixel.judge import BOOK, DEFAULT_RULE, Judge
from tests.pixel import agents

JUDGE = Judge(BOOK.rules)
ROWS = agents.rows()


@pytest.mark.parametrize("row", ROWS, ids=[f"{n}-{row.client}"[:60] for n, row in enumerate(ROWS)])
def test_verdict_and_rule(row: agents.Row) -> None:
    """Each agent, from each address, is judged as the table says, by that rule."""
    verdict, rule = JUDGE.judge(row.load)
    assert (verdict.value, rule) == (row.verdict, row.rule)


def test_the_table_is_whole() -> None:
    """At least 120 loads, no two alike, and every rule is among them."""
    assert len(ROWS) >= 120
    assert Counter((row.agent, row.address, row.more) for row in ROWS).most_common(1)[0][1] == 1
    assert {rule.name for rule in BOOK.rules} | {DEFAULT_RULE} == {row.rule for row in ROWS}


def test_the_page_shows_the_table() -> None:
    """docs/opens.md holds the same table; ``python -m tests.pixel.agents`` writes it."""
    page = agents.PAGE.read_text(encoding="utf-8")
    assert page == agents.page_with_table(page)
