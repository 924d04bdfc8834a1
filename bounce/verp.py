"""
The return path of each copy: an address that only we can have made, and that names one recipient of one message.

    return-path = "b" 26base32 "@" domain      base32 = "a"-"z" / "2"-"7"  (RFC 4648 section 6, lower case)

The 26 characters are the recipient's id sealed in one AES block (``store/seal.py``). It holds no address, cannot be
guessed or counted, and survives what mail systems do to a local part: letters change case (RFC 5321 section 2.4
notwithstanding), quotes are put around it, and prefixes or suffixes with "+" or "=" are added (BATV's
``prvs=0123abcdef=``, SRS, detail addressing).

Pure: no I/O, no clock, no chance.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from store.ids import made_at
from store.seal import Seal

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_LETTERS = 26  # of 5 bits each: 128 bits and 2 of padding, which are zero
_PADDING = 2
_TOKEN = re.compile(r"b([a-z2-7]{26})")
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]  # ten bits at a time
_PLACES = range(5 * (_LETTERS - 2), -1, -10)
_SEPARATORS = re.compile(r"[+=]")
_LONGEST_PATH = 320  # octets; RFC 5321 allows 256, manglers add a little


class ReturnPaths:
    """Makes and reads the return paths of our domains."""

    def __init__(self, seal: Seal, domain: str, lifetime: float, *, aligned: Sequence[str] = ()) -> None:
        """
        Keep what return paths are made with.

        Args:
            seal: Made with the key "homing return path".
            domain: What stands after the @; its MX leads to our listener.
            lifetime: Seconds, counted from the making of the recipient's id, that is from acceptance.
            aligned: Further domains like it, for senders whose From domain they belong to (RFC 7489 section 3.1.2).
        """
        self._seal = seal
        self.domain = _folded(domain)
        self.domains = (self.domain, *map(_folded, aligned))
        self._lifetime = lifetime
        self._domain_for = lru_cache(256)(self._choose)  # thousands of mails for each
        domains = "|".join(map(re.escape, self.domains))
        self._written = re.compile(rf"\bb[a-z2-7]{{{_LETTERS}}}@(?:{domains})\b", re.ASCII | re.IGNORECASE)

    def encode(self, recipient_id: int, from_domain: str = "") -> str:
        """
        Give the return path of a recipient: always the same one, so that greylisting ends (RFC 6647).

        Args:
            recipient_id: Whose.
            from_domain: The domain in From:; a domain of ours that belongs to it is taken, so that SPF is aligned.
        """
        return f"b{_base32(self._seal.seal(recipient_id))}@{self._domain_for(from_domain)}"

    def _choose(self, from_domain: str) -> str:
        wanted = _folded(from_domain)
        return next((ours for ours in self.domains if _belong_together(ours, wanted)), self.domain)

    def decode(self, address: str, now: float) -> int | None:
        """
        Read whose return path this is.

        Args:
            address: A forward-path without its angle brackets, as some other mail system wrote it.
            now: Unix seconds, UTC.

        Returns:
            The recipient's id; None where the address is not of our domain, not signed by us, or past its time.
        """
        if len(address) > _LONGEST_PATH or not address.isascii():  # other scripts have letters that fold to ours
            return None
        local, at, domain = address.strip("<> ").rpartition("@")
        if not at or _folded(domain) not in self.domains:
            return None
        for piece in _SEPARATORS.split(local.replace('"', "").replace("\\", "").lower()):
            match = _TOKEN.fullmatch(piece)
            block = _block(match[1]) if match else None
            recipient_id = self._seal.open(block) if block is not None else None
            if recipient_id is not None:
                return recipient_id if now <= made_at(recipient_id) + self._lifetime else None
        return None

    def signed(self, word: str) -> bool:
        """Whether a word ("b" and 26 letters) is one that we made, whatever its age."""
        match = _TOKEN.fullmatch(word.lower())
        block = _block(match[1]) if match else None
        return block is not None and self._seal.open(block) is not None

    def find(self, text: str, now: float) -> frozenset[int]:
        """
        Give the recipients whose signed, unexpired return paths stand in a text.

        For complaints, which come to abuse@ and carry the return path of the mail they are about in
        Original-Mail-From or Return-Path (RFC 5965 section 3.2). Never for a report that came to a return path.
        """
        written = {match[0].lower() for match in self._written.finditer(text)}
        return frozenset(found for path in written if (found := self.decode(path, now)) is not None)


def _folded(domain: str) -> str:
    return domain.strip().rstrip(".").lower()


def _belong_together(ours: str, theirs: str) -> bool:
    """
    Whether a domain of return paths and a From domain are of one organisation, as far as their names tell.

    A domain for return paths is mostly one label below the organisation's own: ``bounce.club.test`` belongs to
    ``club.test`` and to all below it.
    """
    above = ours.partition(".")[2] if ours.count(".") > 1 else ours
    return bool(theirs) and any(theirs == base or theirs.endswith(f".{base}") for base in (ours, above))


def _base32(block: bytes) -> str:
    number = int.from_bytes(block, "big") << _PADDING
    return "".join([_PAIRS[number >> place & 1023] for place in _PLACES])


def _block(letters: str) -> bytes | None:
    """Read 26 letters as 16 octets; None where the padding is not zero: each block is written in one way only."""
    number = 0
    for letter in letters:
        number = number << 5 | _VALUES[letter]
    return None if number & 3 else (number >> _PADDING).to_bytes(16, "big")
