"""TLSA records: which are of use to mail, and which certificates match (RFC 6698, RFC 7672)."""

import hashlib
from dataclasses import dataclass

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from relay.delivery.tlsa import MOST, Tlsa, check, usable

NOW = 1_800_000_000.0


def der(pem: trustme.Blob) -> bytes:
    return x509.load_pem_x509_certificate(pem.bytes()).public_bytes(Encoding.DER)


def key_of(certificate: bytes) -> bytes:
    public = x509.load_der_x509_certificate(certificate).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class Chain:
    """A server's certificate, its intermediate, and the authority above, DER."""

    own: bytes
    middle: bytes
    root: bytes


@pytest.fixture(scope="module")
def chain() -> Chain:
    root = trustme.CA()
    middle = root.create_child_ca()
    own = middle.issue_cert("mx.test", "*.wild.test")
    return Chain(der(own.cert_chain_pems[0]), der(middle.cert_pem), der(root.cert_pem))


def record(usage: int, selector: int, matching: int, certificate: bytes) -> Tlsa:
    """Write the record that names a certificate."""
    selected = key_of(certificate) if selector else certificate
    data = [selected, hashlib.sha256(selected).digest(), hashlib.sha512(selected).digest()][matching]
    return Tlsa(usage, selector, matching, data)


_KINDS = [(selector, matching) for selector in (0, 1) for matching in (0, 1, 2)]


@pytest.mark.parametrize(("selector", "matching"), _KINDS)
def test_the_servers_own_certificate(chain: Chain, selector: int, matching: int) -> None:
    """Usage 3: it matches by certificate or key, whole or by digest; neither names nor dates count."""
    named = record(3, selector, matching, chain.own)
    assert named.usable
    assert check([named], [chain.own], names=["other.test"], now=NOW) == ""
    assert check([named], [chain.own], names=["other.test"], now=1.0) == ""
    assert "matches none" in check([named], [chain.middle, chain.own], names=["mx.test"], now=NOW)


@pytest.mark.parametrize("which", ["middle", "root"])
@pytest.mark.parametrize(("selector", "matching"), _KINDS)
def test_an_authority_that_the_server_shows(chain: Chain, selector: int, matching: int, which: str) -> None:
    """Usage 2: the server's certificate leads to it, proves one of the names, and is in date."""
    named = record(2, selector, matching, getattr(chain, which))
    shown = [chain.own, chain.middle, chain.root]
    assert named.usable
    assert check([named], shown, names=["mx.test"], now=NOW) == ""
    assert check([named], shown, names=["other.test", "a.wild.test"], now=NOW) == ""
    assert "no matching subjectAltName" in check([named], shown, names=["other.test"], now=NOW)
    assert "not valid" in check([named], shown, names=["mx.test"], now=1.0)


def test_an_authority_that_only_the_record_holds(chain: Chain) -> None:
    """A whole certificate in the record need not be shown; of a digest nothing can be made."""
    shown = [chain.own, chain.middle]
    assert check([record(2, 0, 0, chain.root)], shown, names=["mx.test"], now=NOW) == ""
    assert "matches none" in check([record(2, 0, 1, chain.root)], shown, names=["mx.test"], now=NOW)
    assert "does not lead" in check([record(2, 0, 0, chain.root)], [chain.own], names=["mx.test"], now=NOW)


def test_another_authority_of_the_same_chain(chain: Chain) -> None:
    """That a stranger's authority is shown along does not make it the one that signed."""
    stranger = der(trustme.CA().cert_pem)
    why = check([record(2, 0, 1, stranger)], [chain.own, chain.middle, stranger], names=["mx.test"], now=NOW)
    assert "does not lead" in why


def test_one_good_record_is_enough(chain: Chain) -> None:
    """As at a change of keys: the old one and the new one."""
    wrong = record(3, 1, 1, chain.root)
    right = record(3, 1, 1, chain.own)
    assert check([wrong, right], [chain.own], names=["mx.test"], now=NOW) == ""
    assert check([wrong], [chain.own], names=["mx.test"], now=NOW) != ""


@pytest.mark.parametrize(
    "bad",
    [
        Tlsa(0, 0, 1, b"x" * 32),  # PKIX-TA and PKIX-EE are not for mail
        Tlsa(1, 1, 1, b"x" * 32),
        Tlsa(4, 1, 1, b"x" * 32),
        Tlsa(255, 1, 1, b"x" * 32),
        Tlsa(3, 2, 1, b"x" * 32),
        Tlsa(3, 1, 3, b"x" * 32),
        Tlsa(3, 1, 1, b"x" * 31),
        Tlsa(3, 1, 2, b"x" * 32),
        Tlsa(3, 0, 0, b"no certificate"),
        Tlsa(2, 0, 0, b""),
    ],
    ids=str,
)
def test_what_is_of_no_use(bad: Tlsa) -> None:
    """RFC 7672 section 3.1.3, RFC 7671 section 5: it is as if it were not there."""
    assert not bad.usable
    assert usable([bad, Tlsa(3, 1, 1, b"x" * 32)]) == (Tlsa(3, 1, 1, b"x" * 32),)


def test_only_so_many_are_looked_at() -> None:
    """A stranger's zone does not choose how long we work."""
    assert len(usable([Tlsa(3, 1, 1, bytes(32))] * 1000)) == MOST


@given(st.lists(st.binary(max_size=60), max_size=4), st.integers(2, 3), st.integers(0, 1), st.binary(max_size=70))
def test_whatever_the_server_shows(chain: list[bytes], usage: int, selector: int, data: bytes) -> None:
    """Octets that are no certificate are a refusal in words, no exception."""
    records = [Tlsa(usage, selector, matching, data) for matching in range(3)]
    usable(records)
    assert "no certificate" in check(records, chain, names=["mx.test"], now=NOW)
