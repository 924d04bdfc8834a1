"""A configuration with several mistakes: one message with all of them, and nothing started."""

import re
import socket
import subprocess
from pathlib import Path

from tests.e2e.rigs.homing import COMMAND
from tests.e2e.rigs.loopback import own_address

CONFIG = """\
[relay]
hostnam = "relay.club.test"
master_key = "keys"

[relay.submission]
listen = ["{address}:2525"]
private_key = "{key}"
certificate = "{certificate}"

[relay.delivery]
connections = "many"
max_age = 3

[bounce]
listen = ["{address}:2526"]

[pixel]
listen = ["{address}:8025"]
trackng = "count"

[admin]
listen = ["{address}:8026"]

[stores]
url = "sqlite:///var/homing.db"
"""


def line(text: str) -> int:
    """On which line of the configuration this stands, from 1."""
    return next(number for number, line in enumerate(CONFIG.splitlines(), 1) if text in line)


def test_wrong_configuration_is_told_all_at_once_with_lines_and_nothing_starts(tmp_path: Path) -> None:
    """
    Unknown keys, wrong types, a port in use and unreadable keys: one message, each with its line; exit status 2.

    Unknown keys name the nearest right one. No port is opened, and no file is made.
    """
    address = own_address()
    (tmp_path / "keys").mkdir()  # where the master key should be a file; even root cannot read it
    (tmp_path / "tls.key").mkdir()
    (tmp_path / "tls.pem").write_text("not looked into\n")
    config = tmp_path / "config.toml"
    config.write_text(
        CONFIG.format(address=address, key=tmp_path / "tls.key", certificate=tmp_path / "tls.pem"), encoding="utf-8"
    )
    before = sorted(tmp_path.rglob("*"))

    with socket.create_server((address, 2525)):
        done = subprocess.run(
            (COMMAND, "serve", "--config", str(config)), capture_output=True, text=True, timeout=60, check=False
        )

    assert done.returncode == 2
    message = done.stderr
    assert "Traceback" not in message
    expected = {
        "hostnam": ("unknown key", '"hostname"'),
        "master_key": ("cannot be read",),
        "private_key": ("tls.key", "cannot be read"),
        'listen = ["{address}:2525"]': ("in use", f"{address}:2525"),
        "connections": ("whole number",),
        "max_age": ('"3d"',),
        "trackng": ("unknown key", '"tracking"'),
        "[stores]": ("unknown key", '"store"'),
    }
    for text, words in expected.items():
        told = [said for said in message.splitlines() if re.search(rf"\bline {line(text)}: ", said)]
        assert len(told) == 1, f"{text}: {message}"
        assert all(word in told[0] for word in words), f"{text}: {told[0]}"
    assert sorted(tmp_path.rglob("*")) == before
    for port in (2526, 8025, 8026):
        with socket.socket() as probe:
            assert probe.connect_ex((address, port)) != 0


def test_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    """A slip of the pen: line and cause, exit status 2, no traceback."""
    config = tmp_path / "config.toml"
    config.write_text('[relay]\nhostname = "relay.club.test\n')

    done = subprocess.run(
        (COMMAND, "serve", "--config", str(config)), capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 2
    assert "line 2: " in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [config]
