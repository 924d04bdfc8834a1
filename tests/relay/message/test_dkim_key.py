"""relay/message/dkim_key.py: which keys can sign, and what DNS must say of them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)
from cryptography.hazmat.primitives.serialization import KeySerializationEncryption as Encryption

from relay.message.dkim_key import UnusableKey, good_selector, read_pem, txt_strings
from tests.rigs.dkim import ED25519, RSA

# openssl genrsa 512: no library makes such a key any more.
SHORT = b"""-----BEGIN RSA PRIVATE KEY-----
MIIBPAIBAAJBAM+uTsXECuvDmVYku0kVEFOEtW7yrA8B4j2Yvq5HX+26srMSXBkU
RvUXJyDkQ1o9aWeStTQDQWnXRmEgI0ZgobsCAwEAAQJBAM57qJgaNR15SNAMDyU3
Sxcun9Eid40oO08wuYy/LBJHvckrJ24zsrq2ZiBpjEfWwHDLivEJpGdy3jKMskXI
R/ECIQDtRfaidcq75uAs/RSKkRZHZmVaxL6EVUKJwUkW8XKcyQIhAOAScEKHhofw
NqrYObw20JhI0N6ALQ3CTUvFOjaLngBjAiEA42dpgLz6J+qXsiaAeGmje5zkyQDF
Q5lfYx2PimCwIxkCIQCqzqNws6rj2UNy/J0WUpq0W12NHxw5DtKpXdFAXzG0jQIg
AhbbKdS9a7lYtB/Vg5+f+R909tke/JujxOhuCRnQ7m0=
-----END RSA PRIVATE KEY-----
"""


def pem(key: object, encryption: Encryption | None = None) -> bytes:
    octets: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())  # type: ignore[attr-defined]  # every private key has it
    return octets


@pytest.mark.parametrize("key", [RSA, ED25519])
def test_a_key_is_read_as_it_was_written(key: object) -> None:
    """With the name of its record, its size and its algorithm."""
    assert isinstance(key, type(RSA))
    read = read_pem(pem(key.private), domain="club.test", selector="s")
    assert (read.algorithm, read.bits, read.record) == (key.algorithm, key.bits, key.record)
    assert read.record_name == "s._domainkey.club.test"
    assert read.sign(b"text") == key.sign(b"text")


def test_the_record_holds_the_public_key() -> None:
    """RSA in DER (RFC 6376 section 3.6.1), Ed25519 as its 32 octets (RFC 8463 section 4)."""
    assert RSA.record.startswith("v=DKIM1; k=rsa; p=")
    assert load_der_public_key(base64.b64decode(RSA.record.partition("p=")[2])) == RSA.private.public_key()
    raw = ED25519.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert ED25519.record == f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"


def test_the_record_is_cut_into_strings_that_dns_can_hold() -> None:
    """255 octets each (RFC 1035 section 3.3.14); together they are the record."""
    strings = txt_strings(RSA.record)
    assert "".join(strings) == RSA.record
    assert [len(string) <= 255 for string in strings] == [True, True]
    assert txt_strings("x" * 255) == ["x" * 255]
    assert txt_strings("x" * 256) == ["x" * 255, "x"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "is not a private key in PEM without a password"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is not a private key in PEM"),
        (pem(RSA.private, BestAvailableEncryption(b"secret")), "without a password"),
        (pem(generate_ec(SECP256R1())), "is neither an RSA nor an Ed25519 key"),
        (SHORT, "has 512 bits; RSA keys for DKIM have 1024 to 4096"),
    ],
)
def test_what_cannot_sign_is_refused(text: bytes, says: str) -> None:
    """The sentence says what would be right, and nothing of what is in the file."""
    with pytest.raises(UnusableKey) as caught:
        read_pem(text, domain="club.test", selector="s")
    assert says in str(caught.value)


def test_selectors() -> None:
    """What can stand in DNS and cannot be a path."""
    assert all(map(good_selector, ["a", "h20261123-ed", "x.y1", "1"]))
    assert not any(map(good_selector, ["", ".", "..", "a..b", "-a", "a-", "A", "a/b", "../a", "a b", "a" * 64, "a\n"]))
