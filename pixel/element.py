"""
The pixel's element: what goes into the HTML of a mail.

Pure: no I/O, no clock, no chance.
"""

import re

MAX_URL = 200  # octets; the element must fit into one line of any mail (RFC 5322 section 2.1.1)

# What needs no escape, neither in an HTML attribute nor in quoted-printable: no & = < > " ' and no blanks.
_BASE_URL = re.compile(r"https?://[A-Za-z0-9.\-_~:\[\]]+(?:/[A-Za-z0-9.\-_~/%+,@!*()$;]*)?")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")


def element(base_url: str, token: str) -> bytes:
    """
    Give the ``<img>`` that loads ``BASE_URL/o/TOKEN.gif``.

    It is one by one pixel, says nothing to screen readers, and is not hidden: what is hidden is not loaded.

    Raises:
        ValueError: An address or token that would need escapes, or is too long.
    """
    url = f"{base_url.rstrip('/')}/o/{token}.gif"
    if not _BASE_URL.fullmatch(base_url) or not _TOKEN.fullmatch(token) or len(url) > MAX_URL:
        raise ValueError(
            f"{url!r} should be http or https, up to {MAX_URL} octets, with none of & = < > quotes and blanks"
        )
    return f'<img src="{url}" width="1" height="1" alt="" style="border:0">'.encode("ascii")
