"""
What is promised, held against what was measured.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Mapping[str, Any]]  # by scenario, as bench/results has them


@dataclass(frozen=True, slots=True)
class Promise:
    """One line: ``measure`` gives the figure, in the unit of ``limit``; KeyError when it was not measured."""

    words: str
    limit: float
    at_least: bool  # else at most
    unit: str  # "{:.2f} times Postfix"
    measure: Callable[[Results], float]

    def kept(self, figure: float) -> bool:
        """Whether a figure keeps it."""
        return figure >= self.limit if self.at_least else figure <= self.limit


def _row(results: Results, scenario: str, relay: str) -> Mapping[str, Any]:
    found = next((row for row in results[scenario]["rows"] if row["relay"] == relay), None)
    if found is None:
        raise KeyError(relay)
    return found  # type: ignore[no-any-return]  # of JSON


def _ratio(scenario: str, relay: str, base: str) -> Callable[[Results], float]:
    return lambda results: (
        _row(results, scenario, relay)["delivered_per_s"] / _row(results, scenario, base)["delivered_per_s"]
    )


def _figure(scenario: str, relay: str, key: str, factor: float = 1.0) -> Callable[[Results], float]:
    return lambda results: _row(results, scenario, relay)[key] * factor


def _pdf_cpu(results: Results) -> float:
    cpu = "cpu_per_1000"
    return float(_row(results, "pdf", "homing-dkim")[cpu] / _row(results, "html", "homing-dkim")[cpu])


def _start(key: str, factor: float) -> Callable[[Results], float]:
    return lambda results: results["start"]["rows"][0][key] * factor


def _astray(results: Results) -> float:
    rows = [row for result in results.values() for row in result.get("rows", ()) if "lost" in row]
    ours = [row for row in rows if row["relay"].startswith("homing")]
    if not ours:
        raise KeyError("homing")
    return float(sum(row["lost"] + row["duplicates"] + row["unknown"] + row["spoilt"] for row in ours))


_KILLS = 200


def _killed(results: Results) -> float:
    account = results["kill"]["account"]
    if account["kills"] < _KILLS:
        raise KeyError("kill")
    return float(account["lost"] + account["unasked"] + account["spoilt"] + account["unsaid"])


PROMISES = (
    Promise("HTML mail with pixel", 2.0, True, "{:.2f} times Postfix", _ratio("html", "homing-pixel", "postfix")),
    Promise("", 0.45, False, "{:.2f} CPU s per 1,000", _figure("html", "homing-pixel", "cpu_per_1000")),
    Promise("with pixel and DKIM", 1.5, True, "{:.2f} times Postfix", _ratio("html", "homing-dkim", "postfix")),
    Promise("", 0.80, False, "{:.2f} CPU s per 1,000", _figure("html", "homing-dkim", "cpu_per_1000")),
    Promise("with a PDF, pixel and DKIM", 1.2, True, "{:.2f} times Postfix", _ratio("pdf", "homing-dkim", "postfix")),
    Promise("", 1.5, False, "{:.2f} times the CPU without", _pdf_cpu),
    Promise(
        "many recipients, each an own copy with pixel",
        1.0,
        True,
        "{:.2f} times Postfix with a transaction each",
        _ratio("many", "homing-pixel", "postfix-apart"),
    ),
    Promise("10,000 recipients accepted", 2.0, False, "{:.2f} s", _figure("huge", "homing-pixel", "accept_p50")),
    Promise(
        "receivers that take 100 ms", 750, True, "{:,.0f} mails/s", _figure("slow", "homing-pixel", "delivered_per_s")
    ),
    Promise("100 mails/s: accepted", 2.5, False, "{:.1f} ms", _figure("paced", "homing-pixel", "accept_p50", 1000)),
    Promise("100 mails/s: the whole way", 5.0, False, "{:.1f} ms", _figure("paced", "homing-pixel", "whole_p50", 1000)),
    Promise("lost, doubled or spoilt, all scenarios", 0, False, "{:.0f} mails", _astray),
    Promise("kill -9 under load, 200 times: lost, spoilt, or doubled unsaid", 0, False, "{:.0f} mails", _killed),
    Promise(
        "pixel, every load recorded",
        0.6,
        True,
        "{:.2f} times a bare handler",
        lambda results: results["pixel"]["ratio"],
    ),
    Promise(
        "pixel while mail is relayed, 99 of 100",
        10.0,
        False,
        "{:.1f} ms",
        lambda results: results["pixel"]["homing_relaying"]["p99_ms"],
    ),
    Promise("the command's `--help`", 150, False, "{:.0f} ms", _start("help", 1000)),
    Promise("`homing serve`, to its first yes", 1.5, False, "{:.2f} s", _start("again", 1)),
    Promise("memory at rest, everything on", 90, False, "{:.0f} MB", _start("memory", 1e-6)),
)


def table(results: Results) -> str:
    """Write each promise with what was measured, and whether it is kept."""
    lines = ["| What | Promised | Measured | |", "| --- | --- | --- | --- |"]
    for promise in PROMISES:
        promised = f"{'at least' if promise.at_least else 'at most'} {promise.unit.format(promise.limit)}"
        try:
            figure = promise.measure(results)
        except KeyError:
            lines.append(f"| {promise.words} | {promised} | not yet | |")
            continue
        verdict = "kept" if promise.kept(figure) else "**missed**"
        lines.append(f"| {promise.words} | {promised} | {promise.unit.format(figure)} | {verdict} |")
    return "\n".join(lines)
