"""
Commands about what came back: reading reports that are kept, and taking in those that came another way.

Each command loads what it needs when it is called, so that ``homing --help`` is quick.
"""

import sys
from pathlib import Path

import click

from relay.cli_shared import CONFIG, JSON, in_store


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


def add_commands(main: click.Group) -> None:
    """Put the commands of this module under ``homing``."""
    main.add_command(report)
