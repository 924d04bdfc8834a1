"""
The tables as docs/delivery.md shows them.

To write the page anew after a row was changed:

    python -m tests.relay.delivery.scenarios.page
"""

import re
from collections.abc import Sequence
from pathlib import Path

from tests.relay.delivery.scenarios import rows_delivery, rows_dns, rows_tls
from tests.relay.delivery.scenarios.stage import Becomes, Scenario

PAGE = Path(__file__).parents[4] / "docs" / "delivery.md"
TABLES: dict[str, Sequence[Scenario]] = {
    "What mail hosts do": rows_delivery.ROWS,
    "What name servers say": rows_dns.ROWS,
    "TLS": rows_tls.ROWS,
}
ROWS = tuple(row for rows in TABLES.values() for row in rows)


def words(text: str) -> str:
    """Write a text so that it may stand in a cell."""
    return text.replace("|", "\\|")


def events(becomes: Becomes) -> str:
    """Write ``deferred x 24, expired`` of a recipient's events."""
    kinds = becomes.events.split()
    runs = [kind for n, kind in enumerate(kinds) if n == 0 or kinds[n - 1] != kind]
    counted = [(kind, sum(1 for other in kinds if other == kind)) for kind in runs]
    return ", ".join(kind if count == 1 else f"{kind} x {count}" for kind, count in counted) or "none yet"


def line(scenario: Scenario) -> str:
    """Write one row."""
    several = scenario.becomes if not isinstance(scenario.becomes, Becomes) else {"": scenario.becomes}
    each = list(dict.fromkeys((becomes.status, events(becomes), becomes.reason) for becomes in several.values()))
    told = "; ".join(
        f"*{status}*: {kinds}" + ("" if reason in ("delivered", "") else f" (`{reason}`)")
        for status, kinds, reason in each
    )
    return f"| {scenario.row} | {words(scenario.name)} | {words(scenario.outcome)} | {words(told)} |"


def table(rows: Sequence[Scenario]) -> str:
    """Write one table."""
    head = "|  | What happens | What then | Status: events (reason) |\n| --- | --- | --- | --- |\n"
    return head + "\n".join(line(row) for row in rows) + "\n"


def written(page: str) -> str:
    """Give the page with its tables as the rows have them."""
    for title, rows in TABLES.items():
        part = re.compile(rf"(## {re.escape(title)}\n\n(?:[^|#\n][^\n]*\n|\n)*)(?:\|[^\n]*\n)*")
        page = part.sub(lambda match, rows=rows: match[1] + table(rows), page)  # type: ignore[misc]
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
