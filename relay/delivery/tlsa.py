"""
TLSA records (RFC 6698) as mail uses them (RFC 7672): which are of use, and whether a server's certificates match.

Pure: no I/O, no clock, no chance.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import verification

DANE_TA = 2  # the record names an authority; names and dates of the server's certificate count
DANE_EE = 3  # the record names the server's own certificate or key; nothing else of it counts (RFC 7672 section 3.1.1)
_WHOLE, _SHA256, _SHA512 = 0, 1, 2
_LENGTHS = {_SHA256: 32, _SHA512: 64}
_CERTIFICATE, _PUBLIC_KEY = 0, 1
MOST = 50  # records of a host that are looked at
_LONGEST_CHAIN = 10  # certificates of a server that are looked at


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One record."""

    usage: int
    selector: int
    matching: int
    data: bytes

    @property
    def usable(self) -> bool:
        """Whether a mail client can do anything with it (RFC 7672 section 3.1): usages 0 and 1 are not for mail."""
        if self.usage not in (DANE_TA, DANE_EE) or self.selector not in (_CERTIFICATE, _PUBLIC_KEY):
            return False
        if self.matching == _WHOLE:
            return self.selector == _PUBLIC_KEY or _read(self.data) is not None
        return _LENGTHS.get(self.matching) == len(self.data)

    def matches(self, certificate: x509.Certificate) -> bool:
        """Whether this record names this certificate."""
        try:
            selected = (
                certificate.public_bytes(Encoding.DER)
                if self.selector == _CERTIFICATE
                else certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            )
        except (ValueError, UnsupportedAlgorithm):  # a key of a kind that nobody knows
            return False
        match self.matching:
            case 0:
                return selected == self.data
            case 1:
                return hashlib.sha256(selected).digest() == self.data
            case _:
                return hashlib.sha512(selected).digest() == self.data

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"


def usable(records: Sequence[Tlsa]) -> tuple[Tlsa, ...]:
    """Give the records that are of use to a mail client, MOST of them."""
    return tuple(record for record in records[:MOST] if record.usable)


def check(records: Sequence[Tlsa], chain: Sequence[bytes], *, names: Sequence[str], now: float) -> str:
    """
    Say why a server does not match its records; "" when it does.

    Args:
        records: Usable ones, at least one.
        chain: The certificates that the server showed, DER, its own first.
        names: The names that an authority's certificate may prove (usage 2): the host's, and the mail domain.
        now: Unix seconds.
    """
    certificates = [certificate for der in chain[:_LONGEST_CHAIN] if (certificate := _read(der)) is not None]
    if not certificates:
        return "the server shows no certificate that can be read"
    own, others = certificates[0], certificates[1:]
    if any(record.usage == DANE_EE and record.matches(own) for record in records):
        return ""
    why = "its certificate matches none of the TLSA records"
    for anchor in _anchors([record for record in records if record.usage == DANE_TA], others):
        why = _refusal(own, others, anchor, names, now)
        if not why:
            return ""
    return why


def _anchors(records: Sequence[Tlsa], shown: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Give the authorities that the records name: of those that the server shows, or whole in a record."""
    named = [certificate for certificate in shown if any(record.matches(certificate) for record in records)]
    whole = [_read(record.data) for record in records if (record.selector, record.matching) == (_CERTIFICATE, _WHOLE)]
    return named + [certificate for certificate in whole if certificate is not None]


def _refusal(
    own: x509.Certificate,
    others: Sequence[x509.Certificate],
    anchor: x509.Certificate,
    names: Sequence[str],
    now: float,
) -> str:
    """Say why a certificate does not lead to an authority for one of the names; "" when it does."""
    policy = (
        verification.PolicyBuilder()
        .store(verification.Store([anchor]))
        .time(datetime.fromtimestamp(now, UTC))
        .extension_policies(ca_policy=_AUTHORITIES, ee_policy=_SERVERS)
    )
    why = ""
    for name in names:
        try:
            policy.build_server_verifier(x509.DNSName(name)).verify(own, list(others))
        except verification.VerificationError as error:
            why = why or str(error).partition(" (encountered")[0].removeprefix("validation failed: ")
        except ValueError:  # a name that no certificate can hold
            continue
        else:
            return ""
    return f"its certificate does not lead to the authority of the TLSA record: {why or 'no name to check'}"


def _must_be_authority(_: verification.Policy, __: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("a certificate of the chain is no authority's")


# An authority of one's own seldom writes certificates as the web wants them: beside names, dates and signatures only
# that an authority is one is asked for.
_AUTHORITIES = verification.ExtensionPolicy.permit_all().require_present(
    x509.BasicConstraints, verification.Criticality.AGNOSTIC, _must_be_authority
)
_SERVERS = verification.ExtensionPolicy.permit_all().require_present(
    x509.SubjectAlternativeName, verification.Criticality.AGNOSTIC, None
)


def _read(der: bytes) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        return None
