"""relay/board.py: the first worker shows what all of them count."""

from pathlib import Path

from admin.metrics import names
from admin.metrics.sample import Sample
from relay.board import OLD, Board
from tests.conftest import Clock


def counted(value: float) -> Sample:
    sample = Sample()
    sample.put(names.IN_HAND, value)
    return sample


def test_each_sees_the_others(tmp_path: Path, clock: Clock) -> None:
    """Never itself: what it counts it knows better. The newest counts."""
    boards = [Board(tmp_path, number, clock=clock) for number in range(3)]
    for number, board in enumerate(boards):
        board.write(counted(number))
    boards[2].write(counted(7))
    assert boards[0].others() == {"1": counted(1), "2": counted(7)}


def test_a_worker_that_is_gone_is_shown_no_more(tmp_path: Path, clock: Clock) -> None:
    """Nor is a file that is no sample."""
    Board(tmp_path, 1, clock=clock).write(counted(1))
    (tmp_path / "2.json").write_text("{}")
    (tmp_path / "3.json").write_text("no JSON")
    first = Board(tmp_path, 0, clock=clock)
    clock.move(OLD - 1)
    assert set(first.others()) == {"1"}
    clock.move(1)
    assert first.others() == {}


def test_a_folder_that_is_gone_hurts_nobody(tmp_path: Path, clock: Clock) -> None:
    """Metrics are never a reason to stop."""
    board = Board(tmp_path / "gone", 0, clock=clock)
    board.write(counted(1))
    assert board.others() == {}
