"""
A cross-check that the rules of bounces generalise: what one half of the labelled data bears witness to, on the other.

    python -m bench.cross FOLDER [--splits N] [--rows]

FOLDER as for ``bench.bounces``. For each half, every phrase of every rule that stands in no text of that half is struck
out, whatever it knows; the other half is scored by what is left, as if nothing else had ever been seen. Rules by codes,
by sites and by links stay, and so do the readers and the phrases that tell the kind of a mail. It is a lower bound: a
phrase that is right and that no text of a small half happens to use counts as unknown.

With ``--splits`` the data is halved in N ways, and the least and the mean of each figure are shown.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from bench.bounces import Score, score_mails, score_replies
from bounce.parties import Parties
from bounce.rulebook import Facts, Rule, Rulebook, families, shipped_doubts, shipped_rules
from store.nouns import Reason

_RULES = "bounce.classify.rules"
_OF_MAILS = ["recall", "precision", "kind", "accepted", "strict"]
_OF_REPLIES = ["accepted", "strict"]


class Witness(Rulebook):
    """The shipped rules, that remember which of their phrases ever stood in a text."""

    def __init__(self) -> None:
        super().__init__(shipped_rules(), Parties(families()), shipped_doubts())
        self.seen: set[str] = set()

    def by_words(self, facts: Facts, *, spare: frozenset[Reason] = frozenset()) -> Rule | None:
        """As the shipped rules do."""
        self.seen |= self.phrases_in(facts.words)
        return super().by_words(facts, spare=spare)


@contextmanager
def only_seen(folder: Path, half: int, split: int = 0) -> Iterator[tuple[int, int]]:
    """Classify by what one half bears witness to; gives how many phrases are left, and of how many."""
    witness = Witness()
    with patch(_RULES, lambda: witness):
        score_mails(folder, half, split)
        score_replies(folder, half, split)
    rules = [replace(rule, any=tuple(text for text in rule.any if text in witness.seen)) for rule in witness.rules]
    left = [rule for rule, whole in zip(rules, witness.rules, strict=True) if rule.by_words or not whole.by_words]
    counts = tuple(sum(len(rule.any) for rule in some) for some in (left, witness.rules))
    book = Rulebook(left, Parties(families()), shipped_doubts())
    with patch(_RULES, lambda: book):
        yield counts[0], counts[1]


def _living(score: Score) -> int:
    return score.counts["living/of"] - score.counts["living"]


def _line(title: str, score: Score, names: list[str]) -> str:
    figures = "  ".join(f"{name} {score.percent(name):.1f}" for name in names)
    return f"  {title}: {figures}  living suppressed {_living(score)}\n"


def cross(folder: Path, say: Callable[[str], object], *, rows: bool = False) -> None:
    """Score each half by the other."""
    for half in (0, 1):
        with only_seen(folder, half) as (left, whole):
            say(f"half {1 - half}, by the {left} of {whole} phrases that half {half} bears witness to\n")
            mails, replies = score_mails(folder, 1 - half), score_replies(folder, 1 - half)
            say(_line("mails", mails, _OF_MAILS))
            say(_line("replies", replies, _OF_REPLIES))
            _say_rows(say, mails, replies, all_of_them=rows)


def cross_often(folder: Path, splits: int, say: Callable[[str], object], *, rows: bool = False) -> None:
    """Score each half of many splits by the other half, and say the least and the mean of each figure."""
    figures: dict[str, list[float]] = defaultdict(list)
    living = 0
    for split in range(splits):
        for half in (0, 1):
            with only_seen(folder, half, split):
                mails, replies = score_mails(folder, 1 - half, split), score_replies(folder, 1 - half, split)
            for name in _OF_MAILS:
                figures["mails " + name].append(mails.percent(name))
            for name in _OF_REPLIES:
                figures["replies " + name].append(replies.percent(name))
            living += _living(mails) + _living(replies)
            _say_rows(say, mails, replies, all_of_them=rows)
    say(f"{2 * splits} halves of {splits} splits, living suppressed {living} in all\n")
    for name, values in figures.items():
        say(f"  {name}: least {min(values):.1f}  mean {sum(values) / len(values):.1f}\n")


def _say_rows(say: Callable[[str], object], *scores: Score, all_of_them: bool) -> None:
    for row in sorted(row for score in scores for row in score.rows):
        if all_of_them or row.startswith("LIVING"):
            say(f"    {row}\n")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--splits", type=int, default=0)
    options.add_argument("--rows", action="store_true")
    given = options.parse_args()
    if given.splits:
        cross_often(given.folder, given.splits, sys.stdout.write, rows=given.rows)
    else:
        cross(given.folder, sys.stdout.write, rows=given.rows)
