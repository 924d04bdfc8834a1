"""
The engines of ``homing inspect --json`` and ``homing explain --json``: files or lines in, one JSON object each out.

Nothing here opens the store, and one bad file never spoils the others.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bounce.classify import classify
from bounce.report import Report, ReportedRecipient, read

MAX_FILE = 24 * 1024 * 1024  # octets; what is behind is not read
NOT_REGULAR = "not a regular file: only regular files and standard input (/dev/stdin) are read"
_OPEN_ALREADY = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")  # what the shell has opened for us
_KEYS = ("address", "action", "status", "reason", "permanent", "diagnostic", "rule")


def inspect_files(paths: Iterable[Path | str]) -> Iterator[dict[str, Any]]:
    """
    Say what each file is: ``{"file", "kind", "recipients": [...]}``, in the order given.

    A file that cannot be read gives ``kind`` "not-a-bounce" and its ``error`` in plain words.
    """
    for path in paths:
        yield _inspect(path)


def _inspect(path: Path | str) -> dict[str, Any]:
    try:
        raw = _octets(path)
    except OSError as wrong:
        return {"file": str(path), "kind": "not-a-bounce", "recipients": [], "error": wrong.strerror or str(wrong)}
    return {"file": str(path), **as_json(read(raw))}


def _octets(path: Path | str) -> bytes:
    """Read a file; one that would be waited for without end (a pipe that nobody writes, a terminal) is an OSError."""
    open_already = str(path).startswith(_OPEN_ALREADY)
    if not (open_already or stat.S_ISREG(os.stat(path).st_mode) or Path(path).is_dir()):  # noqa: PTH116 str is taken too
        raise OSError(errno.EINVAL, NOT_REGULAR)
    with Path(path).open("rb") as file:
        return file.read(MAX_FILE)


def as_json(report: Report) -> dict[str, Any]:
    """Give a report as ``homing inspect --json`` prints it."""
    return {"kind": report.kind, "recipients": [_recipient(recipient) for recipient in report.recipients]}


def _recipient(recipient: ReportedRecipient) -> dict[str, Any]:
    values = asdict(recipient)
    return {key: str(values[key]) if key == "reason" else values[key] for key in _KEYS}


def explain_lines(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Name what each reply means: ``{"reason", "permanent", "status", "rule"}``, one for each line, blank ones too."""
    for line in lines:
        finding = classify(line.rstrip("\r\n"))
        yield {
            "reason": str(finding.reason),
            "permanent": finding.permanent,
            "status": finding.status,
            "rule": finding.rule,
        }
