"""
The token in a pixel's URL: a recipient id sealed in one AES block, 22 characters, no address and nothing to count.

In mode ``count`` it is the id of the message, the same for all its recipients. No recipient and message share an id.

A forgery, a cut token and a token of another key all open to None, without a look at the store.

Pure: no I/O, no clock, no chance.
"""

import re
from base64 import urlsafe_b64encode
from binascii import a2b_base64

from store.seal import Seal

# RFC 4648 section 5, without padding: 16 octets are 22 characters, of which the last one carries only two bits.
# The other spellings of that last character are refused, so that a recipient has one token and not sixteen.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")


class Tokens:
    """Makes and opens the tokens of one key, and opens those of the keys before it."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def encode(self, recipient_id: int) -> str:
        """Give the 22 characters that stand for a recipient in a URL; the same ones each time."""
        return urlsafe_b64encode(self._seal.seal(recipient_id)).decode("ascii").rstrip("=")

    def decode(self, token: str) -> int | None:
        """Give the recipient id in ``token``; None for anything that we did not make."""
        if _TOKEN.fullmatch(token) is None:
            return None
        return self._seal.open(a2b_base64(token.replace("-", "+").replace("_", "/") + "=="))
