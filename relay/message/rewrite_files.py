"""
The engine of ``homing rewrite --out DIR FILE...``: what would leave for a recipient, file by file.

A written file is the copy without the fields that acceptance adds (Received, a missing Date or Message-ID,
DKIM-Signature), since these need a clock, a connection and keys: bare CR and LF become CRLF, control headers, Bcc and
Return-Path are removed, and the element given goes in as it would for a recipient. The same files give the same bytes.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

from relay.message import header as headers
from relay.message.control import read_controls
from relay.message.copy import copy, plan
from relay.message.intake import no_pixel_why
from relay.message.line_ends import normalise
from relay.settings import MetadataSettings


class Rewritten(TypedDict):
    """One line of the machine contract: which file, whether a pixel went in, why not, and into which part."""

    file: str
    injected: bool
    why: str
    part: str


def rewrite_files(paths: Sequence[str], out_dir: Path, *, element: bytes) -> Iterator[Rewritten]:
    """
    Rewrite each file to ``out_dir/NAME``, and say what was done, in order.

    Never stops because of one file: what cannot be read or written has its reason in ``why``. A file whose name was
    written before in this call becomes ``NAME.2`` and so on, so that nothing is lost.

    Raises:
        OSError: ``out_dir`` cannot be made.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    for path in paths:
        yield _rewrite_file(path, out_dir, taken, element)


def rewrite(raw: bytes, *, element: bytes) -> tuple[bytes, str, str]:
    """Rewrite one mail. Returns its bytes, why it has no pixel (or ""), and the number of the part that has it."""
    mail = normalise(raw)
    copy_plan = plan(mail)
    why = no_pixel_why(read_controls(mail, headers.scan(mail), MetadataSettings()), copy_plan)
    return copy(mail, copy_plan, element=None if why else element), why, "" if why else copy_plan.part


def _rewrite_file(path: str, out_dir: Path, taken: set[str], element: bytes) -> Rewritten:
    try:
        source = Path(path)
        if not source.is_file():
            return _not_done(path, "no such file" if not source.exists() else "not a regular file")
        target = out_dir / _free_name(source.name, taken)
        if target.exists() and target.samefile(source):
            return _not_done(path, "the result would take the place of the file itself")
        written, why, part = rewrite(source.read_bytes(), element=element)
        target.write_bytes(written)
    except OSError as error:
        return _not_done(path, error.strerror or "cannot be read or written")
    except (ValueError, MemoryError) as error:  # a name with a NUL; a file larger than memory
        return _not_done(path, str(error) or "too large")
    return Rewritten(file=path, injected=not why, why=why, part=part)


def _free_name(name: str, taken: set[str]) -> str:
    free = name
    number = 1
    while free in taken:
        number += 1
        free = f"{name}.{number}"
    taken.add(free)
    return free


def _not_done(path: str, why: str) -> Rewritten:
    return Rewritten(file=path, injected=False, why=why, part="")
