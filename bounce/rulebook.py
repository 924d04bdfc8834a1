"""
The rules of ``rules/*.toml``: what they may say, and the search for the first one that fits.

A rule is a table::

    [[rule]]
    name = "over-quota"                    # unique; shown to people, so that a verdict can be argued with
    reason = "mailbox_full"
    example = "552 5.2.2 Over quota"       # a reply that must hit this very rule (a test holds it)
    any = ["over quota", "mailbox full"]   # one of these phrases must stand in the text (bounce/phrases.py)
    with = ["exceed*"]                     # and one of these
    not = ["sending quota"]                # and none of these
    sites = ["spamhaus.org"]               # or, in place of "any", a host or URL of these domains
    links = ["overquotaperm"]              # or a word of a URL's path or query
    code = ["4", "550"]                    # and the reply code begins so
    status = ["5.1.1", "x.2.2"]            # and the enhanced status code is one of these
    host = ["google.com"]                  # and the host that spoke is of one of these domains
    phase = ["mail"]                       # and the session had come that far
    reported = true                        # and it stands in a report, where the sender has given up or goes on trying
    weak = true                            # a better rule may be found in other words of the same report
    permanent = false                      # used only where neither code nor status tell the class
    exact = true                           # it goes by a name that a system gives to one thing: no doubt touches it

``@who`` in a phrase is one word of the family ``who``, see ``00-words.toml``.

Files are read in the order of their names and rules in the order they stand in; the first that fits wins. Rules
without ``any``, ``sites`` and ``links`` go by codes; they are asked last, and of words they know only ``not``.

Beside a doubt (``05-doubts.toml``: words about the sender, his rate, the content, policy, networks) no rule names a
reason that suppresses the address, unless it is exact. So a rule that goes too far, or a phrase that is missing where
something else is meant, costs a reason and not a living address.

Pure: no I/O, no clock, no chance.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from bounce.parties import Parties
from bounce.phrases import Phrases
from bounce.words import Words
from store.nouns import Reason, Status

_FAMILY = re.compile("@([a-z]{1,20})")
_REPLY = 40  # words of a reply, at most; a text of more is a report's
_NEAR = 10  # words before and behind a phrase that may cast doubt on it
_PHRASES = frozenset({"any", "with", "not"})

# Reasons that say something of the recipient's address or mailbox.
BLAMES_RECIPIENT = frozenset(
    {
        Reason.NO_SUCH_USER,
        Reason.ADDRESS_INVALID,
        Reason.DOMAIN_NOT_FOUND,
        Reason.ACCOUNT_DISABLED,
        Reason.MAILBOX_FULL,
    }
)


# Those of them for which the address is written to no more at once.
SUPPRESSES = BLAMES_RECIPIENT - {Reason.MAILBOX_FULL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule; see the module's docstring for what each field means."""

    name: str
    reason: Reason
    example: str
    any: tuple[str, ...] = ()
    with_: tuple[str, ...] = ()
    not_: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    links: frozenset[str] = frozenset()
    code: tuple[str, ...] = ()
    status: frozenset[str] = frozenset()
    host: tuple[str, ...] = ()
    phase: frozenset[str] = frozenset()
    permanent: bool | None = None
    weak: bool = False
    reported: bool = False
    exact: bool = False

    @property
    def by_words(self) -> bool:
        """Whether the rule looks at what is said, not at codes alone."""
        return bool(self.any or self.sites or self.links)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a rule may ask about."""

    words: Words
    code: str = ""  # three digits, or ""
    status: Status | None = None
    host: str = ""  # the host that spoke, lower case
    phase: str = ""
    reported: bool = False  # said in a report, not in the session


class Rulebook:
    """All rules, ready to be searched."""

    def __init__(self, rules: Iterable[Rule], parties: Parties | None = None, doubts: Sequence[str] = ()) -> None:
        self.rules = tuple(rules)
        self._parties = parties
        by_words = [(n, rule) for n, rule in enumerate(self.rules) if rule.by_words]
        self._by_codes = [rule for rule in self.rules if not rule.by_words]
        texts = dict.fromkeys(text for rule in self.rules for text in (*rule.any, *rule.with_, *rule.not_))
        self._numbers = {text: n for n, text in enumerate(texts)}
        self._phrases = Phrases(list(texts))
        self._doubts = Phrases(list(doubts))
        self._not_by_codes = {r.name: self._numbers_of(r.not_) for r in self._by_codes}
        self._rules_of: dict[int, list[int]] = {}  # phrase -> places of the rules that have it under "any"
        for place, rule in by_words:
            for text in rule.any:
                self._rules_of.setdefault(self._numbers[text], []).append(place)
        self._by_site = [(place, rule) for place, rule in by_words if rule.sites]
        self._by_link = [(place, rule) for place, rule in by_words if rule.links]
        self._asked = {
            place: (self._numbers_of(rule.any), self._numbers_of(rule.with_), self._numbers_of(rule.not_))
            for place, rule in by_words
        }

    def _numbers_of(self, texts: tuple[str, ...]) -> frozenset[int]:
        return frozenset(self._numbers[text] for text in texts)

    def by_words(self, facts: Facts, *, spare: frozenset[Reason] = frozenset()) -> Rule | None:
        """Give the first rule that fits what is said, or None; none for a reason to ``spare``."""
        words = facts.words
        found = self._phrases.search(words.words)
        places = {place for phrase in found for place in self._rules_of.get(phrase, ())}
        if words.hosts:
            places.update(place for place, rule in self._by_site if _of_domains(words.hosts, rule.sites))
        if words.links:
            places.update(place for place, rule in self._by_link if rule.links & words.links)
        if self._parties is not None and self._parties.only_sender(words.words):
            spare |= BLAMES_RECIPIENT
        for place in sorted(places):
            rule = self.rules[place]
            if rule.reason in spare:
                continue
            any_, with_, not_ = self._asked[place]
            if (with_ and with_.isdisjoint(found)) or not not_.isdisjoint(found) or not _fits(rule, facts):
                continue
            if rule.exact or rule.reason not in SUPPRESSES:
                return rule
            if not all(self._doubted(words, found[phrase]) for phrase in any_ & found.keys()):
                return rule
        return None

    def doubts(self, words: Words) -> bool:
        """Whether a text begins with something that no reply about the recipient's address says."""
        return self._doubted(words, 0)

    def _doubted(self, words: Words, place: int) -> bool:
        """Whether a doubt stands near a place. A reply is read whole; of a report's many words, those around."""
        near = words.words
        if len(near) > _REPLY:
            near = near[max(0, place - _NEAR) : place + _NEAR + 1]
        return bool(self._doubts.search(near))

    def phrases_in(self, words: Words) -> set[str]:
        """Give every phrase of the rules that stands in a text, as its rule writes it with its families put in."""
        found = self._phrases.search(words.words)
        return {text for text, number in self._numbers.items() if number in found}

    def by_codes(self, facts: Facts, *, spare: frozenset[Reason] = frozenset()) -> Rule | None:
        """Give the first rule without words that fits code, status, phase and host, or None; as ``by_words``."""
        found = self._phrases.search(facts.words.words)
        if self.doubts(facts.words):
            spare |= SUPPRESSES
        for rule in self._by_codes:
            if rule.reason not in spare and _fits(rule, facts) and self._not_by_codes[rule.name].isdisjoint(found):
                return rule
        return None


def _fits(rule: Rule, facts: Facts) -> bool:
    if rule.code and not facts.code.startswith(rule.code):
        return False
    if rule.status and not _status_in(facts.status, rule.status):
        return False
    if rule.reported and not facts.reported:
        return False
    if rule.phase and facts.phase not in rule.phase:
        return False
    return not rule.host or _of_domains((facts.host,), rule.host)


def _status_in(status: Status | None, wanted: frozenset[str]) -> bool:
    if status is None:
        return False
    return str(status) in wanted or f"x.{status.subject}.{status.detail}" in wanted


def _of_domains(hosts: Iterable[str], domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith("." + domain) for host in hosts for domain in domains)


def read_rules(toml: str, families: Mapping[str, Sequence[str]] | None = None) -> list[Rule]:
    """Read one file of rules, the families of words that it names put in. ValueError names the rule that is wrong."""
    return [_rule(_filled_in(table, families or {})) for table in tomllib.loads(toml).get("rule", [])]


def _filled_in(table: dict[str, Any], families: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Write the words of each family where a phrase of a rule names it."""
    try:
        lists = {key: [filled_in(text, families) for text in table[key]] for key in _PHRASES & table.keys()}
    except ValueError as wrong:
        raise ValueError(f"rule {table.get('name')!r}: {wrong}") from None
    return {**table, **lists}


def filled_in(phrase: str, families: Mapping[str, Sequence[str]]) -> str:
    """Write the words of each family where a phrase names it. ValueError: there is none of that name."""

    def words(name: re.Match[str]) -> str:
        if name[1] not in families:
            raise ValueError(f"unknown family {name[0]!r}")
        return "|".join(families[name[1]])

    return _FAMILY.sub(words, phrase)


def _rule(table: dict[str, Any]) -> Rule:
    known = {"name", "reason", "example", "permanent", "weak", "reported", "exact"}
    lists = {"any", "with", "not", "sites", "links", "code", "status", "host", "phase"}
    if odd := set(table) - known - lists:
        raise ValueError(f"rule {table.get('name')!r}: unknown key {min(odd)!r}")
    return Rule(
        name=table["name"],
        reason=Reason(table["reason"]),
        example=table["example"],
        any=tuple(table.get("any", ())),
        with_=tuple(table.get("with", ())),
        not_=tuple(table.get("not", ())),
        sites=tuple(table.get("sites", ())),
        links=frozenset(table.get("links", ())),
        code=tuple(table.get("code", ())),
        status=frozenset(table.get("status", ())),
        host=tuple(table.get("host", ())),
        phase=frozenset(table.get("phase", ())),
        permanent=table.get("permanent"),
        weak=table.get("weak", False),
        reported=table.get("reported", False),
        exact=table.get("exact", False),
    )


def shipped() -> Rulebook:
    """Read the rules that come with the package."""
    return Rulebook(shipped_rules(), Parties(families()), shipped_doubts())


def shipped_rules() -> list[Rule]:
    """Give the rules that come with the package, in their order."""
    named = families()
    return [rule for text in _files() for rule in read_rules(text, named)]


def shipped_doubts() -> list[str]:
    """Give the phrases of ``rules/05-doubts.toml``, the families of words put in."""
    tables = (tomllib.loads(text).get("doubts", {}) for text in _files())
    named = families()
    return [phrase for table in tables for phrase in _filled_in(table, named).get("any", ())]


def families() -> dict[str, list[str]]:
    """Give the families of words that rules name with ``@``: ``rules/00-words.toml``."""
    words: dict[str, list[str]] = tomllib.loads(_files()[0])["words"]
    return words


def _files() -> list[str]:
    folder = resources.files("bounce") / "rules"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return [file.read_text(encoding="utf-8") for file in files]
