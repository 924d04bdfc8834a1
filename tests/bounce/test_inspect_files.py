"""bounce/inspect_files.py: the contracts of ``homing inspect --json`` and ``homing explain --json``."""

import json
import os
from pathlib import Path

import pytest

from bounce.inspect_files import NOT_REGULAR, explain_lines, inspect_files
from tests.bounce.mails import block, mail, multipart, status, words


def test_inspect_gives_the_contract(tmp_path: Path) -> None:
    """One object a file with exactly these keys, ready for json.dumps."""
    path = tmp_path / "a.eml"
    path.write_bytes(multipart(words("x"), status(block("ann@customer.example", diagnostic="550 5.1.1 User unknown"))))
    (told,) = inspect_files([path])
    assert json.loads(json.dumps(told)) == {
        "file": str(path),
        "kind": "bounce",
        "recipients": [
            {
                "address": "ann@customer.example",
                "action": "failed",
                "status": "5.1.1",
                "reason": "no_such_user",
                "permanent": True,
                "diagnostic": "550 5.1.1 User unknown",
                "rule": "user-unknown",
            }
        ],
    }


def test_one_bad_file_spoils_nothing(tmp_path: Path) -> None:
    """A file that cannot be read is told of in its place."""
    path = tmp_path / "a.eml"
    path.write_bytes(mail("<ann@customer.example>: mailbox full\n"))
    told = list(inspect_files([tmp_path / "missing.eml", path, str(tmp_path)]))
    assert [t["kind"] for t in told] == ["not-a-bounce", "bounce", "not-a-bounce"]
    assert "error" in told[0]
    assert "error" not in told[1]


def test_a_pipe_that_nobody_writes_is_not_waited_for(tmp_path: Path) -> None:
    """A FIFO and a device are told of at once; the file beside them is read."""
    os.mkfifo(tmp_path / "fifo")
    path = tmp_path / "a.eml"
    path.write_bytes(mail("<ann@customer.example>: mailbox full\n"))
    told = list(inspect_files([tmp_path / "fifo", "/dev/zero", path]))
    assert [t.get("error") for t in told] == [NOT_REGULAR, NOT_REGULAR, None]
    assert told[2]["kind"] == "bounce"


def test_what_the_shell_has_opened_is_read() -> None:
    """Standard input and process substitution are pipes too, with somebody who writes."""
    reading, writing = os.pipe()
    os.write(writing, mail("<ann@customer.example>: mailbox full\n"))
    os.close(writing)
    (told,) = inspect_files([f"/dev/fd/{reading}"])
    os.close(reading)
    assert told["kind"] == "bounce"


def test_explain_gives_one_object_a_line() -> None:
    """Blank lines too: line and answer keep step."""
    told = list(explain_lines(["550 5.1.1 User unknown\n", "\n", "452 4.2.2 mailbox full\r\n"]))
    assert told[0] == {"reason": "no_such_user", "permanent": True, "status": "5.1.1", "rule": "user-unknown"}
    assert told[1] == {"reason": "undetermined", "permanent": True, "status": "", "rule": ""}
    assert told[2] == {"reason": "mailbox_full", "permanent": False, "status": "4.2.2", "rule": "mailbox-full"}


BOUNCE = b"From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n<ann@customer.example>:\n550 user unknown\n"


@pytest.mark.parametrize(
    "raw",
    [
        BOUNCE,
        BOUNCE.replace(b"\n", b"\r\n"),
        BOUNCE.replace(b"\n", b"\r"),
        b"From MAILER-DAEMON Mon Mar  4 10:00:00 2024\n" + BOUNCE,
        b"\xef\xbb\xbf" + BOUNCE,
        b"\n\n" + BOUNCE,
    ],
    ids=["LF", "CRLF", "CR", "mbox", "byte order mark", "blank lines first"],
)
def test_a_mail_is_read_however_it_was_saved(raw: bytes, tmp_path: Path) -> None:
    """Line ends of any kind, the separator of an mbox, a byte order mark."""
    path = tmp_path / "a.eml"
    path.write_bytes(raw)
    (told,) = inspect_files([path])
    assert [r["address"] for r in told["recipients"]] == ["ann@customer.example"]
    assert told["kind"] == "bounce"


@pytest.mark.parametrize("raw", [b"", b"\0" * 500, b"failed\n\n<ann@customer.example>: user unknown, not delivered\n"])
def test_what_is_no_mail_is_no_bounce(raw: bytes, tmp_path: Path) -> None:
    """An empty file, octets, and a text without any header field, whatever it says."""
    path = tmp_path / "a.eml"
    path.write_bytes(raw)
    (told,) = inspect_files([path])
    assert told == {"file": str(path), "kind": "not-a-bounce", "recipients": []}


def test_a_status_behind_a_large_attachment_is_found(tmp_path: Path) -> None:
    """What comes before it is passed over, however long."""
    path = tmp_path / "a.eml"
    attachment = b"Content-Type: application/pdf\n\n" + b"x" * 78 * 10_000
    raw = multipart(words("x"), "@@", status(block("ann@customer.example", diagnostic="550 5.1.1 User unknown")))
    path.write_bytes(raw.replace(b"@@", attachment))
    (told,) = inspect_files([path])
    assert told["recipients"][0]["reason"] == "no_such_user"
