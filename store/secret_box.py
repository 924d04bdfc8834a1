"""
Secrets that must be had again in clear, sealed in the store under keys that lie beside it: AES-SIV (RFC 5297).

Who has a copy of the database alone reads none of them. A sealed one is bound to its row: in another it does not open.

Pure: no I/O, no clock, no chance.
"""

import base64
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_MARK = "sealed:"  # what a sealed secret begins with; no secret of ours does


class SecretBox:
    """Seals under the first key; opens what was sealed under any. Without keys it leaves all as it is."""

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        """Build it. ``keys``: of 32 octets, the current one first."""
        self._ciphers = [AESSIV(key) for key in keys]

    def seal(self, secret: str, row: int) -> str:
        """Give what is to be kept of a secret in a row; of "" that is ""."""
        if not secret or not self._ciphers:
            return secret
        octets = self._ciphers[0].encrypt(secret.encode("utf-8"), [str(row).encode("ascii")])
        return _MARK + base64.b64encode(octets).decode("ascii")

    def open(self, kept: str, row: int) -> str:
        """Give the secret; "" where it was sealed under a key that we do not have, or is not of this row."""
        if not kept.startswith(_MARK):
            return kept
        try:
            octets = base64.b64decode(kept.removeprefix(_MARK), validate=True)
        except ValueError:
            return ""
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(octets, [str(row).encode("ascii")]).decode("utf-8")
            except (InvalidTag, ValueError):
                continue
        return ""
