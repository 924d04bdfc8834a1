"""bench/cross.py: the cross-check strikes out what one half does not bear witness to."""

from pathlib import Path

from bench.bounces import score_mails, score_replies
from bench.cross import cross_often, only_seen
from bounce import classify


def test_what_one_half_does_not_say_is_unknown(tmp_path: Path) -> None:
    """A phrase that no text of the half uses is gone; codes are left; afterwards all is as before."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "labels.jsonl").write_text("")
    lines = [
        "no_such_user\tno_such_user\tany\ttyped\t550 user unknown",
        "mailbox_full\tmailbox_full\tany\ttyped\t552 5.2.2 whatever",
    ]
    (tmp_path / "smtp_replies_dev.tsv").write_text("\n".join(["#", *lines]) + "\n")
    before = classify.classify("550 no mailbox by that name").reason
    for half in (0, 1):
        with only_seen(tmp_path, half) as (left, whole):
            assert left < whole
            assert classify.classify("550 no mailbox by that name").reason != before
            assert classify.classify("552 5.2.2 whatever").reason.value == "mailbox_full"
    assert classify.classify("550 no mailbox by that name").reason == before
    assert score_mails(tmp_path).counts["kind/of"] == 0
    assert score_replies(tmp_path).percent("accepted") == 100


def test_many_splits_give_the_least_and_the_mean(tmp_path: Path) -> None:
    """Each way to halve is scored by itself; rows that would suppress a living address are shown."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "labels.jsonl").write_text("")
    lines = ["rate_limited\trate_limited\tany\ttyped\t550 user unknown", *_unknown("no mailbox", "no such user")]
    (tmp_path / "smtp_replies_dev.tsv").write_text("\n".join(["#", *lines]) + "\n")
    said: list[str] = []
    cross_often(tmp_path, 3, said.append)
    assert any(line.startswith("6 halves of 3 splits, living suppressed ") for line in said)
    assert any("least" in line and "mean" in line for line in said)
    with only_seen(tmp_path, 0, split=1):
        score = score_replies(tmp_path, 1, split=1)
    assert score.counts["accepted/of"] < 3


def _unknown(*words: str) -> list[str]:
    return [f"no_such_user\tno_such_user\tany\ttyped\t550 {said}" for said in words]
