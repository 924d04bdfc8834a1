"""
Opens at full speed while mail is relayed: ``make bench-pixel``.

A relay of its own in a folder of its own (SQLite, synced, all else at its default). wrk loads the pixels of 200,000
recipients, each once, over 50 connections; meanwhile Postfix's smtp-source hands over 2,000 mails of 14 KB, which the
relay delivers to a smtp-sink. Then what the store holds is compared with what was asked for. In the same run, on the
same cores: a bare aiohttp handler that gives the same image, and nginx's empty_gif. All on loopback.

Exits with 1 where anything was lost or counted wrongly. ``bench/results/pixel.json`` has the figures of the last run.
"""

import json
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bench import pixel_rig as rig

RESULT = rig.ROOT / "bench/results/pixel.json"
_PART = 5  # the servers that are only compared with get a fifth of the requests


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
    relay = rig.Relay(folder, opens)
    file = folder / "paths"
    few = relay.paths[: opens // _PART]
    with rig.nginx(folder) as (port, pid):
        limit = told("nginx empty_gif", rig.load(port, pid, few, file))
    with rig.bare_handler() as (port, pid):
        bare = told("bare aiohttp handler", rig.load(port, pid, few, file))
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
    ratio, busy = alone.per_second / bare.per_second, relaying.per_second / bare.per_second
    click.echo(f"of a bare aiohttp handler: {ratio:.2f} without mail, {busy:.2f} with; p99 {relaying.p99_ms:.2f} ms")
    click.echo((folder / "relay.log").read_text(), nl=False)
    return {
        "machine": f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}",
        "wrk": rig.wrk_version(),
        "opens": opens,
        "mails": mails,
        "nginx": asdict(limit),
        "bare_aiohttp": asdict(bare),
        "homing": asdict(alone),
        "homing_relaying": asdict(relaying),
        "ratio": round(ratio, 3),
        "ratio_relaying": round(busy, 3),
        "all_there": all(counts),
    }


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
