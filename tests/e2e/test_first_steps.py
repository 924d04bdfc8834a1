"""What README promises: `make run` prints what to paste, and its printed line sends a mail that is opened."""

import os
import re
import signal
import smtplib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.rigs.homing import Homing
from tests.e2e.rigs.until import until

ROOT = Path(__file__).parents[2]


class MakeRun(Homing):
    """The shipped configuration as `make run` starts it, on a loopback address of its own in place of 127.0.0.1."""

    def start_with_make(self) -> None:
        """Start, and return once the settings are printed and it is ready."""
        shipped = (ROOT / "config.toml").read_text(encoding="utf-8")
        assert "127.0.0.1:" in shipped
        self.config.write_text(shipped.replace("127.0.0.1:", f"{self.address}:"), encoding="utf-8")
        with self.output_file.open("ab") as output:
            self._process = subprocess.Popen(
                ("make", "--no-print-directory", "run", f"CONFIG={self.config}"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                start_new_session=True,  # a terminal of its own, so that Ctrl-C reaches make and Homing
            )
        until("Homing is ready", self._ready, seconds=60)

    def ctrl_c(self) -> None:
        """Do what Ctrl-C in its terminal does, and wait until it has ended."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGINT)
        self._process.wait(60)
        self._process = None

    def stop(self) -> None:
        """End make and Homing, when a test has failed."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
        super().stop()


@pytest.fixture
def homing(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MakeRun]:
    """Give a first start of the shipped configuration."""
    relay = MakeRun(tmp_path)
    try:
        relay.start_with_make()
        yield relay
    finally:
        request.node.add_report_section("call", "output of make run", relay.output)
        relay.stop()


def test_first_start_prints_the_settings_and_the_printed_line_sends_a_mail_that_is_opened(homing: MakeRun) -> None:
    """
    Server, port, user and password are printed and work; the printed line sends a mail: delivered, then opened.

    The other printed addresses act out their statuses. Ctrl-C stops cleanly, and a second start makes no new secrets.
    """
    printed = homing.output
    user, password = (re.search(rf"{word}\s+(\S+)", printed) for word in ("User", "Password"))
    assert user is not None
    assert password is not None
    assert f"Server      {homing.address}" in printed
    assert "Port        2525" in printed
    assert homing.admin_url in printed
    with smtplib.SMTP(*homing.submission, timeout=30) as client:
        client.login(user[1], password[1])
    line = next(line.strip() for line in printed.splitlines() if "ann@sandbox.test" in line)

    done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    homing.event(event="opened", address="ann@sandbox.test", verdict="person")
    assert homing.kinds("ann@sandbox.test")[:2] == ["accepted", "delivered"]

    for name in ("gone", "full", "later-bounce", "slow"):
        subprocess.run(
            line.replace("ann@", f"{name}@"), shell=True, cwd=ROOT, capture_output=True, timeout=60, check=True
        )
    assert homing.event(event="bounced", address="gone@sandbox.test")["reason"] == "no_such_user"
    homing.event(reason="mailbox_full", address="full@sandbox.test")
    homing.event(event="bounced", address="later-bounce@sandbox.test")
    assert homing.kinds("later-bounce@sandbox.test") == ["accepted", "delivered", "bounced"]
    homing.event(event="deferred", address="slow@sandbox.test")

    homing.ctrl_c()
    assert "Traceback" not in homing.output
    assert re.search(r"\bstopped$", homing.output, re.MULTILINE)
    homing.start_with_make()
    again = homing.output[len(printed) :]
    assert password[1] not in again
    assert "shown this once" not in again
    homing.ctrl_c()
