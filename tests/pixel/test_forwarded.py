"""pixel/forwarded.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel.forwarded import MAX_AGENT, clean, client_address
from pixel.networks import Prefixes

PROXIES = Prefixes(["127.0.0.0/8", "10.0.0.0/8", "2001:db8:ffff::/48"])
LONG = ", ".join(["10.0.0.1"] * 50)


@pytest.mark.parametrize(
    ("peer", "x_forwarded_for", "forwarded", "client"),
    [
        # A stranger's word is not believed.
        ("203.0.113.9", ["192.0.2.1"], [], "203.0.113.9"),
        ("203.0.113.9", [], ["for=192.0.2.1"], "203.0.113.9"),
        # A proxy of ours says who asked.
        ("127.0.0.1", ["192.0.2.1"], [], "192.0.2.1"),
        ("127.0.0.1", [], ["for=192.0.2.1;proto=https;by=10.0.0.1"], "192.0.2.1"),
        ("127.0.0.1", [], ['For="[2001:db8::7]:4711"'], "2001:db8::7"),
        ("127.0.0.1", ["192.0.2.1:4711"], [], "192.0.2.1"),
        ("127.0.0.1", ["[2001:db8::7]"], [], "2001:db8::7"),
        ("127.0.0.1", ["::ffff:192.0.2.1"], [], "192.0.2.1"),
        # The right-most address that is no proxy of ours; what the client itself put before it is not believed.
        ("127.0.0.1", ["198.51.100.1, 192.0.2.1, 10.0.0.5"], [], "192.0.2.1"),
        ("127.0.0.1", ["198.51.100.1", "192.0.2.1"], [], "192.0.2.1"),
        ("127.0.0.1", [], ["for=198.51.100.1, for=192.0.2.1", "for=10.0.0.5"], "192.0.2.1"),
        # Nothing but proxies of ours: the farthest.
        ("127.0.0.1", ["10.0.0.9, 10.0.0.5"], [], "10.0.0.9"),
        # An entry that is no address ends the walk at the proxy that wrote it.
        ("127.0.0.1", ["198.51.100.1, unknown, 10.0.0.5"], [], "10.0.0.5"),
        ("127.0.0.1", [], ["for=_hidden"], "127.0.0.1"),
        ("127.0.0.1", [], ["proto=https"], "127.0.0.1"),
        ("127.0.0.1", ["", " , "], [], "127.0.0.1"),
        ("127.0.0.1", [], [], "127.0.0.1"),
        # Both headers: believed when they agree, else neither is.
        ("127.0.0.1", ["192.0.2.1"], ["for=192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["192.0.2.1"], ["for=198.51.100.1"], "127.0.0.1"),
        # As long a chain as one likes.
        ("127.0.0.1", [f"192.0.2.1, {LONG}"], [], "10.0.0.1"),
    ],
)
def test_client_address(peer: str, x_forwarded_for: list[str], forwarded: list[str], client: str) -> None:
    """P6: forwarded headers are believed from listed proxies only, and only to the right-most stranger."""
    assert client_address(peer, x_forwarded_for, forwarded, PROXIES) == client


@given(st.lists(st.text(max_size=80), max_size=5), st.lists(st.text(max_size=80), max_size=5))
def test_hostile_headers_do_no_harm(x_forwarded_for: list[str], forwarded: list[str]) -> None:
    """Whatever the headers: some address, and no exception."""
    assert client_address("127.0.0.1", x_forwarded_for, forwarded, PROXIES)


@given(st.text(max_size=2_000))
def test_agent_is_cut_and_has_no_controls(text: str) -> None:
    """P6: at most 512 octets of UTF-8, nothing that moves a terminal's cursor or turns a line around."""
    kept = clean(text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape"))
    assert len(kept.encode("utf-8")) <= MAX_AGENT
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u2066\u200f" for char in kept)


def test_agent_is_otherwise_kept() -> None:
    """An ordinary agent stays as it is; an octet over 512 is cut, half a character with it."""
    assert clean("Mozilla/5.0 (X11; é)") == "Mozilla/5.0 (X11; é)"
    assert clean("x" * 512) == "x" * 512
    assert clean("x" * 511 + "é") == "x" * 511
