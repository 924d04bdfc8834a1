"""
Opens at full speed while mail is relayed: ``make bench-pixel``.

A relay of its own in a folder of its own (SQLite, synced, all else at its default). wrk loads the pixels of 200,000
recipients, each once, over 50 connections; meanwhile Postfix's smtp-source hands over 2,000 mails of 14 KB, which the
relay delivers to a smtp-sink. Then what the store holds is compared with what was asked for. A last run is paced, some
2,000 loads a second while mail is relayed as fast as it goes: there times of answers can be read. In the same run, on
the same cores: a bare aiohttp handler that gives the same image, and nginx's empty_gif. All on loopback.

Exits with 1 where anything was lost or counted wrongly. ``bench/results/pixel.json`` has the figures of the last run.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bench import pixel_rig as rig
from bench.facts import machine

RESULT = rig.ROOT / "bench/results/pixel.json"
_PART = 5  # the servers that are only compared with get a fifth of the requests
_PACED = 20  # and the paced run a twentieth
_PAUSE = 20  # milliseconds: fifty connections ask for some 2,000 a second
_MANY = 4  # times as many mails in the paced run, so that they last


@click.command()
@click.option("--opens", default=200_000, show_default=True, help="pixels, each loaded once")
@click.option("--mails", default=2_000, show_default=True, help="mails relayed meanwhile")
@click.option("--result", type=click.Path(path_type=Path), default=RESULT, help="where the figures are written")
def main(opens: int, mails: int, result: Path) -> None:
    """Measure, print, and say whether all is there."""
    with tempfile.TemporaryDirectory(prefix="homing-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's worker and the sink run as nobody
        figures = measure(folder, opens, mails)
    result.parent.mkdir(exist_ok=True)
    result.write_text(json.dumps(figures, indent=2) + "\n")
    sys.exit(0 if figures["all_there"] else 1)


def measure(folder: Path, opens: int, mails: int) -> dict[str, Any]:
    """Run everything once; print figures as they come."""
    about = machine(folder)
    relay = rig.Relay(folder, opens)
    file = folder / "paths"
    few = relay.paths[: opens // _PART]
    with rig.nginx(folder) as (port, pid):
        limit = told("nginx empty_gif", rig.load(port, pid, few, file))
    bare = bare_handler(few, file)
    with relay.running() as pid:
        alone = told("Homing, no mail", rig.load(relay.port, pid, relay.paths, file))
    counts = [checked(relay.account(), opens, 0)]
    relay.forget_opens()
    source = rig.Mails(relay)
    with source.sink(), relay.running() as pid:
        handing = source.hand_over(mails)
        relaying = told(f"Homing, {mails:,} mails relayed", rig.load(relay.port, pid, relay.paths, file))
        handing.wait(rig.PATIENCE)
    counts.append(checked(relay.account(), opens, mails))
    bare = max(bare, bare_handler(few, file), key=lambda figures: figures.per_second)
    relay.forget_opens()
    paced = relay.paths[: opens // _PACED]
    with source.sink(), relay.running() as pid:
        handing = source.hand_over(_MANY * mails)
        calm = told(f"Homing, {_MANY * mails:,} mails, paced", rig.load(relay.port, pid, paced, file, pause_ms=_PAUSE))
        busy_to_the_end = handing.poll() is None
        handing.wait(rig.PATIENCE)
    counts.append(checked(relay.account(), len(paced), _MANY * mails))
    ratio, busy = alone.per_second / bare.per_second, relaying.per_second / bare.per_second
    click.echo(f"of the better run of the bare handler: {ratio:.2f} without mail, {busy:.2f} with")
    click.echo(f"processor time of it: {alone.cpu_us / bare.cpu_us:.2f} without mail")
    click.echo(f"p99 paced, mail at full speed {'to the end' if busy_to_the_end else 'in part'}: {calm.p99_ms:.2f} ms")
    click.echo("".join(line for line in relay.log() if "warning" in line or "error" in line), nl=False)
    return {
        "machine": about,
        "wrk": rig.wrk_version(),
        "opens": opens,
        "mails": mails,
        "nginx": asdict(limit),
        "bare_aiohttp": asdict(bare),
        "homing": asdict(alone),
        "homing_relaying": asdict(relaying),
        "homing_relaying_paced": asdict(calm),
        "mail_to_the_end_of_the_paced": busy_to_the_end,
        "ratio": round(ratio, 3),
        "ratio_relaying": round(busy, 3),
        "ratio_cpu": round(alone.cpu_us / bare.cpu_us, 3),
        "all_there": all(counts),
    }


def bare_handler(paths: Sequence[str], file: Path) -> rig.Figures:
    """Measure what the others are compared with; twice, for a busy machine makes it slow by chance."""
    with rig.bare_handler() as (port, pid):
        return told("bare aiohttp handler", rig.load(port, pid, paths, file))


def told(name: str, figures: rig.Figures) -> rig.Figures:
    """Print the figures of one server."""
    click.echo(figures.line(name))
    return figures


def checked(account: rig.Account, opens: int, mails: int) -> bool:
    """Print what the store holds, and say whether that is all there should be."""
    right = account == rig.Account(views=opens, recipients=opens, events=opens, delivered=mails)
    click.echo(
        f"  in the store: {account.views:,} views, {account.recipients:,} recipients opened once, "
        f"{account.events:,} events, {account.delivered:,} mails delivered: {'all there' if right else 'NOT RIGHT'}"
    )
    return right


if __name__ == "__main__":
    main()
