"""Every row of the tables, played. docs/delivery.md shows the same rows to people."""

from pathlib import Path

import pytest

from relay.delivery import worker
from store.events import Event
from tests.relay.delivery.scenarios.page import PAGE, ROWS, written
from tests.relay.delivery.scenarios.stage import Becomes, Scenario, Stage
from tests.rigs.virtual_time import run


def text(event: Event) -> str:
    return f"{event.reply} {event.note}"


@pytest.mark.parametrize("scenario", ROWS, ids=lambda scenario: f"{scenario.row} {scenario.name}")
def test_it_becomes_what_its_row_says(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status, reason, events, replies, times, and what each host got."""
    monkeypatch.setattr(worker, "POLL", 86400.0)  # nobody else makes anything due: fewer looks at an empty queue
    stage = Stage(scenario)
    run(stage.play(tmp_path))
    for address in scenario.to:
        becomes = scenario.becomes if isinstance(scenario.becomes, Becomes) else scenario.becomes[address]
        holds(stage, address, becomes)
    if scenario.got is not None:
        assert tuple(len(sink.mails) for sink in stage.sinks) == scenario.got
    if scenario.sessions is not None:
        assert tuple(len(sink.sessions) for sink in stage.sinks) == scenario.sessions
    if scenario.check is not None:
        scenario.check(stage)


def holds(stage: Stage, address: str, becomes: Becomes) -> None:
    """What the store says of a recipient is what the row says."""
    row, events = stage.found[address]
    told = "\n".join(f"{event.at - row.accepted_at:9.1f} {event.kind} {event.status} {text(event)}" for event in events)
    assert " ".join(event.kind for event in events) == becomes.events.strip(), told
    assert (row.status.value.replace("_", " "), row.reason.value if row.reason else "") == (
        becomes.status.lower(),
        becomes.reason,
    ), told
    assert row.attempts == (len(events) if becomes.attempts is None else becomes.attempts), told
    if not events:
        return
    last = events[-1]
    assert becomes.says in text(last), told
    assert becomes.said in text(events[0]), told
    assert becomes.code in ("", last.status), told
    if becomes.at is not None:
        assert becomes.at[0] <= last.at - row.accepted_at <= becomes.at[1], told
    if becomes.tls is not None:
        assert last.tls.endswith(becomes.tls), told
        assert bool(last.tls) is bool(becomes.tls), told


def test_there_are_enough_and_each_has_its_own_name() -> None:
    """At least sixty."""
    names = [f"{scenario.row} {scenario.name}" for scenario in ROWS]
    assert len(names) == len(set(names)) >= 60


def test_the_page_shows_these_rows() -> None:
    """Write it anew with ``python -m tests.relay.delivery.scenarios.page``."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page)
    assert page.count("\n| ") == len(ROWS) + 3 * 2
