"""
SendGrid's own signature of a call, for programs that verify it already: ECDSA on P-256 with SHA-256.

    X-Twilio-Email-Event-Webhook-Timestamp  Unix seconds of this attempt
    X-Twilio-Email-Event-Webhook-Signature  base64 of the DER signature over timestamp and body, with nothing between

The key pair is derived from the endpoint's secret, so that a rotation makes another one. Receivers have the public half
as SendGrid shows it: base64 of the SubjectPublicKeyInfo (RFC 5480), without the lines of a PEM file around it.

Pure: no I/O, no clock, no chance.
"""

import base64

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from store.seal import derive_key

_LABEL = "homing sendgrid signature"
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256, FIPS 186-5


def sendgrid_headers(body: bytes, *, secret: str, now: float) -> dict[str, str]:
    """Give the two headers of an attempt. The same body at the same second has the same signature (RFC 6979)."""
    timestamp = str(int(now))
    signature = _key(secret).sign(timestamp.encode("ascii") + body, ECDSA(SHA256(), deterministic_signing=True))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode("ascii"),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }


def verification_key(secret: str) -> str:
    """Give the public key that receivers verify with: what SendGrid calls the verification key."""
    public = _key(secret).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(public).decode("ascii")


def _key(secret: str) -> EllipticCurvePrivateKey:
    # 256 random bits folded into 1 up to the order - 1: what that favours is 2^-32 of the numbers, by nothing of use.
    number = int.from_bytes(derive_key(secret.encode("utf-8"), _LABEL), "big")
    return derive_private_key(number % (_ORDER - 1) + 1, SECP256R1())
