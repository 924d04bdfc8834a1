"""
Commands about what came back: reading reports that are kept, and taking in those that came another way.

Each command loads what it needs when it is called, so that ``homing --help`` is quick.
"""

import sys
from pathlib import Path

import click

from relay.cli_shared import CONFIG, JSON, in_store, read_config


@click.command()
@CONFIG
@JSON
@click.option("--raw", is_flag=True, help="The mail as it came, byte for byte.")
@click.option("--role", is_flag=True, help="List only what came to postmaster@ and abuse@.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="List at most so many.")
@click.argument("report", type=int, required=False)
def report(*, config_path: Path, as_json: bool, raw: bool, role: bool, limit: int, report: int | None) -> None:
    """
    Show a mail that came back.

    REPORT is an id that `homing status` names; without it, the newest are listed. Exits with 1 when it is not kept.
    """
    from relay.report_commands import list_reports, show_report

    if report is None:
        in_store(config_path, lambda store: list_reports(store, limit=limit, role=role, as_json=as_json))
        return
    out = sys.stdout.buffer
    shown = in_store(config_path, lambda store: show_report(store, report, raw=raw, as_json=as_json, out=out))
    sys.exit(0 if shown else 1)


@click.command()
@CONFIG
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def ingest(config_path: Path, dry_run: bool, files: tuple[Path, ...]) -> None:
    """
    Take in reports that came another way, as from an old mailbox.

    FILES are mails, mbox files or Maildirs. Prints one JSON object a line for each mail: what it is, about whom, how
    that was found out, and what changed. Exits with 1 when a file cannot be read; the others are taken in.
    """
    import time

    from relay.ingest_command import ingest as take_in

    config = read_config(config_path)
    done = in_store(config_path, lambda store: take_in(store, config, files, dry_run=dry_run, clock=time.time))
    sys.exit(0 if done else 1)


def add_commands(main: click.Group) -> None:
    """Put the commands of this module under ``homing``."""
    main.add_command(report)
    main.add_command(ingest)
