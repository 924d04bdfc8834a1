"""
A cross-check that the rules of bounces generalise: what one half of the labelled data bears witness to, on the other.

    python -m bench.cross FOLDER

FOLDER as for ``bench.bounces``. For each half, every phrase of every rule that stands in no text of that half is struck
out, whatever it knows; the other half is scored by what is left, as if nothing else had ever been seen. Rules by codes,
by sites and by links stay, and so do the readers and the phrases that tell the kind of a mail. It is a lower bound: a
phrase that is right and that no text of a small half happens to use counts as unknown.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from bench.bounces import Score, score_mails, score_replies
from bounce.parties import Parties
from bounce.rulebook import Facts, Rule, Rulebook, families, shipped_rules

_RULES = "bounce.classify.rules"


class Witness(Rulebook):
    """The shipped rules, that remember which of their phrases ever stood in a text."""

    def __init__(self) -> None:
        super().__init__(shipped_rules(), Parties(families()))
        self.seen: set[str] = set()

    def by_words(self, facts: Facts, *, of_recipient: bool = True) -> Rule | None:
        """As the shipped rules do."""
        self.seen |= self.phrases_in(facts.words)
        return super().by_words(facts, of_recipient=of_recipient)


@contextmanager
def only_seen(folder: Path, half: int) -> Iterator[tuple[int, int]]:
    """Classify by what one half bears witness to; gives how many phrases are left, and of how many."""
    witness = Witness()
    with patch(_RULES, lambda: witness):
        score_mails(folder, half)
        score_replies(folder, half)
    rules = [replace(rule, any=tuple(text for text in rule.any if text in witness.seen)) for rule in witness.rules]
    left = [rule for rule, whole in zip(rules, witness.rules, strict=True) if rule.by_words or not whole.by_words]
    counts = tuple(sum(len(rule.any) for rule in some) for some in (left, witness.rules))
    book = Rulebook(left, Parties(families()))
    with patch(_RULES, lambda: book):
        yield counts[0], counts[1]


def _line(title: str, score: Score, names: list[str]) -> str:
    figures = "  ".join(f"{name} {score.percent(name):.1f}" for name in names)
    return f"  {title}: {figures}  living suppressed {score.counts['living/of'] - score.counts['living']}\n"


def cross(folder: Path, say: Callable[[str], object]) -> None:
    """Score each half by the other."""
    for half in (0, 1):
        with only_seen(folder, half) as (left, whole):
            say(f"half {1 - half}, by the {left} of {whole} phrases that half {half} bears witness to\n")
            say(_line("mails", score_mails(folder, 1 - half), ["recall", "precision", "kind", "accepted", "strict"]))
            say(_line("replies", score_replies(folder, 1 - half), ["accepted", "strict"]))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    cross(options.parse_args().folder, sys.stdout.write)
