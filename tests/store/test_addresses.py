"""Addresses as keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.addresses import address_key, ascii_domain, split_address


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("Ann@Example.ORG", "ann@example.org"),
        ("ann+shop@example.org", "ann+shop@example.org"),
        ('"Ann"@example.org', "ann@example.org"),
        ('"a\\"b"@example.org', 'a"b@example.org'),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@example.org.", "ann@example.org"),
        ("straße@example.org", "strasse@example.org"),
        ("a@b@example.org", "a@b@example.org"),
        ("ann@[192.0.2.1]", "ann@[192.0.2.1]"),
        ("postmaster", "postmaster@"),
    ],
)
def test_one_mailbox_one_key(address: str, key: str) -> None:
    """Case, needless quotes and the way a domain is written make no difference; a plus-tag does."""
    assert address_key(address) == key


@pytest.mark.parametrize("one", ["john-doe@example.org", "johndoe@example.org", "john.doe@example.org"])
def test_different_mailboxes_differ(one: str) -> None:
    """What may be another mailbox never shares a key."""
    assert address_key(one) != address_key("john-smith@example.org")
    assert len({address_key(it) for it in ("john-doe@a.b", "johndoe@a.b", "john.doe@a.b")}) == 3


@pytest.mark.parametrize("domain", ["", ".", "a..b", "[192.0.2.1]", "-a.example", "a b.example", "x" * 64, "é" * 300])
def test_what_dns_cannot_know(domain: str) -> None:
    """Such a domain is "" and not a guess."""
    assert ascii_domain(domain) == ""


def test_split_at_the_last_at() -> None:
    """The domain is what follows the last @ outside quotes."""
    assert split_address('"a@b"@example.org') == ('"a@b"', "example.org")
    assert split_address('"a@b"') == ('"a@b"', "")
    assert split_address("ann") == ("ann", "")


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text(local: str, domain: str) -> None:
    """Whatever the text: a key, no exception; and the key of a key is itself where it has a domain that DNS knows."""
    key = address_key(f"{local}@{domain}")
    if ascii_domain(domain) and '"' not in key:
        assert address_key(key) == key
