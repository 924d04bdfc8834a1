"""pixel/judge.py and its rules, pixel/agents.toml."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel.judge import BOOK, DEFAULT_RULE, Judge, Load, read_book
from store.nouns import Verdict

JUDGE = Judge(BOOK.rules)
VERDICTS = {rule.name: rule.verdict for rule in BOOK.rules}
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(("name", "load"), BOOK.examples, ids=[f"{n}-{i}" for i, (n, _) in enumerate(BOOK.examples)])
def test_example_hits_its_own_rule(name: str, load: Load) -> None:
    """Each example of each rule is judged by that very rule, so no earlier one hides it."""
    assert JUDGE.judge(load) == (VERDICTS[name], name)


def test_every_rule_has_a_name_of_its_own_and_an_example() -> None:
    """A rule without an example could not be held; two of one name could not be told apart."""
    assert Counter(rule.name for rule in BOOK.rules).most_common(1)[0][1] == 1
    assert {name for name, _ in BOOK.examples} == {rule.name for rule in BOOK.rules}
    assert DEFAULT_RULE not in VERDICTS


@pytest.mark.parametrize(
    ("load", "verdict"),
    [
        # Apple: only the bare agent; ordinary Apple Mail starts with the same words and is a person.
        (Load(agent="Mozilla/5.0"), Verdict.PREFETCH),
        (Load(agent="Mozilla/5.0 "), Verdict.PERSON),
        (Load(agent="mozilla/5.0"), Verdict.PERSON),
        (
            Load(agent="Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"),
            Verdict.PERSON,
        ),
        # A browser is a person, also within seconds of the delivery: phones are quick.
        (Load(agent=CHROME), Verdict.PERSON),
        (Load(agent=CHROME, seconds_since_delivery=1.0), Verdict.PERSON),
        (Load(agent=CHROME, seconds_since_delivery=-1.0), Verdict.SCANNER),
        # Gmail's proxy right after the delivery is uncertain up to ten seconds, and a person from then on, and when
        # the time is not known.
        (Load(agent="x (via ggpht.com GoogleImageProxy)", seconds_since_delivery=9.99), Verdict.UNCERTAIN),
        (Load(agent="x (via ggpht.com GoogleImageProxy)", seconds_since_delivery=10.0), Verdict.PROXY),
        (Load(agent="x (via ggpht.com GoogleImageProxy)"), Verdict.PROXY),
        (Load(agent="X (VIA GGPHT.COM GOOGLEIMAGEPROXY)"), Verdict.PROXY),
        # A method that loads nothing is a probe, whoever asks; the office's own probe is the office's.
        (Load(agent=CHROME, method="HEAD"), Verdict.PROBE),
        (Load(agent="Mozilla/5.0", method="OPTIONS"), Verdict.PROBE),
        (Load(agent="curl/8.5.0", method="BREW"), Verdict.PROBE),
        (Load(agent=CHROME, method="HEAD", networks=frozenset({"own"})), Verdict.OWN),
        (Load(agent="Some Mail Program 3"), Verdict.PERSON),
    ],
)
def test_verdicts(load: Load, verdict: Verdict) -> None:
    """What must hit, and what lies beside it and must not."""
    assert JUDGE.judge(load)[0] is verdict


@given(
    agent=st.text(max_size=600),
    method=st.text(max_size=20),
    networks=st.frozensets(st.sampled_from(["own", "google", "apple-relay", "?"])),
    seconds=st.none() | st.floats(),
)
def test_whatever_is_asked_there_is_a_verdict(
    agent: str, method: str, networks: frozenset[str], seconds: float | None
) -> None:
    """Any load gets a verdict with the name of a rule, the same each time, and no exception."""
    load = Load(agent=agent, method=method, networks=networks, seconds_since_delivery=seconds)
    verdict, rule = JUDGE.judge(load)
    assert VERDICTS.get(rule, Verdict.PERSON) is verdict
    assert JUDGE.judge(load) == (verdict, rule)


def test_many_agents_do_not_fill_the_memory() -> None:
    """P6: what is remembered of agents is bounded, however many strangers make up."""
    judge = Judge(BOOK.rules)
    for n in range(5_000):
        judge.judge(Load(agent=f"made up {n}"))
    assert len(judge._by_agent) <= 4_096


def test_a_mistake_in_the_rules_is_told() -> None:
    """A misspelt condition would make a rule hit everything; it is refused instead."""
    with pytest.raises(ValueError, match="agent_hass"):
        read_book('[networks]\n[[rule]]\nname="x"\nverdict="scanner"\nagent_hass=["curl"]\nexamples=[]')
