"""
Mails in files: one mail a file, an mbox with many, or a Maildir.

An mbox is known by its first line, ``From `` and a sender (RFC 4155). It is read line by line: it may be larger than
the memory. A mail larger than MAX_MAIL is cut.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

MAX_MAIL = 64 * 1024 * 1024  # octets


def mails(path: Path) -> Iterator[tuple[Path, int, bytes]]:
    """
    Read the mails at a path.

    Yields:
        The file, the number of the mail in it from 1, and its bytes.

    Raises:
        OSError: It cannot be read.
    """
    if path.is_dir():
        folders = [path / name for name in ("cur", "new") if (path / name).is_dir()] or [path]
        for file in sorted(each for folder in folders for each in folder.iterdir() if each.is_file()):
            yield from mails(file)
        return
    with path.open("rb") as content:
        first = content.readline(MAX_MAIL)
        if not first.startswith(b"From "):
            yield path, 1, first + content.read(MAX_MAIL - len(first))
            return
        yield from ((path, number, raw) for number, raw in enumerate(_mbox(content), 1))


def _mbox(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Split an mbox, behind its first line, at each ``From `` after an empty line; ``>From `` is what was ``From ``."""
    mail: list[bytes] = []
    octets = 0
    empty = False
    for line in lines:
        if empty and line.startswith(b"From "):
            yield b"".join(mail)
            mail, octets, empty = [], 0, False
            continue
        empty = not line.strip()
        octets += len(line)
        if octets <= MAX_MAIL:
            quoted = line.startswith(b">") and line.lstrip(b">").startswith(b"From ")
            mail.append(line[1:] if quoted else line)
    yield b"".join(mail)
