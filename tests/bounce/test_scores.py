"""What was promised of the labelled mails and replies holds (bench/bounces.py prints the rows)."""

from pathlib import Path

import pytest

from bench.bounces import Score, score_mails, score_replies


@pytest.fixture(scope="module")
def mails(shared: Path) -> Score:
    return score_mails(shared / "bounces")


@pytest.fixture(scope="module")
def replies(shared: Path) -> Score:
    return score_replies(shared / "bounces")


@pytest.mark.parametrize(
    ("figure", "least"),
    [
        ("no crash", 100),
        ("kind", 99),
        ("recall", 99),
        ("precision", 99),
        ("accepted", 96),
        ("strict", 92),
        ("permanent", 98),
    ],
)
def test_mails(mails: Score, figure: str, least: float) -> None:
    """Each figure of the reading of mails is at least what issue 5 promises of this data."""
    assert mails.percent(figure) >= least, "\n".join(mails.rows)


def test_no_living_address_is_suppressed(mails: Score, replies: Score) -> None:
    """No mail and no reply blames an address that nobody would blame."""
    assert mails.percent("living") == 100, "\n".join(mails.rows)
    assert replies.percent("living") == 100, "\n".join(replies.rows)


@pytest.mark.parametrize(("figure", "least"), [("accepted", 95), ("strict", 90), ("permanent", 98)])
def test_replies(replies: Score, figure: str, least: float) -> None:
    """Each figure of the naming of replies."""
    assert replies.percent(figure) >= least, "\n".join(replies.rows)
