"""
What ``homing report`` does: mail that came back, as it came, and what it says.

Without an id it lists the newest; what is about no mail of ours came to postmaster@ or abuse@.
"""

import json
from typing import Any, BinaryIO

import click

from bounce.inspect_files import as_json as read_as_json
from bounce.report import read
from relay.tail import printable
from store.event_fields import timestamp
from store.open import Store
from store.reports import NOBODY, ReportRow


async def list_reports(store: Store, *, limit: int, role: bool, as_json: bool) -> None:
    """Print the newest reports, the newest first; ``role``: those to postmaster@ and abuse@ only."""
    rows = (await store.reports.listed(NOBODY))[::-1][:limit] if role else await store.reports.newest(limit)
    for row in rows:
        fields = report_fields(row)
        if as_json:
            click.echo(json.dumps(fields))
        else:
            about = f"recipient {row.recipient_id}" if row.recipient_id != NOBODY else "postmaster or abuse"
            click.echo(f"{row.id} {fields['at']} {row.kind:<12} {row.octets} octets, {about}")


async def show_report(store: Store, report_id: int, *, raw: bool, as_json: bool, out: BinaryIO) -> bool:
    """
    Print one report.

    Args:
        store: Where it is kept.
        report_id: Whose.
        raw: The very bytes that are kept, to ``out``.
        as_json: What it says, as one JSON object.
        out: Standard output, for bytes.

    Returns:
        False: there is none of that id, or no longer.
    """
    report = await store.reports.get(report_id)
    if report is None:
        click.echo(f"There is no report {report_id}, or no longer.", err=True)
        return False
    if raw:
        out.write(report.raw)
        out.flush()
        return True
    row = ReportRow(report.id, report.recipient_id, report.at, report.kind, len(report.raw))
    said = read_as_json(read(report.raw))
    if as_json:
        click.echo(json.dumps(report_fields(row) | {"recipients": said["recipients"]}, ensure_ascii=False))
        return True
    about = f"recipient {row.recipient_id}" if row.recipient_id != NOBODY else "postmaster or abuse"
    click.echo(f"Report {row.id} of {timestamp(row.at)}: {row.kind}, {row.octets} octets, {about}")
    for each in said["recipients"]:
        words = [each["action"], each["status"], each["reason"], each["diagnostic"]]
        click.echo(f"  {printable(each['address']) or 'no address'}: {printable(', '.join(filter(None, words)))}")
    click.echo(f"As it came: homing report {row.id} --raw")
    return True


def report_fields(row: ReportRow) -> dict[str, Any]:
    """Give a report as JSON names it; ids as text, since JavaScript's numbers are too short for them."""
    return {
        "report": str(row.id),
        "recipient": str(row.recipient_id) if row.recipient_id != NOBODY else None,
        "at": timestamp(row.at),
        "kind": row.kind,
        "octets": row.octets,
    }
