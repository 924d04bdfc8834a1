"""Certificates for submission: a self-signed one to begin with, loading, and taking up a new one while serving."""

import contextlib
import ipaddress
import logging
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=825)  # the longest that clients which check the lifetime take
_COMMON_NAME = 64  # characters, RFC 5280 appendix A.1


def make_certificate(hostname: str, *, now: float, random: bytes) -> tuple[bytes, bytes]:
    """
    Make a self-signed certificate for a host name or an address; clients that check certificates must be given it.

    Args:
        hostname: Named in it, beside localhost and the loopback addresses.
        now: Unix seconds; it is good from a day before, for clocks that go wrong.
        random: At least 16 octets, for the serial number. The key is drawn by the cryptography library itself.

    Returns:
        The certificate and its private key (P-256), both PEM.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:_COMMON_NAME])])
    begin = datetime.fromtimestamp(now, UTC) - timedelta(days=1)
    names = [_general_name(each) for each in dict.fromkeys((hostname, "localhost", "127.0.0.1", "::1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(random[:16], "big") >> 1 | 1)  # RFC 5280 section 4.1.2.2: positive
        .not_valid_before(begin)
        .not_valid_after(begin + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), secret


def load_context(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """Load a server's context, TLS 1.2 and newer. OSError (ssl.SSLError among them) when the files will not do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.load_cert_chain(certificate, private_key)
    return context


class CertificateFiles:
    """
    A certificate and its key in files, and the context that serves them.

    ``refresh`` takes up changed files without a restart: the context stays the same object, so servers that hold it
    show the new certificate from their next handshake on.
    """

    def __init__(self, certificate: Path, private_key: Path, log: logging.Logger) -> None:
        self._certificate = certificate
        self._private_key = private_key
        self._log = log
        self._seen = self._stamp()
        self.context = load_context(certificate, private_key)

    def refresh(self) -> bool:
        """Load the files again if they changed. A pair that does not work is logged, and the old one stays."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        try:
            load_context(self._certificate, self._private_key)  # first apart: a failed load would spoil the live one
            self.context.load_cert_chain(self._certificate, self._private_key)
        except OSError as error:
            self._log.error("the new certificate %s does not work, the old one stays: %s", self._certificate, error)
            return False
        self._log.info("the certificate %s was taken up", self._certificate)
        return True

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        """What changes when a file does; a file that is away for a moment counts as changed."""
        stamps = []
        for path in (self._certificate, self._private_key):
            found = (0, 0)
            with contextlib.suppress(OSError):
                about = path.stat()
                found = (about.st_mtime_ns, about.st_ino)
            stamps.append(found)
        return tuple(stamps)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
