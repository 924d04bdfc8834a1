"""
Phrases: how rules write down what they look for, and the search for all of them at once.

Grammar of a phrase::

    phrase = item *( " " item )
    item   = choice *( "|" choice ) / "(" choice *( "|" choice ) ")" / ".." / "^" / "$"
    choice = word / word "?" / stem "*"

``a|b`` is either word, ``reject*`` any word that begins so, ``users?`` a word with or without its last letter,
``(the)`` a word that may be missing, ``..`` up to ``GAP`` words of any kind, ``^`` the start and ``$`` the end of
the text. Marks like ``{addr}`` are words.

A text is searched for all phrases in one pass: each phrase is filed under its rarest word (a stem under its first
letters), and each word of the text looks up the phrases filed there. No regular expression, so nothing to explode: the
work is bounded by words x phrases under one key x words of a phrase x GAP.

Pure: no I/O, no clock, no chance.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from bounce.words import TOGETHER, words_of

GAP = 6  # words that ".." may stand for, at most
_KEY = 3  # letters of a word that phrases are filed under
_REMEMBERED = 20_000  # words whose patterns are kept together

# Words that most texts have: the last choice for filing a phrase.
_EVERYWHERE = frozenset(
    "a address an and as be been by delivered delivery does email error following for from has have host if in is it "  # noqa: SIM905 a text is read more easily than 50 strings
    "mail mailbox message no not of on or please recipient recipients rejected server smtp that the this to try user "
    "was with you your {addr} {host} {ip} {url}".split()
)


class _Item(NamedTuple):
    """One place of a phrase: the words that fit there, and the stems of words that fit."""

    exact: frozenset[str]
    stems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One way to read a phrase: runs of items, a gap between each run and the next."""

    phrase: int
    runs: tuple[tuple[_Item, ...], ...]
    offset: int  # of the item it is filed under, in the first run
    needs: frozenset[str]  # keys of the rarest item beside that one: without one of them it cannot stand
    at_start: bool
    at_end: bool
    alone: bool = False  # it is the one item, anywhere


_Filed = tuple[tuple[frozenset[str], list[_Pattern]], ...]  # patterns by what else they need


class PhraseError(ValueError):
    """A phrase that cannot be understood."""


class Phrases:
    """Any number of phrases, searched for together. Phrases are known by their place in ``texts``."""

    def __init__(self, texts: Sequence[str]) -> None:
        patterns = [pattern for n, text in enumerate(texts) for pattern in _compile(n, text)]
        common = Counter(key for p in patterns for run in p.runs for item in run for key in _keys(item))
        common.update(dict.fromkeys(_EVERYWHERE, 10_000))
        self._by_word: dict[str, list[_Pattern]] = defaultdict(list)
        self._by_stem: dict[str, list[_Pattern]] = defaultdict(list)
        self._filed: dict[str, _Filed] = {}
        for pattern in patterns:
            first = pattern.runs[0]
            offset = min(range(len(first)), key=lambda n: sum(common[key] for key in _keys(first[n])))
            items = [item for run in pattern.runs for item in run]
            others = [_keys(item) for n, item in enumerate(items) if n != offset]
            needs = frozenset(min(others, key=lambda keys: sum(common[key] for key in keys), default=()))
            alone = not (others or pattern.at_start or pattern.at_end)
            filed = replace(pattern, offset=offset, needs=needs, alone=alone)
            for word in first[offset].exact:
                self._by_word[word].append(filed)
            for key in {stem[:_KEY] for stem in first[offset].stems}:
                self._by_stem[key].append(filed)

    def search(self, words: Sequence[str]) -> dict[int, int]:
        """Give the numbers of all phrases that stand in ``words``, each with the place of a word of it."""
        found: dict[int, int] = {}
        present = {*words, *[word[:_KEY] + "*" for word in words]}
        may_stand: dict[str, list[_Pattern]] = {}  # by word: most words come again, and most patterns lack another word
        for place, word in enumerate(words):
            patterns = may_stand.get(word)
            if patterns is None:
                filed = self._filed.get(word)
                groups = self._file(word) if filed is None else filed
                patterns = [p for needs, ps in groups if not needs or not needs.isdisjoint(present) for p in ps]
                may_stand[word] = patterns
            for pattern in patterns:
                if pattern.phrase not in found and (pattern.alone or _stands(pattern, words, place - pattern.offset)):
                    found[pattern.phrase] = place
        return found

    def _file(self, word: str) -> _Filed:
        """Give the patterns whose filed item a word is, and remember them for the words that many texts have."""
        by_stem = self._by_stem.get(word[:_KEY], ())
        of_stem = [p for p in by_stem if word.startswith(p.runs[0][p.offset].stems)]
        groups: dict[frozenset[str], list[_Pattern]] = defaultdict(list)
        for pattern in (*self._by_word.get(word, ()), *of_stem):
            groups[pattern.needs].append(pattern)
        filed = tuple(groups.items())
        if len(self._filed) < _REMEMBERED:
            self._filed[word] = filed
        return filed


def _keys(item: _Item) -> set[str]:
    return {*item.exact, *(stem[:_KEY] + "*" for stem in item.stems)}


def _stands(pattern: _Pattern, words: Sequence[str], start: int) -> bool:
    if start < 0 or (pattern.at_start and start):
        return False
    if not _run_stands(pattern.runs[0], words, start):
        return False
    end = start + len(pattern.runs[0])
    for run in pattern.runs[1:]:
        exact, stems = run[0]
        for place in range(end, min(end + GAP, len(words) - len(run)) + 1):
            word = words[place]
            if (word in exact or (stems and word.startswith(stems))) and _run_stands(run, words, place):
                end = place + len(run)
                break
        else:
            return False
    return end == len(words) if pattern.at_end else True


def _run_stands(run: tuple[_Item, ...], words: Sequence[str], start: int) -> bool:
    if start + len(run) > len(words):
        return False
    place = start
    for exact, stems in run:
        word = words[place]
        if word not in exact and not (stems and word.startswith(stems)):
            return False
        place += 1
    return True


def _compile(number: int, text: str) -> Iterable[_Pattern]:
    tokens = _joined(text.split())
    at_start = tokens[:1] == ["^"]
    at_end = tokens[-1:] == ["$"]
    tokens = tokens[at_start : len(tokens) - at_end]
    optional = [n for n, token in enumerate(tokens) if token.startswith("(")]
    for kept in product((True, False), repeat=len(optional)):
        left_out = {n for n, keep in zip(optional, kept, strict=True) if not keep}
        runs: list[list[_Item]] = [[]]
        for n, item in enumerate(tokens):
            if n in left_out:
                continue
            if item == "..":
                runs.append([])
            else:
                runs[-1].extend(_items(item.strip("()"), text))
        if not all(runs):
            raise PhraseError(f"a gap needs a word on both sides: {text!r}")
        yield _Pattern(number, tuple(map(tuple, runs)), 0, frozenset(), at_start, at_end)


def _joined(tokens: Sequence[str]) -> list[str]:
    """Join what texts join: ``host name`` is one word there."""
    joined: list[str] = []
    for token in tokens:
        last = joined[-1] if joined else ""
        if together := TOGETHER.get((last, token)):
            joined[-1] = together
        else:
            joined.append(token)
    return joined


def _items(token: str, phrase: str) -> tuple[_Item, ...]:
    """Read one item of a phrase."""
    read = _read(token)
    if isinstance(read, str):
        raise PhraseError(f"{read}: {phrase!r}")
    return read


@lru_cache(maxsize=16_384)
def _read(token: str) -> tuple[_Item, ...] | str:
    """
    Read one item; a str says what is wrong with it.

    A word is cut as texts are cut, so ``e-mail`` gives two items and ``宛先`` one a character. Most items stand in
    several phrases, which share them.
    """
    exact: set[str] = set()
    stems: list[str] = []
    for choice in token.split("|"):
        words = words_of(choice.rstrip("*?")).words
        if len(words) != 1:
            if "|" in token or not words:
                return "an alternative must be one word"
            return tuple(_Item(frozenset((word,)), ()) for word in words)
        if choice.endswith("*"):
            if len(words[0]) < _KEY and words[0].isascii():
                return f"a stem needs {_KEY} letters"
            stems.append(words[0])
        else:
            exact.add(words[0])
            if choice.endswith("?"):
                exact.add(words[0][:-1])
    return (_Item(frozenset(exact), tuple(stems)),)
