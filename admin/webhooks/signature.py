"""
The signature of a call, after the convention of Standard Webhooks.

    webhook-id         the same for the same events, however often they are told
    webhook-timestamp  Unix seconds of this attempt
    webhook-signature  "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body"; one for each secret, with blanks

The key is the base64 text behind ``whsec_``, decoded.

Pure: no I/O, no clock, no chance.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"


def signed_headers(name: str, body: bytes, *, secrets: Sequence[str], now: float) -> dict[str, str]:
    """Give the three headers of an attempt; the newest secret signs first."""
    timestamp = str(int(now))
    content = f"{name}.{timestamp}.".encode() + body
    signatures = " ".join(f"v1,{_sign(secret, content)}" for secret in secrets)
    return {"webhook-id": name, "webhook-timestamp": timestamp, "webhook-signature": signatures}


def _sign(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode("ascii")
