"""Replies and whole mails that were written before the rules met them; what was misread then is read now."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from bounce.classify import classify
from bounce.report import read
from store.reasons import REASONS

HERE = Path(__file__).parent
REPLIES = [
    line.split("\t")
    for line in (HERE / "replies_accepted.tsv").read_text(encoding="utf-8").splitlines()
    if line[0] != "#"
]


@dataclass(frozen=True)
class Told:
    """A mail, and what it says: ``recipients`` are address, accepted reasons and "p", "f" or "" (for good or not)."""

    kinds: tuple[str, ...]
    recipients: tuple[tuple[str, tuple[str, ...], str], ...]
    raw: bytes


def _told(block: str) -> Told:
    head, _, mail = block.partition("\n")
    kinds, *rest = (part.strip() for part in head.split("|"))
    recipients = (
        (words[0], tuple(words[1].split(",")), words[2] if len(words) > 2 else "") for words in map(str.split, rest)
    )
    return Told(tuple(kinds.split(",")), tuple(recipients), mail.encode())


MAILS = [_told(b) for b in re.split(r"(?m)^===== ", (HERE / "whole_mails.txt").read_text(encoding="utf-8"))[1:]]


@pytest.mark.parametrize(("accepted", "reply"), REPLIES)
def test_replies(accepted: str, reply: str) -> None:
    """The reason is one that a reasonable reader accepts."""
    assert str(classify(reply, action="" if reply[0].isdigit() else "failed").reason) in accepted.split(",")


@pytest.mark.parametrize("told", MAILS, ids=lambda told: told.raw.decode().partition("Subject: ")[2].partition("\n")[0])
def test_mails(told: Told) -> None:
    """Kind, recipients, reasons, and whether it is for good. What is no bounce suppresses nobody."""
    report = read(told.raw)
    assert report.kind in told.kinds
    failed = [entry for entry in report.recipients if entry.action not in ("delivered", "relayed", "expanded")]
    if not told.recipients:
        assert report.kind == "autoreply" or all(REASONS[entry.reason].suppress == "never" for entry in failed)
        return
    assert len(failed) == len(told.recipients)
    for entry, (address, reasons, for_good) in zip(failed, told.recipients, strict=True):
        assert address in ("*", entry.address.lower())
        assert "*" in reasons or str(entry.reason) in reasons
        assert not for_good or report.kind != "bounce" or entry.permanent == (for_good == "p")
