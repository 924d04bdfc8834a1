"""
Person or machine: what loaded a pixel, and the name of the rule that says so.

The rules are data, ``agents.toml``, tried from top to bottom; the first that fits decides. A rule names the agent
(whole, or a piece of it), the method, the network, signs from other loads and how soon after the delivery; what it
does not name may be anything. Pieces are looked for as they stand and never as regular expressions: an agent is a
stranger's text.

One weak signal gives ``uncertain``, never a machine: phones open a mail within five seconds. Two together may.

Pure: no I/O, no clock, no chance.
"""

import tomllib
from bisect import bisect_right
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, NamedTuple

from store.nouns import Verdict

DEFAULT_RULE = "person-by-default"
_REMEMBERED = 4_096  # agents whose rules are kept, and loads whose verdicts are


class Load(NamedTuple):
    """What is known of one request for a pixel."""

    agent: str = ""
    method: str = "GET"
    networks: frozenset[str] = frozenset()  # names of the known networks that hold the client's address
    seconds_since_delivery: float | None = None  # since the receiver's 250; below 0: before it; None: not known
    signals: frozenset[str] = frozenset()  # what it has to do with other loads and the mail, see signals.py


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One entry of ``agents.toml``. An empty field does not matter."""

    name: str
    verdict: Verdict
    agent_is: frozenset[str] = frozenset()  # the whole agent is one of these, letter case included
    agent_has: tuple[str, ...] = ()  # the agent has one of these in it, in any letter case
    methods: frozenset[str] = frozenset()
    methods_not: frozenset[str] = frozenset()
    network: str = ""
    seconds_below: float | None = None  # and known
    signals: frozenset[str] = frozenset()  # all of them

    def fits_agent(self, agent: str, lowered: str) -> bool:
        """Whether the agent's part of the rule holds."""
        if self.agent_is and agent not in self.agent_is:
            return False
        return not self.agent_has or any(piece in lowered for piece in self.agent_has)

    def fits_rest(self, load: Load) -> bool:
        """Whether all but the agent's part of the rule holds."""
        if self.methods and load.method not in self.methods:
            return False
        if load.method in self.methods_not:
            return False
        if (self.network and self.network not in load.networks) or not self.signals <= load.signals:
            return False
        if self.seconds_below is None:
            return True
        return load.seconds_since_delivery is not None and load.seconds_since_delivery < self.seconds_below


@dataclass(frozen=True, slots=True)
class Book:
    """All of ``agents.toml``."""

    rules: tuple[Rule, ...]
    networks: dict[str, tuple[str, ...]]  # name -> prefixes that we ship
    examples: tuple[tuple[str, Load], ...]  # name of a rule, a load that must hit exactly it


class Judge:
    """The rules, ready for use."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._by_agent: dict[str, tuple[Rule, ...]] = {}
        self._limits = sorted({rule.seconds_below for rule in rules if rule.seconds_below is not None})
        self._verdicts: dict[tuple[object, ...], tuple[Verdict, str]] = {}

    def judge(self, load: Load) -> tuple[Verdict, str]:
        """Say what made this request, and the name of the rule that says so."""
        return self.judge_parts(*load)

    def judge_parts(
        self, agent: str, method: str, networks: frozenset[str], seconds: float | None, signals: frozenset[str]
    ) -> tuple[Verdict, str]:
        """Do the same, given what a Load is made of: nearly all are like one before, and need none."""
        # Between two limits of the rules the time makes no difference: the place among them stands for it.
        place = None if seconds is None else bisect_right(self._limits, seconds)
        alike = (agent, method, networks, place, signals)
        found = self._verdicts.get(alike)
        if found is None:
            if len(self._verdicts) >= _REMEMBERED:
                self._verdicts.clear()
            found = self._verdicts[alike] = self._look(Load(agent, method, networks, seconds, signals))
        return found

    def _look(self, load: Load) -> tuple[Verdict, str]:
        for rule in self._for_agent(load.agent):
            if rule.fits_rest(load):
                return rule.verdict, rule.name
        return Verdict.PERSON, DEFAULT_RULE

    def _for_agent(self, agent: str) -> tuple[Rule, ...]:
        found = self._by_agent.get(agent)
        if found is None:
            lowered = agent.lower()
            found = tuple(rule for rule in self._rules if rule.fits_agent(agent, lowered))
            if len(self._by_agent) >= _REMEMBERED:
                self._by_agent.clear()
            self._by_agent[agent] = found
        return found


def read_book(text: str) -> Book:
    """Read the text of a rule file. ValueError or KeyError tell a mistake in it; ours is read by the tests."""
    table = tomllib.loads(text)
    rules = tuple(_rule(entry) for entry in table["rule"])
    examples = tuple((entry["name"], _load(example)) for entry in table["rule"] for example in entry["examples"])
    return Book(rules, {name: tuple(prefixes) for name, prefixes in table["networks"].items()}, examples)


def _rule(entry: dict[str, Any]) -> Rule:
    known = {"agent_is", "agent_has", "methods", "methods_not", "network", "seconds_below", "signals"}
    unknown = entry.keys() - known - {"name", "verdict", "examples"}
    if unknown:
        raise ValueError(f"rule {entry['name']}: unknown {', '.join(sorted(unknown))}")
    return Rule(
        name=entry["name"],
        verdict=Verdict(entry["verdict"]),
        agent_is=frozenset(entry.get("agent_is", ())),
        agent_has=tuple(piece.lower() for piece in entry.get("agent_has", ())),
        methods=frozenset(entry.get("methods", ())),
        methods_not=frozenset(entry.get("methods_not", ())),
        network=entry.get("network", ""),
        seconds_below=entry.get("seconds_below"),
        signals=frozenset(entry.get("signals", ())),
    )


def _load(example: dict[str, Any]) -> Load:
    return Load(
        agent=example.get("agent", ""),
        method=example.get("method", "GET"),
        networks=frozenset(example.get("networks", ())),
        seconds_since_delivery=example.get("seconds"),
        signals=frozenset(example.get("signals", ())),
    )


BOOK = read_book(files("pixel").joinpath("agents.toml").read_text(encoding="utf-8"))
