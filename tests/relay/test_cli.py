"""relay/cli.py: the commands' words, exit statuses and machine contracts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from relay.cli import main

MAIL = b"From: a@club.test\nX-Homing-Invoice: 1\nContent-Type: text/html\n\n<html><body>Hi</body></html>\n"


def test_help_loads_nothing_heavy() -> None:
    """`homing --help` is quick because no command's own modules are imported for it."""
    heavy = ("sqlalchemy", "aiohttp", "pydantic", "asyncio")
    code = f"import sys, relay.cli; print([module for module in {heavy} if module in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("words", [[], ["suppress"], ["user"]])
def test_every_command_has_a_whole_sentence(words: list[str]) -> None:
    """No line of the list of commands is cut off."""
    shown = CliRunner().invoke(main, [*words, "--help"]).output
    listed = shown.partition("Commands:\n")[2].splitlines()
    assert listed
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


def test_explain_gives_one_object_for_each_line() -> None:
    """design.md section 10: reason, permanent, status, rule; whatever the octets."""
    given = b"550 5.1.1 User unknown\r\n452 4.2.2 mailbox full\n\xff\xfe\n"
    done = CliRunner().invoke(main, ["explain", "--json"], input=given)
    assert done.exit_code == 0
    told = [json.loads(line) for line in done.output.splitlines()]
    assert [set(one) for one in told] == [{"reason", "permanent", "status", "rule"}] * 3
    assert [(one["reason"], one["permanent"], one["status"]) for one in told[:2]] == [
        ("no_such_user", True, "5.1.1"),
        ("mailbox_full", False, "4.2.2"),
    ]


def test_explain_answers_people_in_sentences() -> None:
    """The sentence, what to do, and the rule."""
    shown = CliRunner().invoke(main, ["explain", "550 5.1.1 User unknown"]).output
    assert shown.startswith("no_such_user (for good): This email address does not exist.\n  What to do: ")


def test_inspect_gives_one_object_for_each_file_and_never_stops(tmp_path: Path) -> None:
    """A file that is not there, or is no mail, does not keep the next one from being read."""
    files = [tmp_path / name for name in ("missing.eml", "empty.eml", "mail.eml")]
    files[1].write_bytes(b"")
    files[2].write_bytes(MAIL)
    done = CliRunner().invoke(main, ["inspect", "--json", *map(str, files)])
    assert done.exit_code == 0
    told = [json.loads(line) for line in done.output.splitlines()]
    assert [one["file"] for one in told] == [str(file) for file in files]
    assert all({"file", "kind", "recipients"} <= set(one) for one in told)


def test_rewrite_writes_each_copy_and_says_what_was_done(tmp_path: Path) -> None:
    """design.md section 10: file, injected, why, part; the control header is gone, the pixel is in."""
    mail = tmp_path / "mail.eml"
    mail.write_bytes(MAIL)
    done = CliRunner().invoke(main, ["rewrite", "--out", str(tmp_path / "out"), str(mail), str(tmp_path / "missing")])
    assert done.exit_code == 0
    first, second = (json.loads(line) for line in done.output.splitlines())
    assert first == {"file": str(mail), "injected": True, "why": "", "part": "1"}
    assert (second["injected"], bool(second["why"])) == (False, True)
    written = (tmp_path / "out" / "mail.eml").read_bytes()
    assert b"X-Homing" not in written
    assert written.count(b"<img ") == 1
    assert b"\n" not in written.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "words", [["serve"], ["tail"], ["status", "x"], ["user", "list"], ["suppress", "list"]], ids=lambda words: words[0]
)
def test_a_wrong_configuration_is_exit_status_2(tmp_path: Path, words: list[str]) -> None:
    """One message, no traceback."""
    file = tmp_path / "config.toml"
    file.write_text("[relay]\nhostnam = 'x'\n")
    done = CliRunner().invoke(main, [*words, "--config", str(file)])
    assert done.exit_code == 2
    assert 'line 2: [relay] hostnam: unknown key. Did you mean "hostname"?' in done.output


def test_a_store_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """A command beside a relay that was never started says what to do."""
    file = tmp_path / "config.toml"
    file.write_text("")
    done = CliRunner().invoke(main, ["status", "ann@example.org", "--config", str(file)])
    assert done.exit_code == 2
    assert "start the relay once" in done.output
