"""How TLS is made and told: contexts, which of them a host needs, what it showed, and who asks for more."""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from relay.delivery.dialogue import Outcome
from relay.delivery.route import Host
from store.nouns import Phase

# Who asks for TLS, said with the failure to make it.
DEMANDS = {
    "MTA-STS": "the domain's MTA-STS policy asks for TLS with a certificate that proves the host's name",
    "DANE": "the host's TLSA records ask for TLS with the certificate that they name (DANE)",
    "seen": "TLS was verified here within 30 days, so mail does not go in clear (relay.tls.allow_downgrade)",
}

# Result types of RFC 8460 section 4.3.
NO_STARTTLS = "starttls-not-supported"
HOST_MISMATCH = "certificate-host-mismatch"
CERTIFICATE_EXPIRED = "certificate-expired"
NOT_TRUSTED = "certificate-not-trusted"
VALIDATION_FAILURE = "validation-failure"
DNSSEC_INVALID = "dnssec-invalid"
POLICY_FETCH_ERROR = "sts-policy-fetch-error"
POLICY_INVALID = "sts-policy-invalid"
WEB_CERTIFICATE_INVALID = "sts-webpki-invalid"

# Codes of OpenSSL's X509_verify_cert: not yet valid, expired; self-signed, no or an unknown authority; another name.
_BY_CODE = {
    9: CERTIFICATE_EXPIRED,
    10: CERTIFICATE_EXPIRED,
    18: NOT_TRUSTED,
    19: NOT_TRUSTED,
    20: NOT_TRUSTED,
    21: NOT_TRUSTED,
    62: HOST_MISMATCH,
    64: HOST_MISMATCH,
}


class TlsContexts:
    """
    How TLS is made: ``opportunistic`` without verification, ``verified`` with the system's authorities; 1.2 and newer.

    Each is built when it is needed first: to read all authorities takes 20 ms and almost a megabyte, and most hosts
    ask for no proof.
    """

    @cached_property
    def opportunistic(self) -> ssl.SSLContext:
        """For hosts of which nobody asks a proof."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Old keys and hashes are better than the clear text that would follow a refusal.
        context.set_ciphers("DEFAULT:@SECLEVEL=1")
        return context

    @cached_property
    def verified(self) -> ssl.SSLContext:
        """For hosts that must prove their name."""
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.hostname_checks_common_name = False  # RFC 8461 section 4.1: subjectAltName counts
        return context


def verifies(host: Host) -> bool:
    """Whether the handshake itself checks the certificate, against the system's authorities and the host's name."""
    return host.proof in ("MTA-STS", "MTA-STS testing") or (host.tls == "required" and not host.proof)


def verification(host: Host, *, verified: bool) -> str:
    """Say what a connection has verified; ``verified``: its handshake did. After a check of TLSA records, if any."""
    if host.proof == "DANE" and host.tlsa:
        return "verified DANE"
    if not verified:
        return "unverified"
    return "verified MTA-STS" if host.proof else "verified"


def shown(made: Any) -> list[bytes]:
    """Give the certificates that a server showed on a connection's SSL object, DER, its own first."""
    if hasattr(made, "get_unverified_chain"):  # Python 3.13
        return list(made.get_unverified_chain())
    # Before 3.13 the method is there, below the public object; without it an authority could not be matched.
    chain = made._sslobj.get_unverified_chain()  # noqa: SLF001 - see above
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in chain]


def result_type(error: BaseException) -> str:
    """Give the result type for an error of a handshake."""
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    return _BY_CODE.get(code, VALIDATION_FAILURE)


def mismatch(host: Host, made: Any, refusal: Callable[[Host, Sequence[bytes]], str] | None) -> str:
    """Under DANE: say why a server's certificates match no record; "" when one does, and without DANE."""
    if host.proof != "DANE" or not host.tlsa:
        return ""
    return "its certificate cannot be checked here" if refusal is None else refusal(host, shown(made))


def demanded(host: Host, outcome: Outcome | None) -> Outcome | None:
    """Say with a failure to make TLS who asks for it."""
    demand = DEMANDS.get(host.proof, "")
    if outcome is None or outcome.phase is not Phase.TLS or outcome.reply is not None or not demand:
        return outcome
    return replace(outcome, why=f"{outcome.why}; {demand}", status=outcome.status or "4.7.5")
