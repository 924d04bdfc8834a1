"""
A key that signs, and the DNS record that lets others verify (RFC 6376 section 3.6.1, RFC 8463).

Pure: no I/O, no clock, no chance.
"""

import base64
import re
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

# RFC 8301 section 3.2: signers use at least 1024 bits (and should use 2048), verifiers must take up to 4096.
LEAST_BITS, MOST_BITS = 1024, 4096
_STRING = 255  # octets of one string of a TXT record, RFC 1035 section 3.3.14

# RFC 6376 section 3.1:  selector = sub-domain *( "." sub-domain )
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
_MAX_SELECTOR = 100


class UnusableKey(Exception):
    """A file holds no key that can sign; the text says why, and never shows the key."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key under the name by which its record is found."""

    domain: str  # d=: A-labels, lower case
    selector: str  # s=
    private: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        """The tag a= of its signatures."""
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    @property
    def bits(self) -> int:
        """Size of the key."""
        return self.private.key_size if isinstance(self.private, RSAPrivateKey) else 256

    @property
    def record_name(self) -> str:
        """Where the record stands, without a final dot."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The text of the TXT record."""
        public = self.private.public_key()
        if isinstance(self.private, RSAPrivateKey):
            kind, octets = "rsa", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        else:
            kind, octets = "ed25519", public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k={kind}; p={base64.b64encode(octets).decode('ascii')}"

    def sign(self, text: bytes) -> bytes:
        """Sign; the same bytes each time. Ed25519 signs the hash (RFC 8463 section 3)."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(text, PKCS1v15(), SHA256())
        digest = Hash(SHA256())
        digest.update(text)
        return self.private.sign(digest.finalize())


def read_pem(pem: bytes, *, domain: str, selector: str) -> SigningKey:
    """Read a private key in PEM. Raises UnusableKey with what would be right."""
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password
        raise UnusableKey("is not a private key in PEM without a password") from None
    if isinstance(private, RSAPrivateKey):
        if not LEAST_BITS <= private.key_size <= MOST_BITS:
            raise UnusableKey(f"has {private.key_size} bits; RSA keys for DKIM have {LEAST_BITS} to {MOST_BITS}")
    elif not isinstance(private, Ed25519PrivateKey):
        raise UnusableKey("is neither an RSA nor an Ed25519 key")
    return SigningKey(domain, selector, private)


def good_selector(selector: str) -> bool:
    """Whether this can be a selector: labels of lower case letters, digits and hyphens."""
    return len(selector) <= _MAX_SELECTOR and _SELECTOR.fullmatch(selector) is not None


def txt_strings(record: str) -> list[str]:
    """Cut a record's text into the strings of 255 octets that a TXT record is made of (RFC 6376 section 3.6.2.2)."""
    return [record[at : at + _STRING] for at in range(0, len(record), _STRING)]
