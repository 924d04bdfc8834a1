"""
The image, and the octets of an answer that holds it: the same for everybody.

Pure: no I/O, no clock, no chance.
"""

from email.utils import formatdate

SERVER_NAME = "web"  # aiohttp tells its and Python's version otherwise

# GIF89a, 1 x 1, one transparent colour: 43 octets.
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

HEADERS = {
    "Content-Type": "image/gif",
    "Cache-Control": "no-store, no-cache, must-revalidate, private, max-age=0",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Server": SERVER_NAME,
}
_HEAD = "".join(
    [
        "HTTP/1.1 200 OK\r\n",
        *(f"{name}: {value}\r\n" for name, value in HEADERS.items()),
        "Content-Length: 43\r\nDate: ",
    ]
).encode("ascii")
_TAIL = b"\r\n\r\n" + GIF


class ImageAnswer:
    """The whole answer (RFC 9112) to a request over a connection that goes on. It is made once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._octets = b""

    def at(self, now: float) -> bytes:
        """Give the octets of an answer at ``now``, Unix seconds."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._octets = _HEAD + formatdate(second, usegmt=True).encode("ascii") + _TAIL
        return self._octets
