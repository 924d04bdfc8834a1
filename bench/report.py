"""
Puts the results into docs/performance.md: ``python -m bench.report``.

The page is written by hand but for what stands between ``<!-- table NAME -->`` and ``<!-- end -->``: that is made anew
from ``bench/results/NAME.json``, whatever stood there. ``python -m bench.report --check`` says whether the page is up
to date, and changes nothing.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from bench import promises, start, store
from bench.run import RESULTS
from bench.tables import remarks, table

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
_PLACE = re.compile(r"(<!-- table ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_MISSING = "Not measured yet: `make bench` and `python -m bench.report` fill this in.\n"
_PIXEL = {
    "nginx": "nginx, `empty_gif`",
    "bare_aiohttp": "a bare aiohttp handler",
    "homing": "Homing, every load recorded",
    "homing_relaying": "the same while mail is relayed",
    "homing_relaying_paced": "paced at some 2,000 loads a second, while mail is relayed as fast as it goes",
}
Result = Mapping[str, Any]


def _side_by_side(result: Result) -> str:
    lines = [table(result["rows"], result["baseline"]), ""]
    lines += [f"- {remark}" for remark in remarks(result["rows"])]
    return "\n".join(lines)


def _pixel(result: Result) -> str:
    lines = [
        "| | loads/s | ratio | p50 ms | p99 ms | CPU microseconds a load |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    base = result["bare_aiohttp"]["per_second"]
    lines += [
        f"| {words} | {row['per_second']:,.0f} | {row['per_second'] / base:.2f} | {row['p50_ms']:.2f} "
        f"| {row['p99_ms']:.2f} | {row['cpu_us']:.0f} |"
        for words, row in ((words, result[key]) for key, words in _PIXEL.items() if key in result)
    ]
    return "\n".join([*lines, ""])


_WRITERS: Mapping[str, Callable[[Result], str]] = {
    "store": lambda result: store.table(result["rows"]),
    "start": lambda result: start.table(result["rows"][0]),
    "pixel": _pixel,
}


def written(name: str, result: Result) -> str:
    """Write one result: as it says itself by ``table``, or as its kind is written."""
    text = result["table"] if "table" in result else _WRITERS.get(name, _side_by_side)(result)
    return f"{_machine(result)}\n{text.strip()}\n"


def _machine(result: Result) -> str:
    facts = result.get("machine")
    if not isinstance(facts, Mapping):
        return f"Measured on {facts}.\n" if facts else ""
    return (
        f"Measured {facts['when']} at {facts['commit']}: {facts['processor']}, {facts['cores']} cores, "
        f"{facts['memory_gib']} GiB, Debian {facts['debian']}, Python {facts['python']}; a sync took "
        f"{facts['sync_ms']} ms, and the load before was {facts['load_before']}.\n"
    )


def filled(page: str, results: Path) -> str:
    """Give the page with each table made anew."""
    found = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(results.glob("*.json"))}

    def fill(place: re.Match[str]) -> str:
        if place[2] == "promises":
            return f"{place[1]}{promises.table(found)}\n{place[3]}"
        text = written(place[2], found[place[2]]) if place[2] in found else _MISSING
        return f"{place[1]}{text}{place[3]}"

    return _PLACE.sub(fill, page)


@click.command()
@click.option("--results", type=click.Path(path_type=Path), default=RESULTS, help="Folder of the JSON files.")
@click.option("--check", is_flag=True, help="Only say whether the page is up to date.")
def main(results: Path, *, check: bool) -> None:
    """Write the tables of docs/performance.md."""
    page = PAGE.read_text(encoding="utf-8")
    new = filled(page, results)
    if check:
        sys.exit(0 if new == page else 1)
    PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
