"""Who may send as whom."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.submission.sender import SenderDomains, from_addresses


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("ann@club.test", True),
        ("ann@CLUB.test", True),
        ('"a@evil.test"@club.test', True),
        ("", True),
        ("ann@club.test.evil.test", False),
        ("ann@evilclub.test", False),
        ("ann@mail.club.test", False),
        ("ann@news.school.test", True),
        ("ann@school.test", False),
        ("ann@notschool.test", False),
        ("ann@xn--mnchen-3ya.test", True),
        ("ann@münchen.test", True),
        ("ann@[192.0.2.1]", False),
        ("ann", False),
    ],
)
def test_domains(address: str, *, allowed: bool) -> None:
    """Exactly the domains named, in either spelling; a star stands for all below; no look-alike passes."""
    assert SenderDomains(["club.test", "*.school.test", "münchen.test"]).allow(address) is allowed


def test_none_named_is_any() -> None:
    """A credential without domains may send from all."""
    assert SenderDomains([]).allow("ann@anywhere.test")
    assert not SenderDomains(["not a domain"]).allow("ann@anywhere.test")


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ("ann@club.test", ["ann@club.test"]),
        ("Ann Lee <ann@club.test>", ["ann@club.test"]),
        ('"Lee, Ann <eve@evil.test>" <ann@club.test>', ["ann@club.test"]),
        ('"Ann \\" <eve@evil.test>" <ann@club.test>', ["ann@club.test"]),
        ("Lee, Ann <ann@club.test>", ["ann@club.test"]),
        ("bob@evil.test <ann@club.test>", ["ann@club.test"]),
        ("Ann (the (best) eve@evil.test) <ann@club.test>", ["ann@club.test"]),
        ("ann@club.test, eve@evil.test", ["ann@club.test", "eve@evil.test"]),
        ("Ann <ann@club.test> <eve@evil.test>", ["ann@club.test", "eve@evil.test"]),
        ("Board: ann@club.test, <bob@club.test>;", ["ann@club.test", "bob@club.test"]),
        ('"ann lee"@club.test', ["q@club.test"]),
        ("< ann@club.test >", ["ann@club.test"]),
        ('ann@club.test, "<eve@evil.test>', ["ann@club.test", "eve@evil.test"]),
        ("Ann", []),
        ("", []),
    ],
)
def test_from_field(value: str, addresses: list[str]) -> None:
    """All addresses and no display names; what is broken yields too many rather than too few."""
    assert from_addresses(value) == addresses


@given(st.text(alphabet='"\\<>(),;:@a .'))
def test_any_text_is_read(value: str) -> None:
    """Whatever the text: addresses with no blank in them, and no exception."""
    assert all(address and " " not in address for address in from_addresses(value))


@pytest.mark.parametrize("piece", ['"\\', "<", "(", '"', "<@>,", ")(", "\\"])
def test_work_is_linear(piece: str) -> None:
    """Four times the text takes about four times as long, not sixteen (CPU time of one run against another)."""

    def cost(size: int) -> float:
        value = piece * size
        began = time.process_time()
        from_addresses(value)
        return time.process_time() - began

    assert min(cost(80_000) for _ in range(3)) < 10 * min(cost(20_000) for _ in range(3)) + 0.05
