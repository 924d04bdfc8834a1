"""MTA-STS as text: the TXT record and the policy (RFC 8461 section 3), and which hosts a policy names."""

from contextlib import suppress
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.delivery.sts_policy import (
    LARGEST,
    LONGEST_AGE,
    MOST_MX_OCTETS,
    BadPolicy,
    Policy,
    read_policy,
    read_record,
    read_stored,
)

GOOD = b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        (["v=STSv1;id=1"], "1"),
        (["v=STSv1 ;\tid=1 ; "], "1"),
        (["v=STSv1; x-note=a,b; id=1"], "1"),
        (["v=STSv1; id=1; id=2"], "1"),
        (["v=spf1 -all", "v=STSv1; id=1"], "1"),  # others are passed over
        (["v=STSv1; id=1", "v=STSv1; id=2"], None),  # two are none
        (["v=STSv1"], None),
        (["v=STSv1;"], None),
        (["v=STSv1; id="], None),
        (["v=STSv1; id=a-b"], None),
        (["v=STSv1; id=" + "1" * 33], None),
        (["v=STSv1; id=1;; x=1"], None),
        (["v=STSv1; id=1; what is this"], None),
        (["v=STSv2; id=1"], None),
        (["V=STSv1; id=1"], None),
        ([" v=STSv1; id=1"], None),
        ([""], None),
        ([], None),
    ],
)
def test_the_record_names_the_version_of_a_policy(texts: list[str], expected: str | None) -> None:
    """One record with a well-formed id, or there is no policy."""
    assert read_record(texts) == expected


def test_a_policy() -> None:
    """The example of RFC 8461; each of its line ends may be LF or CRLF."""
    expected = Policy("enforce", 604800, ("mail.example.com", "*.example.net"))
    assert read_policy(GOOD) == expected
    assert read_policy(GOOD.replace(b"\r\n", b"\n")) == expected
    assert read_policy(GOOD.removesuffix(b"\r\n")) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"mode: enforce", b"mode:enforce  ", Policy("enforce", 604800, ("mail.example.com", "*.example.net"))),
        (b"mail.example.com", b"MAIL.Example.COM.", Policy("enforce", 604800, ("mail.example.com", "*.example.net"))),
        (b"604800", b"9999999999", Policy("enforce", LONGEST_AGE, ("mail.example.com", "*.example.net"))),
        (b"max_age", b"note: \xc3\xa4 b\nmax_age", Policy("enforce", 604800, ("mail.example.com", "*.example.net"))),
        (b"max_age", b"mode: none\nmax_age", Policy("enforce", 604800, ("mail.example.com", "*.example.net"))),
        (b"*.example.net", b"mail.example.com", Policy("enforce", 604800, ("mail.example.com",))),
    ],
)
def test_what_a_policy_may_be_like(old: bytes, new: bytes, expected: Policy) -> None:
    """White space, case, unknown and repeated fields, an age over a year."""
    assert read_policy(GOOD.replace(old, new)) == expected


def test_no_policy_needs_no_host() -> None:
    """Mode "none" takes a policy back (section 8.3)."""
    assert read_policy(b"version: STSv1\nmode: none\nmax_age: 60\n") == Policy("none", 60, ())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "version"),
        (GOOD.replace(b"STSv1", b"STSv2"), "version"),
        (GOOD.replace(b"enforce", b"Enforce"), "mode"),
        (GOOD.replace(b"mode: enforce\r\n", b""), "mode"),
        (GOOD.replace(b"604800", b"a week"), "max_age"),
        (GOOD.replace(b"604800", b"-1"), "max_age"),
        (GOOD.replace(b"604800", b"12345678901"), "max_age"),
        (b"version: STSv1\nmode: testing\nmax_age: 60\n", "no mx"),
        (GOOD.replace(b"*.example.net", b"*.*.example.net"), "no host name"),
        (GOOD.replace(b"*.example.net", b"a*.example.net"), "no host name"),
        (GOOD.replace(b"*.example.net", b"1.2.3.4/8"), "no host name"),
        (GOOD.replace(b"*.example.net", b""), "no host name"),
        (GOOD.replace(b"*.example.net", b"x" * 300), "no host name"),
        (b"<html>\n" + GOOD, "no field"),
        (GOOD + b"\xff", "UTF-8"),
        (GOOD + b"x: y\n" * LARGEST, "64 kB"),
        (GOOD + b"".join(b"mx: mx%d.example.com\n" % n for n in range(MOST_MX_OCTETS // 10)), "too many"),
    ],
)
def test_what_is_no_policy_says_why(content: bytes, why: str) -> None:
    """In a few words."""
    with pytest.raises(BadPolicy, match=why):
        read_policy(content)


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("mail.example.com", True),
        ("mx1.example.net", True),
        ("example.net", False),
        ("a.mx1.example.net", False),  # one label, no more (section 4.1)
        ("mail.example.com.evil.test", False),
        ("xmail.example.com", False),
        ("example.com", False),
        ("", False),
        (".example.net", True),  # no host has this name: DNS cannot hold it
    ],
)
def test_a_policy_names_hosts(host: str, *, named: bool) -> None:
    """Whole names, or exactly one label in the place of the star."""
    assert read_policy(GOOD).names(host) is named


def test_a_policy_comes_back_from_the_store() -> None:
    """What ``asdict`` makes of it is read again; a wrong one is refused."""
    policy = read_policy(GOOD)
    assert read_stored(asdict(policy)) == policy
    with pytest.raises(BadPolicy):
        read_stored({**asdict(policy), "mode": "what"})


@given(st.binary(max_size=400))
def test_whatever_the_octets(content: bytes) -> None:
    """A policy or BadPolicy; never another exception."""
    with suppress(BadPolicy):
        assert read_policy(content).max_age <= LONGEST_AGE


_PIECES = st.sampled_from(
    [
        "version: STSv1",
        "mode: enforce",
        "mode: none",
        "mx: a.test",
        "mx: *.b",
        "max_age: 1",
        ":",
        "\r",
        "\n",
        "\r\n",
        " ",
    ]
)


@given(st.lists(_PIECES, max_size=20))
def test_whatever_the_lines(pieces: list[str]) -> None:
    """What is read is within bounds, and is read again as the same."""
    try:
        policy = read_policy("".join(pieces).encode())
    except BadPolicy:
        return
    assert 0 <= policy.max_age <= LONGEST_AGE
    assert policy.mx or policy.mode == "none"
    assert read_stored(asdict(policy)) == policy


@given(st.lists(st.text(max_size=60), max_size=4))
def test_whatever_the_record(texts: list[str]) -> None:
    """An id of letters and digits, or none."""
    told = read_record([*texts, "v=STSv1; id=" + "".join(texts)])
    assert told is None or (told.isascii() and told.isalnum() and len(told) <= 32)
