"""relay/report_commands.py: mail that came back is listed, told, and given byte for byte."""

import io
import json
from typing import Any

import pytest

from relay.report_commands import list_reports, show_report
from relay.status import show_status
from store.open import Store
from store.reports import NOBODY
from tests.conftest import Clock
from tests.relay.whole import dsn
from tests.store.mail import accept, bounced

RAW = dsn("ann@example.org", "5.2.2", "The mailbox is full")


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def kept(store: Store, clock: Clock) -> tuple[int, int]:
    """A recipient whose mail came back twice with the same report, and a letter to postmaster; both first ids."""
    taken = await accept(store, "ann@example.org", now=clock())
    recipient_id = taken.jobs[0].recipient_id
    await store.queue.settle(recipient_id, bounced(clock()))
    report_id = await store.reports.keep(recipient_id, clock(), "bounce", RAW)
    await store.reports.keep(recipient_id, clock(), "repeated", b"")
    return report_id, await store.reports.keep(NOBODY, clock(), "role", b"From: x@y.example\r\n\r\nStop\x1b[31m!\r\n")


async def test_status_names_the_reports_and_report_gives_them(
    store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """From an address to the very bytes that came back; a repetition, which was not kept, is not named."""
    report_id, _ = await kept(store, clock)
    await show_status(store, "ann@example.org", as_json=True)
    (told,) = objects(capsys)
    assert [(each["report"], each["kind"], each["octets"]) for each in told["reports"]] == [
        (str(report_id), "bounce", len(RAW))
    ]
    await show_status(store, "ann@example.org", as_json=False, language="es")
    assert f"Informe {report_id} del 2026-09-21T" in capsys.readouterr().out
    out = io.BytesIO()
    assert await show_report(store, report_id, raw=True, as_json=False, out=out)
    assert out.getvalue() == RAW


async def test_a_report_is_told_for_people_and_for_programs(
    store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it says of whom, and how to have it as it came."""
    report_id, _ = await kept(store, clock)
    assert await show_report(store, report_id, raw=False, as_json=False, out=io.BytesIO())
    text = capsys.readouterr().out
    assert f"Report {report_id} of 2026-09-21T" in text
    assert "ann@example.org: failed, 5.2.2, mailbox_full, 550 5.2.2 The mailbox is full" in text
    assert f"homing report {report_id} --raw" in text
    await show_report(store, report_id, raw=False, as_json=True, out=io.BytesIO())
    (told,) = objects(capsys)
    assert (told["kind"], told["recipients"][0]["reason"]) == ("bounce", "mailbox_full")


async def test_the_list_has_the_newest_first(store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, or only what came to postmaster@ and abuse@."""
    report_id, role_id = await kept(store, clock)
    await list_reports(store, limit=10, role=False, as_json=True)
    told = objects(capsys)
    assert [each["kind"] for each in told] == ["role", "repeated", "bounce"]
    assert (told[0]["recipient"], told[-1]["report"]) == (None, str(report_id))
    await list_reports(store, limit=10, role=True, as_json=False)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{role_id} ")
    assert line.endswith("octets, postmaster or abuse")


async def test_what_is_not_kept_is_said_so(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """False, and a sentence."""
    assert not await show_report(store, 4711, raw=True, as_json=False, out=io.BytesIO())
    assert capsys.readouterr().err == "There is no report 4711, or no longer.\n"
