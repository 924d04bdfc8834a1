"""relay/log.py: one line for each fact, the same that ``homing tail`` shows, and one for all else."""

import contextlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from relay.log import LOGGER, configure
from relay.settings import LogSettings
from relay.tail import as_json, as_line
from store.events import Accepted
from store.journal_record import EventRecord

FACT = EventRecord(
    position=7,
    event=Accepted(message_id=1, recipient_id=2, at=1_795_000_443.12),
    forward_path="ann@example.org",
    subject="Your fees",
    customer="4711",
    invoice="INV-1",
    message_accepted_at=1_795_000_443.12,
)


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Give what was written to standard error; the loggers are as before afterwards."""
    root, ours = logging.getLogger(), logging.getLogger(LOGGER)
    before = (root.handlers, root.level, ours.level, logging.raiseExceptions)
    yield lambda: capsys.readouterr().err
    root.handlers, logging.raiseExceptions = before[0], before[3]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def test_a_line_names_time_level_and_part(written: Callable[[], str]) -> None:
    """Text: one line, UTC, and who speaks."""
    configure(LogSettings()).getChild("pixel").warning("%d opens wait", 3)
    stamp, rest = written().split(" ", 1)
    assert stamp.endswith("Z")
    assert rest == "warning homing.pixel: 3 opens wait\n"


def test_an_event_is_the_line_of_tail(written: Callable[[], str]) -> None:
    """The log has no other idea of what happened, and does not wrap the line in a second one."""
    later = replace(FACT, position=8, subject="Your second fees")
    configure(LogSettings()).getChild("events").info([FACT, later])
    assert written() == as_line(FACT) + "\n" + as_line(later) + "\n"


def test_an_event_as_json_is_the_object_of_tail(written: Callable[[], str]) -> None:
    """Not a JSON text within a JSON text."""
    configure(LogSettings(format="json")).getChild("events").info([FACT, FACT])
    assert written() == 2 * (as_json(FACT) + "\n")


def test_all_else_as_json(written: Callable[[], str]) -> None:
    """One object a line, the traceback in it."""
    log = configure(LogSettings(format="json"))
    try:
        int("ünknown")
    except ValueError:
        log.exception("went wrong")
    (line,) = written().splitlines()
    fields = json.loads(line)
    assert (fields["level"], fields["logger"], fields["message"]) == ("error", "homing", "went wrong")
    assert "ünknown" in fields["traceback"]


def test_nothing_in_a_message_makes_a_second_line(written: Callable[[], str]) -> None:
    """What a stranger says cannot write lines of its own, nor steer a terminal."""
    configure(LogSettings()).warning("he said %s", "x\r\n2026-01-01 info homing: all is well\x1b[2J")
    line = written()
    assert line.count("\n") == 1
    assert "\x1b" not in line


def test_levels(written: Callable[[], str]) -> None:
    """Ours from the configured level on; libraries from warnings on."""
    log = configure(LogSettings(level="warning"))
    log.info("not this")
    logging.getLogger("aiohttp.access").info("nor this")
    logging.getLogger("aiohttp.access").warning("but this")
    assert [line.partition(": ")[2] for line in written().splitlines()] == ["but this"]


@pytest.mark.usefixtures("written")
def test_a_log_that_cannot_be_written_hurts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full log disk never ends what was to be logged."""
    with Path("/dev/full").open("w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        configure(LogSettings()).warning("anything")
        with contextlib.suppress(OSError):
            full.close()
