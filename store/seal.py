"""
Sealed ids: what a stranger sees of a recipient in a pixel's address or a return path.

One AES-256 block over kind, id and zeros. It cannot be guessed or counted, holds no address, and a forgery is told
from the block alone: the 56 zero bits and the kind do not come out.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# block = kind (1 octet)  id (8 octets, big-endian)  zeros (7 octets)
_ZEROS = bytes(7)
_BLOCK = 16


def derive_key(master: bytes, label: str) -> bytes:
    """Derive a key of 32 octets for one purpose from the master key: HKDF-SHA256 (RFC 5869), no salt."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=label.encode()).derive(master)


class Seal:
    """Seals ids under ``current``; opens what was sealed under it or one of ``previous``. Keys have 32 octets."""

    def __init__(self, current: bytes, previous: Sequence[bytes] = (), *, kind: int) -> None:
        self._kind = bytes((kind,))
        # A context of ECB keeps nothing between blocks, so one serves for good: a new one each time costs ten times.
        self._encrypt = _cipher(current).encryptor()
        self._decrypt = [_cipher(key).decryptor() for key in (current, *previous)]

    def seal(self, id: int) -> bytes:  # noqa: A002 - the word of the domain
        """Give the 16 octets that stand for ``id``, 0 up to 2^63 - 1. The same each time."""
        return self._encrypt.update(self._kind + id.to_bytes(8, "big") + _ZEROS)

    def open(self, block: bytes) -> int | None:
        """Give the id that was sealed, or None for anything that was not sealed by us for this kind."""
        if len(block) != _BLOCK:
            return None
        for decryptor in self._decrypt:
            plain = decryptor.update(block)
            if plain[:1] == self._kind and plain[9:] == _ZEROS and plain[1] < 0x80:
                return int.from_bytes(plain[1:9], "big")
        return None


def _cipher(key: bytes) -> Cipher[modes.ECB]:
    # ECB is right for exactly one block that never repeats in clear: the block cipher itself is the seal.
    return Cipher(algorithms.AES256(key), modes.ECB())  # noqa: S305 - see above
