"""
The hash of a body as a DKIM signature has it (RFC 6376 section 3.4 and 3.7), in one pass over bytes at hand.

Pure: no I/O, no clock, no chance.
"""

import copy
import hashlib
import re
from typing import Literal, Self

Canonicalization = Literal["simple", "relaxed"]

_LINE_ENDS = b"\r\n" * 2_048
_WHITE_SPACE = re.compile(rb"[ \t]++")
_BLANKS = b" \t"


class BodyHash:
    """
    Hashes a body piece by piece.

    Copies of one mail are the same up to the pixel: hash that far once, and give each copy a ``copy`` to go on with.

    Args:
        canonicalization: ``simple`` takes the bytes as they are but for empty lines at the end; ``relaxed`` also takes
            white space at the ends of lines away and makes one blank of any other.
    """

    # What always holds: the hash has taken all that came, but for ``_line_ends`` and ``_held`` behind it. Only what
    # comes next, or the end, tells whether those count.

    def __init__(self, canonicalization: Canonicalization = "simple") -> None:
        self._relaxed = canonicalization == "relaxed"
        self._hash = hashlib.sha256()
        self._begun = False  # something else than empty lines has come
        self._line_ends = 0  # CRLFs at the end of what came
        self._held = b""  # a CR whose LF may come; relaxed: white space before it too

    def copy(self) -> Self:
        """Give another one that has come as far."""
        other = copy.copy(self)
        self._hash = self._hash.copy()  # they shared it: from here each has its own
        return other

    def update(self, piece: bytes, start: int = 0, end: int | None = None) -> Self:
        """Take ``piece[start:end]`` as what comes next. Nothing of it is copied when ``simple``."""
        end = len(piece) if end is None else end
        if start >= end:
            return self
        if self._held:
            piece, start, end = self._held + piece[start:end], 0, len(self._held) + end - start
            self._held = b""
        if self._relaxed:
            self._update_relaxed(piece[start:end])
        elif piece.endswith(b"\r", start, end):
            self._held = b"\r"
            self._take(piece, start, end - 1)
        else:
            self._take(piece, start, end)
        return self

    def digest(self) -> bytes:
        """Give the 32 octets for the body as it came so far. More may come afterwards."""
        last = self._hash.copy()
        held = self._held.rstrip(_BLANKS) if self._relaxed else self._held
        if held:
            last.update(b"\r\n" * self._line_ends + held)
        # An end without CRLF gets one, many become one. A simple body that is empty has one too (section 3.4.3, 3.4.4).
        if self._begun or held or not self._relaxed:
            last.update(b"\r\n")
        return last.digest()

    def _update_relaxed(self, piece: bytes) -> None:
        kept = len(piece.rstrip(b" \t\r"))
        self._held = piece[kept:]
        taken = _WHITE_SPACE.sub(b" ", piece[:kept]).replace(b" \r\n", b"\r\n")
        self._take(taken, 0, len(taken))

    def _take(self, piece: bytes, start: int, end: int) -> None:
        """Take canonical bytes. The line ends at their end are only counted."""
        content_end = _without_line_ends(piece, start, end)
        if content_end > start:
            while self._line_ends:  # they are inside the body now
                many = min(self._line_ends, len(_LINE_ENDS) // 2)
                self._hash.update(_LINE_ENDS[: 2 * many])
                self._line_ends -= many
            self._hash.update(memoryview(piece)[start:content_end])
            self._begun = True
        self._line_ends += (end - content_end) // 2


def _without_line_ends(piece: bytes, start: int, end: int) -> int:
    """Tell where the run of CRLF at the end of ``piece[start:end]`` begins."""
    while end - start >= len(_LINE_ENDS) and piece.endswith(_LINE_ENDS, start, end):
        end -= len(_LINE_ENDS)
    while piece.endswith(b"\r\n", start, end):
        end -= 2
    return end
