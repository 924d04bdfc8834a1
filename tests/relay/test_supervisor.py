"""relay/supervisor.py: workers are started in order, started again, and end together."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from relay.supervisor import FIRST_WAIT, LIVED, LONGEST_WAIT, Line, Supervisor, _Child
from tests.e2e.rigs.until import until

PROGRAM = Path(__file__).with_name("supervised.py")
Running = subprocess.Popen[str]
Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the program; what is left of it ends with the test."""
    begun: list[Running] = []

    def begin(how: str, count: int = 2) -> Running:
        words = (sys.executable, str(PROGRAM), how, str(count))
        begun.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return begun[-1]

    yield begin
    for program in begun:
        program.kill()
        program.communicate()


def lines(program: Running, last: int) -> list[str]:
    """Read what it says until so many workers serve."""
    assert program.stdout is not None
    read: list[str] = []
    while sum(line[0].isdigit() for line in read) < last:
        read.append(program.stdout.readline().strip())
        assert read[-1], f"it has ended: {read}"
    return read


def workers(program: Running, count: int) -> dict[int, int]:
    """Read which process each worker is."""
    return {int(line.split()[0]): int(line.split()[1]) for line in lines(program, count) if line[0].isdigit()}


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_sigterm_is_handed_on_and_all_end_well(start: Start, told: signal.Signals) -> None:
    """Each worker takes leave, and the exit status is 0. The first was ready before the others began."""
    program = start("serve", 3)
    begun = [line for line in lines(program, 3) if line.startswith("begins")]
    assert begun[0] == "begins 0"
    assert sorted(begun) == ["begins 0", "begins 1", "begins 2"]
    program.send_signal(told)
    output, _ = program.communicate(timeout=30)
    assert sorted(output.split("\n")[:-1]) == ["bye 0", "bye 1", "bye 2"]
    assert program.returncode == 0


def test_a_killed_worker_is_started_again_and_the_other_goes_on(start: Start) -> None:
    """Only its place is taken by another process; the log says how it ended."""
    program = start("serve")
    before = workers(program, 2)
    os.kill(before[1], signal.SIGKILL)
    after = workers(program, 1)
    assert set(after) == {1}
    assert after[1] != before[1]
    assert alive(before[0])
    program.terminate()
    _, errors = program.communicate(timeout=30)
    assert program.returncode == 0
    assert "worker 1 ended (signal SIGKILL), it is started again in 1 s" in errors


@pytest.mark.parametrize(
    ("how", "sentence"), [("refuse", "the store is taken"), ("fall", "worker 1 ended before it was ready")]
)
def test_a_worker_that_cannot_start_ends_the_whole_with_its_sentence(start: Start, how: str, sentence: str) -> None:
    """The others take leave; nothing is left running."""
    program = start(how)
    first = workers(program, 1)[0]
    output, _ = program.communicate(timeout=30)
    assert output == f"bye 0\ncannot start: {sentence}\n"
    assert program.returncode == 2
    assert not alive(first)


def test_a_worker_that_ends_badly_at_the_stop_is_told_in_the_exit_status(start: Start) -> None:
    """Whoever watches the exit status learns of it."""
    program = start("stubborn")
    workers(program, 2)
    program.terminate()
    _, errors = program.communicate(timeout=30)
    assert program.returncode == 1
    assert "it would not stop well" in errors


def test_workers_leave_when_the_supervisor_is_killed(start: Start) -> None:
    """Nobody would start them again, and a second supervisor must find the ports free."""
    program = start("serve")
    processes = workers(program, 2)
    program.kill()
    program.wait(30)
    until("the workers have ended", lambda: not any(map(alive, processes.values())))


def test_the_wait_doubles_while_a_worker_keeps_dying_and_begins_anew_when_it_lived() -> None:
    """1, 2, 4, ... 60 seconds; a worker that served for a minute is started again after one."""
    now = 1000.0
    supervisor = Supervisor(1, _never, lambda: now)
    child = _Child(0)
    waits = []
    for _ in range(8):
        child.started_at = now
        supervisor._ended(child, -9)
        waits.append(child.again_at - now)
    assert waits == [FIRST_WAIT, 2.0, 4.0, 8.0, 16.0, 32.0, LONGEST_WAIT, LONGEST_WAIT]
    child.ready, child.started_at = True, now - LIVED
    supervisor._ended(child, -9)
    assert child.again_at - now == FIRST_WAIT


def _never(_number: int, _line: Line) -> str:
    raise AssertionError("no worker is started here")
