"""bounce/addresses_in.py: addresses as reports write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounce.addresses_in import clean, from_field, plausible, xtext


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("rfc822; ann@customer.example", "ann@customer.example"),
        ("RFC822;<ann@customer.example>", "ann@customer.example"),
        ("rfc822; rfc822; ann@customer.example", "ann@customer.example"),
        ("ann@customer.example", "ann@customer.example"),
        ("rfc822; Ann Weber <ann@customer.example>", "ann@customer.example"),
        ("rfc822; ann@customer.example (Ann)", "ann@customer.example"),
        ("rfc822; @relay.example:ann@customer.example", "ann@customer.example"),
        ('rfc822; "ann weber"@customer.example', '"ann weber"@customer.example'),
        ("x400; /C=de/S=Weber/", ""),
        ("utf-8; ann\\x{E9}@customer.example", "anné@customer.example"),
        ("utf-8; ann\\x{D800}@customer.example", "ann@customer.example"),
        ("rfc822; ann", "ann"),
        ("", ""),
    ],
)
def test_recipient_fields(value: str, address: str) -> None:
    """RFC 3464 and 6533, and the ways to miss them."""
    assert from_field(value) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("<ann@customer.example>:", "ann@customer.example"),
        ("ann@customer.example...", "ann@customer.example"),
        ("mailto:ann@customer.example", "ann@customer.example"),
        ("SMTP:ann@customer.example;", "ann@customer.example"),
        ("SMTP=ann@customer.example", "ann@customer.example"),
        ("'ann@customer.example'", "ann@customer.example"),
    ],
)
def test_clean(text: str, address: str) -> None:
    """What surrounds an address is no part of it."""
    assert clean(text) == address


def test_xtext() -> None:
    """RFC 3461: "+2B" is a plus; what would not be printable stays."""
    assert xtext("ann+2Binvoices@customer.example") == "ann+invoices@customer.example"
    assert xtext("ann+0A@customer.example") == "ann+0A@customer.example"


@pytest.mark.parametrize(
    ("address", "expected"), [("a@b.example", True), ("a@b", False), ("@b.example", False), ("a@.", False)]
)
def test_plausible(address: str, expected: bool) -> None:  # noqa: FBT001 a column of the table
    """Somebody could be written to."""
    assert plausible(address) is expected


@given(st.text(max_size=200))
def test_nothing_raises(text: str) -> None:
    """Whatever the text: an address or nothing."""
    clean(text)
    from_field(text)
