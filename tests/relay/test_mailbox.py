"""relay/mailbox.py: mails in files, mbox files and Maildirs."""

from pathlib import Path

import pytest

from relay import mailbox
from relay.mailbox import mails

ONE = b"Subject: one\r\n\r\nText.\r\n"


def test_a_file_is_one_mail(tmp_path: Path) -> None:
    """Its very bytes, an empty file too."""
    (tmp_path / "one.eml").write_bytes(ONE)
    assert list(mails(tmp_path / "one.eml")) == [(tmp_path / "one.eml", 1, ONE)]
    (tmp_path / "none.eml").write_bytes(b"")
    assert list(mails(tmp_path / "none.eml")) == [(tmp_path / "none.eml", 1, b"")]


def test_an_mbox_has_many(tmp_path: Path) -> None:
    """Split at "From " behind an empty line only; what was quoted in it is as it was."""
    text = (
        b"From MAILER-DAEMON Mon Sep 21 14:13:20 2026\nSubject: one\n\nFirst\n>From here\n>>From there\n> From\n\n"
        b"From ann@school.test Mon Sep 21 14:13:20 2026\nSubject: two\n\nA line.\nFrom the middle of a text.\n\n"
    )
    (tmp_path / "mbox").write_bytes(text)
    assert [(number, raw) for _, number, raw in mails(tmp_path / "mbox")] == [
        (1, b"Subject: one\n\nFirst\nFrom here\n>From there\n> From\n\n"),
        (2, b"Subject: two\n\nA line.\nFrom the middle of a text.\n\n"),
    ]


def test_a_maildir_has_a_file_for_each(tmp_path: Path) -> None:
    """Read ones and new ones; what is being written is left alone."""
    for folder in ("cur", "new", "tmp"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1").write_bytes(ONE)
    assert [file.parent.name for file, _, _ in mails(tmp_path)] == ["cur", "new"]


def test_what_is_too_large_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One endless mail does not fill the memory, and those behind it are read."""
    monkeypatch.setattr(mailbox, "MAX_MAIL", 100)
    (tmp_path / "large").write_bytes(b"x" * 1_000)
    assert [len(raw) for _, _, raw in mails(tmp_path / "large")] == [100]
    (tmp_path / "mbox").write_bytes(b"From x\n" + b"line of ten\n" * 100 + b"\nFrom y\nSubject: two\n")
    assert [len(raw) for _, _, raw in mails(tmp_path / "mbox")] == [96, 13]


def test_what_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    """By the caller, who is told which."""
    with pytest.raises(FileNotFoundError):
        list(mails(tmp_path / "nowhere"))
