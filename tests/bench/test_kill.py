"""What bench/kill.py prints and keeps."""

from bench.kill import ROWS, figures, table
from bench.promises import table as promises
from tests.e2e.rigs.kills import IN_FLIGHT, Account

CLEAN = Account(kills=200, offered=9, acknowledged=8, delivered=8, doubled=[3], held={5})


def test_an_account_in_order() -> None:
    """Sets and lists are counted, and nothing is wrong; the promise is kept."""
    row = {**figures(CLEAN), "refused": 1}
    assert (row["doubled"], row["held"], row["lost"], row["wrong"]) == (1, 1, 0, [])
    assert len(table(row).splitlines()) == len(ROWS) + 2
    assert "| not yet |" not in next(line for line in promises({"kill": {"account": row}}).splitlines() if "-9" in line)


def test_fewer_kills_prove_nothing() -> None:
    """A shorter rehearsal leaves the promise open."""
    row = figures(Account(kills=20, offered=9, acknowledged=8, delivered=8, doubled=[], held=set()))
    assert "| not yet | |" in next(line for line in promises({"kill": {"account": row}}).splitlines() if "-9" in line)


def test_what_is_wrong_is_named() -> None:
    """Each kind, with the numbers of the mails."""
    bad = Account(
        kills=1,
        offered=9,
        acknowledged=8,
        delivered=8,
        doubled=list(range(IN_FLIGHT + 1)),
        held={1, 2},
        lost={7},
        unsaid={4},
        damage="row missing",
    )
    assert bad.wrong() == [
        "lost: [7]",
        "unsaid: [4]",
        "damage: row missing",
        f"doubled: {IN_FLIGHT + 1} mails in 1 kills",
        "held: 2 mails in 1 kills",
    ]
