"""
kill -9 at random moments under load, two hundred times, with an exact account: ``python -m bench.kill``.

A source offers mail on twenty connections to a relay that delivers to a server with moods (it says "later", hangs up,
and dawdles). The relay is killed 0.05 to 0.7 seconds after it was ready, and started again; in the end its queue runs
empty. The tests do the same twenty times. The exit status is 1 where a promise was broken. By `make bench-kill`.
"""

import dataclasses
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from bench.facts import machine
from bench.run import DISK, RESULTS
from tests.e2e.rigs.homing import Homing
from tests.e2e.rigs.kills import CONNECTIONS, SETTINGS, Account, account, drain, kill_at_random
from tests.e2e.rigs.ledger import Sink, Source
from tests.e2e.rigs.loopback import own_address

ROWS = {
    "kills": "killed",
    "offered": "mails offered",
    "acknowledged": "answered 250",
    "refused": "refused for now",
    "delivered": "arrived",
    "lost": "answered 250 and lost",
    "unasked": "arrived though refused, or never offered",
    "untold": "arrived, and the store does not say so",
    "spoilt": "arrived with other octets",
    "disagreeing": "status and events say different things",
    "doubled": "arrived more than once",
    "unsaid": 'arrived more than once, and no event says "possible duplicate"',
    "held": "held for an operator, since several processes died with them",
}


def rehearse(folder: Path, *, times: int, seconds: float, seed: int) -> dict[str, Any]:
    """Kill so often, or until so many seconds have passed; give the figures, with ``wrong`` in words."""
    sink = Sink(own_address(), seed=seed)
    homing = Homing(folder, SETTINGS)
    homing.route("sink.test", f"{sink.address}:25")
    begun = time.monotonic()

    def told(kills: int) -> bool:
        if kills % 20 == 0:
            click.echo(f"{kills} kills, {len(source.acknowledged):,} mails answered 250", err=True)
        return time.monotonic() - begun < seconds

    try:
        homing.start()
        source = Source(homing, homing.login(), CONNECTIONS)
        source.start()
        kills = kill_at_random(homing, source, times=times, seed=seed, after=told)
        source.stop()
        if homing.terminate() != 0:
            raise click.ClickException(f"it did not stop well:\n{homing.output}")
        drain(homing, sink, seconds=600)
        found = account(homing, source, sink, kills=kills)
    finally:
        homing.stop()
        sink.stop()
    return {**figures(found), "refused": len(source.refused), "seconds": time.monotonic() - begun, "seed": seed}


def figures(found: Account) -> dict[str, Any]:
    """Count what an account lists; ``wrong`` names the first of each kind."""
    counted = {
        field.name: len(value) if isinstance(value := getattr(found, field.name), (set, list)) else value
        for field in dataclasses.fields(found)
    }
    return {**counted, "wrong": found.wrong()}


def table(row: dict[str, Any]) -> str:
    """Write the table."""
    lines = ["| | mails |", "| --- | ---: |", f"| {ROWS['kills']} | {row['kills']} times |"]
    lines += [f"| {words} | {row[key]:,} |" for key, words in ROWS.items() if key != "kills"]
    return "\n".join(lines)


@click.command()
@click.option("--times", default=200, show_default=True, help="How often it is killed.")
@click.option("--seconds", default=1800.0, show_default=True, help="No kill after so long.")
@click.option("--seed", default=11, show_default=True, help="Of the moments, and of the server's moods.")
@click.option("--save/--no-save", default=True, help="Write bench/results/kill.json.")
def main(times: int, seconds: float, seed: int, *, save: bool) -> None:
    """Rehearse, print the account, keep the figures."""
    place = Path(tempfile.mkdtemp(prefix="homing-bench-", dir=DISK))
    try:
        facts = machine(place)
        row = rehearse(place, times=times, seconds=seconds, seed=seed)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    click.echo(table(row))
    for line in row["wrong"]:
        click.echo(line)
    if save:
        RESULTS.mkdir(exist_ok=True)
        told = {
            "scenario": "kill",
            "title": "kill -9 under load",
            "machine": facts,
            "account": row,
            "table": table(row),
        }
        (RESULTS / "kill.json").write_text(json.dumps(told, indent=1) + "\n")
    sys.exit(1 if row["wrong"] else 0)


if __name__ == "__main__":
    main()
