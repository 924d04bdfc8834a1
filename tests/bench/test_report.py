"""docs/performance.md says what the results say."""

import json
from pathlib import Path

from bench.promises import table
from bench.report import PAGE, filled
from bench.run import RESULTS
from bench.scenarios import ALL

PIXEL = {"per_second": 1000.0, "p50_ms": 1.0, "p99_ms": 2.0, "max_ms": 3.0, "errors": 0, "cpu_us": 4.0}


def test_the_page_is_made_of_the_results() -> None:
    """Whoever commits results commits the page too: `python -m bench.report`."""
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page, RESULTS) == page


def test_each_scenario_has_its_place() -> None:
    """No table is measured and not shown."""
    page = PAGE.read_text(encoding="utf-8")
    assert [one.name for one in ALL if f"<!-- table {one.name} -->" not in page] == []


def test_what_stood_there_is_replaced_and_the_text_around_stays(tmp_path: Path) -> None:
    """Results of other benchmarks bring their own table; one that is missing is said to be."""
    (tmp_path / "queue.json").write_text(json.dumps({"table": "| a |\n| --- |\n"}))
    result = {"bare_aiohttp": PIXEL, "nginx": PIXEL, "homing": {**PIXEL, "per_second": 500.0}, "homing_relaying": PIXEL}
    (tmp_path / "pixel.json").write_text(json.dumps({**result, "machine": "x86_64"}))
    page = "Before.\n<!-- table queue -->\nold\n<!-- end -->\nBetween.\n<!-- table pixel -->\n<!-- end -->\n"
    page += "<!-- table slow -->\n<!-- end -->\nBehind.\n"
    new = filled(page, tmp_path)
    assert new.startswith("Before.\n<!-- table queue -->\n\n| a |\n| --- |\n<!-- end -->\nBetween.\n")
    assert "Measured on x86_64." in new
    assert "| Homing, every load recorded | 500 | 0.50 |" in new
    assert "Not measured yet" in new.partition("<!-- table slow -->")[2]
    assert filled(new, tmp_path) == new


def test_a_promise_is_kept_or_missed_or_not_measured() -> None:
    """At the limit is kept, on either side."""
    html = {"rows": [row("homing-pixel", 200.0, 0.46), row("postfix", 100.0, 1.5)]}
    lines = table({"html": html}).splitlines()
    assert lines[2] == "| HTML mail with pixel | at least 2.00 times Postfix | 2.00 times Postfix | kept |"
    assert lines[3] == "|  | at most 0.45 CPU s per 1,000 | 0.46 CPU s per 1,000 | **missed** |"
    assert lines[4].endswith("| not yet | |")
    assert "| lost, doubled or spoilt, all scenarios | at most 0 mails | 1 mails | **missed** |" in lines


def row(relay: str, per_second: float, cpu: float) -> dict[str, object]:
    astray = {"lost": int(relay == "homing-pixel"), "duplicates": 0, "unknown": 0, "spoilt": 0}
    return {"relay": relay, "delivered_per_s": per_second, "cpu_per_1000": cpu, **astray}
