"""
How quickly the program is there, and what it weighs at rest: ``python -m bench.start``, by `make bench-start`.

`homing --help`; `homing serve` from the command to the first /readyz that says yes, on an empty store and on one that
was there before; memory (proportional set size) of one process with everything on, a few seconds after.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from bench.facts import machine
from bench.meter import Meter
from bench.run import DISK, RESULTS
from tests.e2e.rigs.homing import COMMAND, Homing

TIMES = 10
REST = 5.0  # seconds after the start; what it loads at its leisure is there by then
LIMITS = {"help": 0.150, "bare": 0.0, "first": 1.5, "again": 1.5, "memory": 90e6}
WORDS = {
    "bare": "an empty Python of this machine, which nothing can beat",
    "help": "the help of the command, `--help`",
    "first": "`homing serve`, first start: keys, certificate, store",
    "again": "`homing serve`, later starts",
    "memory": "memory at rest, everything on",
}


def _took(*words: str) -> float:
    begin = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def _median(*words: str) -> float:
    _took(*words)  # the first one reads from the disk
    return statistics.median(_took(*words) for _ in range(TIMES))


def _started(homing: Homing) -> float:
    begin = time.perf_counter()
    homing.start()
    return time.perf_counter() - begin


def measure(folder: Path) -> dict[str, float]:
    """Measure all; seconds, and octets of memory."""
    found = {"bare": _median(sys.executable, "-c", "pass"), "help": _median(COMMAND, "--help")}
    homing = Homing(folder, {"relay": {"sandbox": {"enabled": True}}})
    homing.settings["relay"]["sandbox"]["listen"] = f"{homing.address}:2527"
    try:
        found["first"] = _started(homing)
        homing.terminate()
        found["again"] = _started(homing)
        time.sleep(REST)
        meter = Meter([homing.pid])
        meter.sample()
        found["memory"] = meter.peak
    finally:
        homing.stop()
        meter.close()
    return found


def table(found: dict[str, float]) -> str:
    """Write the table."""
    lines = ["| | measured | promised |", "| --- | ---: | ---: |"]
    for key, words in WORDS.items():
        if key == "memory":
            lines.append(f"| {words} | {found[key] / 1e6:.0f} MB | {LIMITS[key] / 1e6:.0f} MB |")
        else:
            promised = f"{LIMITS[key] * 1000:,.0f} ms" if LIMITS[key] else ""
            lines.append(f"| {words} | {found[key] * 1000:,.0f} ms | {promised} |")
    return "\n".join(lines)


@click.command()
@click.option("--save/--no-save", default=True, help="Write bench/results/start.json.")
def main(*, save: bool) -> None:
    """Measure, print a table, keep the figures."""
    place = Path(tempfile.mkdtemp(prefix="homing-bench-", dir=DISK))
    try:
        facts = machine(place)
        found = measure(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    click.echo(table(found))
    if save:
        RESULTS.mkdir(exist_ok=True)
        told: dict[str, Any] = {"scenario": "start", "title": "Start and rest", "machine": facts, "rows": [found]}
        (RESULTS / "start.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
