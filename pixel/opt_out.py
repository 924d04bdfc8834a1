"""
A recipient's own choice not to be followed: a link that only we can have made, and the pages behind it.

The link holds the address, encrypted and authenticated (AES-SIV, RFC 5297), so it works for mails of any age, shows no
address to proxies and logs, and cannot be made for somebody else. Opening it changes nothing: scanners open links. The
button on its page does.

Pure: no I/O, no clock, no chance.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from store.addresses import address_key

PREFIX = "/n/"
MAX_TOKEN = 1_400  # characters: an address of 1,000 octets
_PURPOSE = [b"homing opt-out 1"]

PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>:root{{color-scheme:light dark}}
body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}}
button{{font:inherit;padding:.5rem 1rem}}</style></head>
<body><main><h1>{title}</h1>{body}</main></body></html>
"""
ASK = _PAGE.format(
    title="Do not note when I read",
    body="<p>Mails to you can carry an invisible image that tells the sender when they are displayed. "
    "Press the button, and this is no longer noted for your address: for mails you already have, and for all to come. "
    "You keep getting your mail.</p>"
    '<form method="post"><button type="submit">Do not note it any more</button></form>',
)
DONE = _PAGE.format(
    title="It is no longer noted",
    body="<p>When you read mails of this sender is not noted any more. You keep getting them. "
    "You can close this page.</p>",
)
UNKNOWN = _PAGE.format(
    title="This link is not complete",
    body="<p>Something of the link is missing. Copy all of it from the mail, or ask the sender.</p>",
)
LATER = _PAGE.format(
    title="Not possible just now",
    body="<p>Your choice could not be saved. Please try again in a few minutes.</p>",
)


class OptOutLinks:
    """Makes links with the first of some keys (32 octets each), and reads those of all of them."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = [AESSIV(key) for key in keys]

    def encode(self, address: str) -> str:
        """Give the token of an address: the same one each time, however the address is written."""
        sealed = self._ciphers[0].encrypt(address_key(address).encode("utf-8"), _PURPOSE)
        return urlsafe_b64encode(sealed).decode("ascii").rstrip("=")

    def decode(self, token: str) -> str | None:
        """Give the address of a token; None for anything that we did not make."""
        if not token.isascii() or not 1 <= len(token) <= MAX_TOKEN:
            return None
        try:
            sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            return None
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed, _PURPOSE).decode("utf-8")
            except (InvalidTag, ValueError):
                continue
        return None


def link(base_url: str, token: str) -> str:
    """Give the URL that an application can put into its mails."""
    return f"{base_url.rstrip('/')}{PREFIX}{token}"
