"""admin/webhooks/signature_sendgrid.py: what programs verify that were written for SendGrid."""

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from admin.webhooks.signature_sendgrid import sendgrid_headers, verification_key

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
SIGNATURE, TIMESTAMP = (f"X-Twilio-Email-Event-Webhook-{name}" for name in ("Signature", "Timestamp"))


def verify(key: str, headers: dict[str, str], body: bytes) -> None:
    """As SendGrid's documentation says: base64 of DER on either side, over the timestamp and the body."""
    public = load_der_public_key(base64.b64decode(key, validate=True))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(public.curve, ec.SECP256R1)
    signed = headers[TIMESTAMP].encode() + body
    public.verify(base64.b64decode(headers[SIGNATURE], validate=True), signed, ec.ECDSA(SHA256()))


@given(st.binary(max_size=300), st.text(min_size=1, max_size=60).filter(str.isprintable))
def test_it_verifies(body: bytes, secret: str) -> None:
    """Whatever body and secret; nothing else does: not another body, another second, another secret's key."""
    headers = sendgrid_headers(body, secret=secret, now=1_790_000_000.9)
    verify(verification_key(secret), headers, body)
    assert headers[TIMESTAMP] == "1790000000"
    for key, given_headers, given_body in (
        (verification_key(secret), headers, body + b"x"),
        (verification_key(secret), headers | {TIMESTAMP: "1790000001"}, body),
        (verification_key(secret + "x"), headers, body),
    ):
        with pytest.raises(InvalidSignature):
            verify(key, given_headers, given_body)


def test_the_key_is_fixed() -> None:
    """It never changes with a version: receivers have it. The private half is nowhere in it."""
    assert verification_key(SECRET) == (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2FtXkI59otuxA/5sPHwDGPcrpS7m"
        "ntsXRJO1YGwYBxWtmsAL8o+rIj+9rs8u+PMN34IBuG+NkIKgbR/VgGrY8g=="
    )
