"""
The tables of the benchmarks, in Markdown: on the screen and in docs/performance.md.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def _times(row: Row, base: Row | None) -> str:
    if base is None or base is row or not base["delivered_per_s"] or row["relay"] == "direct":
        return "1.00" if base is row else ""
    return f"{row['delivered_per_s'] / base['delivered_per_s']:.2f}"


def _milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:.1f}" if seconds < 0.1 else f"{seconds * 1000:,.0f}"


def _cpu(row: Row) -> str:
    return "" if row["relay"] == "direct" else f"{row['cpu_per_1000']:.2f}"


def _memory(row: Row) -> str:
    return "" if row["relay"] == "direct" else f"{row['memory'] / 1e6:,.0f}"


def _account(row: Row) -> str:
    return f"{row['lost']} / {row['duplicates']}"


_COLUMNS: Mapping[str, Callable[[Row, Row | None], str]] = {
    "": lambda row, _: row["words"],
    "accepted/s": lambda row, _: f"{row['accepted_per_s']:,.0f}",
    "delivered/s": lambda row, _: f"{row['delivered_per_s']:,.0f}",
    "ratio": _times,
    "accept p50 ms": lambda row, _: _milliseconds(row["accept_p50"]),
    "p99": lambda row, _: _milliseconds(row["accept_p99"]),
    "whole way p50 ms": lambda row, _: _milliseconds(row["whole_p50"]),
    "p99 ": lambda row, _: _milliseconds(row["whole_p99"]),
    "CPU s/1,000": lambda row, _: _cpu(row),
    "sender + sink": lambda row, _: f"{row['source_cpu'] + row['sink_cpu']:.2f}",
    "MB": lambda row, _: _memory(row),
    "lost / double": lambda row, _: _account(row),
}


def table(rows: Sequence[Row], baseline: str) -> str:
    """Write one scenario's rows; ratios are those of delivered mails to the row ``baseline``."""
    base = next((row for row in rows if row["relay"] == baseline), None)
    cells = [[write(row, base) for write in _COLUMNS.values()] for row in rows]
    titles = [title.strip() for title in _COLUMNS]
    widths = [max(len(line[at]) for line in [titles, *cells]) for at in range(len(titles))]
    lines = ["| " + " | ".join(_aligned(line, widths)) + " |" for line in [titles, *cells]]
    rule = "| " + " | ".join("-" * widths[0] if at == 0 else "-" * (width - 1) + ":" for at, width in enumerate(widths))
    return "\n".join([lines[0], rule + " |", *lines[1:]])


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.ljust(width) if at == 0 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]


def remarks(rows: Sequence[Row]) -> list[str]:
    """Name what was not as it should be."""
    found = []
    for row in rows:
        if row["refused"]:
            found.append(f"{row['words']}: {row['refused']} mails were refused")
        if row["spoilt"]:
            found.append(f"{row['words']}: {row['spoilt']} transactions brought a mail that is not whole, or another's")
        if row["complaint"]:
            found.append(f"{row['words']}: {row['complaint']}")
        if "rounds" in row:
            rates = ", ".join(f"{one['delivered_per_s']:,.0f}" for one in row["rounds"])
            found.append(f"{row['words']}: {rates} delivered a second in its rounds")
    return found
