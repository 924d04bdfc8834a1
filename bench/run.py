"""
The side-by-side benchmark: ``python -m bench.run``, by `make bench`.

For each scenario each relay is started anew, warmed, given the same mail by the same sender, and ended. One relay runs
at a time; where there are several rounds, all have their turn in each, and the middle one is told. Prints a table for
each scenario and writes what was measured as JSON.
"""

import contextlib
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from bench.facts import machine
from bench.letters import DOMAIN
from bench.meter import Meter
from bench.names import domain
from bench.peer import Peer, World
from bench.processes import NAME_SERVER, SinkProcess, SourceProcess, name_server, sink_addresses
from bench.scenarios import ALL, RELAYS, Scenario
from bench.source import Job
from bench.tables import remarks, table

WAIT = 60.0  # seconds for the last copy to arrive
LOOK = 2.0  # seconds between two looks at the memory
REST = 0.5  # seconds behind the last copy, for what a relay writes down then
WARM = 10_000_000  # number of the first letter that is not measured
DISK = Path("/var/tmp")  # noqa: S108  a folder of our own is made there
RESULTS = Path(__file__).with_name("results")

Row = dict[str, Any]


def measure(scenario: Scenario, relay: str, letters: int, folder: Path) -> Row:
    """Run one relay through one scenario."""
    words, make = RELAYS[relay]
    samples = folder / "samples"
    samples.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if scenario.domains > 1:
            stack.enter_context(name_server(scenario.domains))
        addresses = sink_addresses(scenario.domains)
        sink = stack.enter_context(SinkProcess(addresses, scenario.delay, samples))
        peer = make(
            World(
                folder=folder / "relay",
                sink=addresses[0],
                connections=scenario.connections,
                recipients=scenario.recipients,
                dns=NAME_SERVER if scenario.domains > 1 else "",
            )
        )
        stack.callback(peer.stop)
        peer.start()
        return {
            "relay": relay,
            "words": words,
            **_run(scenario, peer, sink, letters=letters, warm=scenario.warm_of(relay)),
        }


def _run(scenario: Scenario, peer: Peer, sink: SinkProcess, *, letters: int, warm: int) -> Row:
    """Warm, send, wait, count."""
    host, port = peer.target
    domains = tuple(map(domain, range(scenario.domains))) if scenario.domains > 1 else (DOMAIN,)
    common: Row = {"host": host, "port": port, "recipients": scenario.recipients, "domains": domains, **scenario.job}
    if warm:
        with SourceProcess(Job(**{**common, "pace": 0.0}, letters=warm, first=WARM)) as source:
            source.result()
        sink.wait(warm * scenario.recipients, WAIT)
    sink.take()
    meter = Meter(peer.roots)
    before = meter.cpu()
    with SourceProcess(Job(**common, letters=letters)) as source:
        while not source.ended(LOOK):
            meter.sample()
        sent = source.result()
    sink.wait(letters * scenario.recipients, WAIT)
    meter.sample()
    time.sleep(REST)
    used = meter.cpu() - before
    complaint = peer.complaint(sink.samples())
    figures = figures_of(sent, sink.take(), letters, scenario.recipients)
    return {
        **figures,
        "cpu_per_1000": used / letters / scenario.recipients * 1000,
        "cpu_by": meter.way,
        "memory": meter.peak,
        "complaint": complaint,
    }


def figures_of(sent: Mapping[str, Any], account: Mapping[str, Any], letters: int, recipients: int) -> Row:
    """
    Bring both ledgers together.

    Args:
        sent: The source's result: ``answers`` of (number, began, answered, code), and ``cpu``.
        account: The sink's: ``copies`` of (number, recipient, arrived), ``transactions``, ``spoilt``, ``cpu``,
            ``connections``.
        letters: How many were sent, numbered from 0.
        recipients: Of each.
    """
    began = {number: start for number, start, _, _ in sent["answers"]}
    taken = [(start, end) for _, start, end, code in sent["answers"] if code == 250]
    accepted = {number for number, _, _, code in sent["answers"] if code == 250}
    came = Counter((letter, serial) for letter, serial, _ in account["copies"])
    owed = {(number, serial) for number in accepted for serial in range(recipients)}
    arrivals = [(at - began[letter], at) for letter, _, at in account["copies"] if letter in began]
    start = min(began.values())
    copies = letters * recipients
    accept, whole = sorted(end - start for start, end in taken), sorted(took for took, _ in arrivals)
    return {
        "letters": letters,
        "recipients": recipients,
        "accepted_per_s": len(owed) / (max(end for _, end in taken) - start) if taken else 0.0,
        "delivered_per_s": len(arrivals) / (max(at for _, at in arrivals) - start) if arrivals else 0.0,
        "accept_p50": _share(accept, 0.50),
        "accept_p99": _share(accept, 0.99),
        "whole_p50": _share(whole, 0.50),
        "whole_p99": _share(whole, 0.99),
        "refused": letters - len(accepted),
        "lost": len(owed - came.keys()),
        "duplicates": sum(count - 1 for count in came.values()),
        "unknown": len(came.keys() - owed),
        "spoilt": len(account["spoilt"]),
        "transactions": account["transactions"],
        "connections": account["connections"],
        "source_cpu": sent["cpu"] / copies * 1000,
        "sink_cpu": account["cpu"] / copies * 1000,
    }


def _share(values: Sequence[float], share: float) -> float | None:
    """Give the value that so large a share of the sorted values is not above."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else None


def save(folder: Path, scenario: Scenario, rows: Sequence[Row], facts: Mapping[str, Any]) -> None:
    """Write what was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {"scenario": scenario.name, "title": scenario.title, "baseline": scenario.baseline, "machine": facts}
    text = json.dumps({**told, "rows": rows}, indent=1)
    (folder / f"{scenario.name}.json").write_text(text + "\n")


@click.command()
@click.option("--scenarios", default="", help=f"Of {', '.join(one.name for one in ALL)}; none: all.")
@click.option("--only", default="", help=f"Relays, of {', '.join(RELAYS)}; names that end in * too.")
@click.option("--mails", default=0, help="Letters in place of each scenario's own number.")
@click.option("--rounds", default=0, help="Rounds in place of each scenario's own number.")
@click.option(
    "--results", type=click.Path(path_type=Path), help="Folder for the JSON; none: bench/results, if all relays ran."
)
@click.option(
    "--folder", type=click.Path(path_type=Path), default=DISK, show_default=True, help="On the disk to measure with."
)
def main(*, scenarios: str, only: str, mails: int, rounds: int, results: Path | None, folder: Path) -> None:
    """Measure relays side by side. Names are given with commas."""
    place = Path(tempfile.mkdtemp(prefix="homing-bench-", dir=folder))
    place.chmod(0o755)  # servers that give up root find their spool there
    try:
        facts = machine(place)
        click.echo(json.dumps(facts))
        for scenario in ALL:
            if scenarios and scenario.name not in scenarios.split(","):
                continue
            relays = [relay for relay in scenario.relays if not only or _named(relay, only.split(","))]
            if only:
                relays += [relay for relay in only.split(",") if relay in RELAYS and relay not in relays]
            rows = _table(scenario, relays, mails, rounds, place)
            where = results or (None if only or mails else RESULTS)
            if where is not None:
                save(where, scenario, rows, facts)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _named(relay: str, wanted: Sequence[str]) -> bool:
    return any(relay == name or (name.endswith("*") and relay.startswith(name[:-1])) for name in wanted)


def _table(scenario: Scenario, relays: Sequence[str], mails: int, rounds: int, place: Path) -> list[Row]:
    """Run all relays through one scenario, and print its table."""
    measured: dict[str, list[Row]] = {relay: [] for relay in relays}
    for number in range(rounds or scenario.rounds):
        for relay in relays:
            letters = mails or scenario.letters_of(relay)
            click.echo(f"{scenario.name}: {relay}, {letters} letters ...", err=True)
            try:
                row = measure(scenario, relay, letters, place / f"{scenario.name}-{relay}-{number}")
            except Exception as error:  # noqa: BLE001  one relay's failure is told, and spares the others
                click.echo(f"{scenario.name}: {relay} FAILED: {error}", err=True)
            else:
                measured[relay].append(row)
    rows = [middle(taken) for taken in measured.values() if taken]
    if rows:
        click.echo(f"\n{scenario.title}\n\n{table(rows, scenario.baseline)}\n")
        for remark in remarks(rows):
            click.echo(f"- {remark}")
    return rows


def middle(rows: Sequence[Row]) -> Row:
    """
    Give the round with the median of delivered mails a second; of several, with what each found as ``rounds``.

    Mails that were lost, doubled, refused or spoilt are those of all rounds: one good round hides no bad one.
    """
    if len(rows) == 1:
        return rows[0]
    by_rate = sorted(rows, key=lambda row: float(row["delivered_per_s"]))
    faults = {name: sum(row[name] for row in rows) for name in ("refused", "lost", "duplicates", "unknown", "spoilt")}
    complaints = [row["complaint"] for row in rows if row["complaint"]]
    rounds = [{name: row[name] for name in ("delivered_per_s", "cpu_per_1000")} for row in rows]
    return {**by_rate[len(rows) // 2], **faults, "complaint": "; ".join(complaints), "rounds": rounds}


if __name__ == "__main__":
    main()
