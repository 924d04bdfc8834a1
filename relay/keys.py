"""
The keys of an installation: one master key, from which the pixel's and the return paths' are derived.

The file holds one key a line, as hexadecimal; the first is the current one, those below it are still tried when a token
is read. To rotate, put a new line on top. Losing the file makes every pixel and return path already sent unreadable.
"""

import binascii
import os
from collections.abc import Callable
from pathlib import Path

from store.seal import Seal, derive_key

KEY_OCTETS = 32
PIXEL_LABEL = "homing pixel"
RETURN_PATH_LABEL = "homing return path"
OPT_OUT_LABEL = "homing opt-out"
EMBED_LABEL = "homing embed"
WEBHOOK_LABEL = "homing webhook secrets"
PIXEL_KIND = 1
RETURN_PATH_KIND = 2


class KeyFileError(Exception):
    """The key file cannot be used; the text says why, and never shows the key."""


def load_or_make(path: Path, draw: Callable[[int], bytes]) -> tuple[list[bytes], bool]:
    """
    Read the master keys, or make the first one.

    Args:
        path: The key file; made with mode 0600 when it is not there.
        draw: Gives that many random octets.

    Returns:
        The keys, the current one first, and whether it was made just now.

    Raises:
        KeyFileError: The file holds something else than keys.
    """
    try:
        return read_keys(path), False
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        key = draw(KEY_OCTETS)
        write_private(path, f"{key.hex()}\n".encode())
        return [key], True


def read_keys(path: Path) -> list[bytes]:
    """Read the master keys, the current one first. Raises KeyFileError, and OSError where it cannot be read."""
    try:
        text = path.read_text(encoding="ascii")
        keys = [binascii.unhexlify(line.strip()) for line in text.splitlines() if line.strip()]
    except (UnicodeDecodeError, binascii.Error):
        keys = []
    if not keys or any(len(key) != KEY_OCTETS for key in keys):
        raise KeyFileError(f"{path} is not a key file: one key of 64 hexadecimal digits a line")
    return keys


def pixel_seal(keys: list[bytes]) -> Seal:
    """Give the seal of pixel tokens: another key than that of return paths, so that neither can forge the other."""
    return _seal(keys, PIXEL_LABEL, PIXEL_KIND)


def return_path_seal(keys: list[bytes]) -> Seal:
    """Give the seal of return paths."""
    return _seal(keys, RETURN_PATH_LABEL, RETURN_PATH_KIND)


def opt_out_keys(keys: list[bytes]) -> list[bytes]:
    """Give the keys of opt-out links, the current one first."""
    return [derive_key(key, OPT_OUT_LABEL) for key in keys]


def embed_keys(keys: list[bytes]) -> list[bytes]:
    """Give the keys that links to embeds are signed with, the current one first."""
    return [derive_key(key, EMBED_LABEL) for key in keys]


def webhook_keys(keys: list[bytes]) -> list[bytes]:
    """Give the keys that the secrets of webhooks are sealed under in the store, the current one first."""
    return [derive_key(key, WEBHOOK_LABEL) for key in keys]


def _seal(keys: list[bytes], label: str, kind: int) -> Seal:
    current, *previous = (derive_key(key, label) for key in keys)
    return Seal(current, previous, kind=kind)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only we can read, in one step: a crash leaves none or all of it."""
    partial = path.with_suffix(".new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
