"""bounce/inspect_files.py: the contracts of ``homing inspect --json`` and ``homing explain --json``."""

import json
from pathlib import Path

from bounce.inspect_files import explain_lines, inspect_files
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


def test_explain_gives_one_object_a_line() -> None:
    """Blank lines too: line and answer keep step."""
    told = list(explain_lines(["550 5.1.1 User unknown\n", "\n", "452 4.2.2 mailbox full\r\n"]))
    assert told[0] == {"reason": "no_such_user", "permanent": True, "status": "5.1.1", "rule": "user-unknown"}
    assert told[1] == {"reason": "undetermined", "permanent": True, "status": "", "rule": ""}
    assert told[2] == {"reason": "mailbox_full", "permanent": False, "status": "4.2.2", "rule": "mailbox-full"}
