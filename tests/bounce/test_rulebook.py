"""bounce/rulebook.py and the rules: each rule is reachable, and files that are wrong say so."""

from collections import Counter

import pytest

from bounce.classify import classify
from bounce.rulebook import BLAMES_RECIPIENT, Rule, read_rules, shipped
from store.nouns import Phase, Reason

RULES = shipped().rules


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_example_hits_its_very_rule(rule: Rule) -> None:
    """No rule hides another: the example that stands beside a rule finds that rule."""
    phase = Phase(min(rule.phase)) if rule.phase else None
    finding = classify(rule.example, phase=phase, action="failed" if rule.reported else "")
    assert finding.rule == rule.name
    assert finding.reason == rule.reason


def test_names_are_unique() -> None:
    """A verdict can be argued with only when its name means one rule."""
    assert [name for name, count in Counter(rule.name for rule in RULES).items() if count > 1] == []


def test_codes_of_policy_never_blame_the_recipient() -> None:
    """x.7.y without words is no ground to suppress; x.7.13, a disabled account, is the exception by RFC 5248."""
    for rule in RULES:
        if rule.reason in BLAMES_RECIPIENT and not rule.by_words:
            assert {s for s in rule.status if s.split(".")[1] == "7"} <= {"x.7.13"}


def test_unknown_key_is_named() -> None:
    """A misspelt key is an error with the rule's name."""
    with pytest.raises(ValueError, match=r"'typo'.*'anny'"):
        read_rules('[[rule]]\nname = "typo"\nreason = "expired"\nexample = "x"\nanny = ["x"]\n')


def test_rule_is_read_whole() -> None:
    """Every key of a rule arrives."""
    (rule,) = read_rules(
        '[[rule]]\nname = "n"\nreason = "expired"\nexample = "x"\nany = ["a"]\nwith = ["b"]\nnot = ["c"]\n'
        'sites = ["d.example"]\nlinks = ["e"]\ncode = ["4"]\nstatus = ["x.4.7"]\nhost = ["f.example"]\n'
        'phase = ["rcpt"]\npermanent = false\nweak = true\nreported = true\n'
    )
    assert rule == Rule(
        name="n",
        reason=Reason.EXPIRED,
        example="x",
        any=("a",),
        with_=("b",),
        not_=("c",),
        sites=("d.example",),
        links=frozenset({"e"}),
        code=("4",),
        status=frozenset({"x.4.7"}),
        host=("f.example",),
        phase=frozenset({"rcpt"}),
        permanent=False,
        weak=True,
        reported=True,
    )


def test_a_family_stands_for_each_of_its_words() -> None:
    """A phrase names a family of words once; each of them fits there, and an unknown family is an error."""
    toml = '[[rule]]\nname = "n"\nreason = "expired"\nexample = "x"\nany = ["@who .. @gone"]\n'
    (rule,) = read_rules(toml, {"who": ["user", "konto"], "gone": ["unknown", "inconnu*"]})
    assert rule.any == ("user|konto .. unknown|inconnu*",)
    with pytest.raises(ValueError, match=r"'n'.*'@gone'"):
        read_rules(toml, {"who": ["user"]})
