"""relay/dkim_commands.py: from no key to a record in DNS, to signed mail, to the next key."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay.cli import main
from relay.dkim_commands import IN_FORCE_AFTER, activate_key, list_keys, new_key, retire_key
from relay.dkim_keys import DkimKeyError, read_domain
from relay.message.dkim import signatures
from relay.signing import LOOK_AGAIN
from tests.rigs.dkim import dkimpy_says

NOW = 1_600_000_000.0  # 2020-09-13
MAIL = b"From: office@club.test\r\n\r\nDear Ann\r\n"


def run(folder: Path, *words: str) -> Result:
    (folder / "config.toml").touch()
    return CliRunner().invoke(main, ["dkim", *words, "--config", str(folder / "config.toml")])


@pytest.mark.parametrize(("algorithm", "strings"), [("rsa", 2), ("ed25519", 1)])
def test_the_printed_record_verifies_what_the_key_signs(tmp_path: Path, algorithm: str, strings: int) -> None:
    """What stands between the quotes is all that a verifier needs; no string is over 255 octets."""
    shown = run(tmp_path, "new", "Club.test", "--selector", "S1", "--algorithm", algorithm).output
    assert "s1._domainkey.club.test. IN TXT (" in shown
    quoted = re.findall(r'"(v=DKIM1[^"]*|[A-Za-z0-9+/=]+)"', shown)
    assert len(quoted) == strings
    assert all(len(string) <= 255 for string in quoted)
    assert f"  {''.join(quoted)}\n" in shown
    assert "homing dkim activate club.test s1" in shown
    assert run(tmp_path, "activate", "club.test", "s1").exit_code == 0
    (key,) = read_domain(tmp_path / "var" / "dkim", "club.test").at(1e12)
    signed = signatures(MAIL, [key], at=NOW) + MAIL
    assert dkimpy_says(signed, {"s1._domainkey.club.test": "".join(quoted)})


def test_a_selector_is_made_from_the_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And never twice the same."""
    for algorithm in ("rsa", "ed25519", "ed25519", "ed25519"):
        new_key(tmp_path, "club.test", selector="", algorithm=algorithm, now=NOW)  # type: ignore[arg-type]  # of both
    names = {stored.selector for stored in read_domain(tmp_path, "club.test").keys}
    assert names == {"h20200913", "h20200913-ed", "h20200913-ed-2", "h20200913-ed-3"}
    assert "It does not sign yet." in capsys.readouterr().out


def test_a_rotation_says_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The old key's record stays for mail under way; the last key's end is said plainly."""
    for selector in ("a", "b"):
        new_key(tmp_path, "club.test", selector=selector, algorithm="ed25519", now=NOW)
    activate_key(tmp_path, "club.test", "a", now=NOW)
    capsys.readouterr()
    activate_key(tmp_path, "club.test", "b", now=NOW)
    shown = capsys.readouterr().out
    assert "club.test: b signs, from 2020-09-13T12:26:45.000Z on." in shown
    assert "club.test: a signs no new mail. Leave its record a._domainkey.club.test" in shown
    retire_key(tmp_path, "club.test", "b", now=NOW)
    assert "its mail leaves unsigned" in capsys.readouterr().out


def test_a_change_is_in_force_when_a_running_relay_has_seen_it() -> None:
    """Until then all mail is signed by the earlier key, so a retry finds the one of its first attempt."""
    assert IN_FORCE_AFTER > LOOK_AGAIN


def test_list_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line, for each key; what cannot be read says so."""
    new_key(tmp_path, "club.test", selector="a", algorithm="ed25519", now=NOW)
    activate_key(tmp_path, "club.test", "a", now=NOW)
    new_key(tmp_path, "club.test", selector="b", algorithm="ed25519", now=NOW)
    (tmp_path / "club.test" / "b.pem").unlink()
    new_key(tmp_path, "other.test", selector="c", algorithm="ed25519", now=NOW)
    (tmp_path / "other.test" / "keys.json").write_text("damaged")
    capsys.readouterr()
    list_keys(tmp_path, as_json=True)
    active, missing, damaged = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (active["domain"], active["selector"], active["state"]) == ("club.test", "a", "active")
    assert (active["algorithm"], active["bits"], active["trouble"]) == ("ed25519-sha256", 256, None)
    assert active["record_name"] == "a._domainkey.club.test"
    assert active["record"].startswith("v=DKIM1; k=ed25519; p=")
    assert (active["activated_at"], active["retired_at"]) == ("2020-09-13T12:26:45.000Z", None)
    assert (missing["state"], missing["record"]) == ("new", None)
    assert "b.pem: No such file or directory" in missing["trouble"]
    assert (damaged["domain"], "is damaged" in damaged["trouble"]) == ("other.test", True)


def test_list_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """State, kind and record; without keys, what that means."""
    list_keys(tmp_path / "none", as_json=False)
    assert "all mail leaves unsigned" in capsys.readouterr().out
    new_key(tmp_path, "club.test", selector="a", algorithm="ed25519", now=NOW)
    capsys.readouterr()
    list_keys(tmp_path, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["club.test", "  a: new since 2020-09-13T12:26:40.000Z; Ed25519"]
    assert lines[2].startswith("    a._domainkey.club.test v=DKIM1; k=ed25519; p=")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["new", "no domain"], '"no domain" is no domain'),
        (["new", "../etc"], '"../etc" is no domain'),
        (["new", "club.test", "--selector", "../a"], '"../a" is no selector'),
        (["activate", "club.test", "a"], "club.test has no keys; homing dkim new club.test makes one"),
        (["retire", "club.test", "a"], "club.test has no keys"),
    ],
)
def test_what_cannot_be_done_is_exit_status_2(tmp_path: Path, words: list[str], says: str) -> None:
    """One sentence, no traceback, nothing made."""
    done = run(tmp_path, *words)
    assert done.exit_code == 2
    assert says in done.output
    assert not (tmp_path / "var").exists()


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Not: there are no keys."""
    (tmp_path / "file").touch()
    with pytest.raises(DkimKeyError, match="Not a directory"):
        list_keys(tmp_path / "file", as_json=False)


def test_every_command_has_a_whole_sentence() -> None:
    """No line of the list of commands is cut off."""
    listed = CliRunner().invoke(main, ["dkim", "--help"]).output.partition("Commands:\n")[2].splitlines()
    assert len(listed) == 4
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)
