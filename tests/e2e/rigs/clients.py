"""The three clients of the tests: swaks, Python's smtplib and Nodemailer, each with AUTH and STARTTLS."""

import base64
import json
import re
import smtplib
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.e2e.rigs.homing import Homing, Login
from tests.e2e.rigs.invoice import HTML, TEXT, invoice, logo, pdf

SENDER = "office@club.test"
_NODE_SCRIPT = Path(__file__).parents[1] / "clients" / "send.mjs"


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that a client has handed over."""

    content: bytes  # as the client composed it, with CRLF
    reply: str  # to DATA: "250 2.0.0 Ok: queued as 123"

    @property
    def message_id(self) -> str:
        """The id in the reply."""
        return self.reply.rpartition(" queued as ")[2].strip()


class Client(Protocol):
    """Hands one invoice to the submission port and gives what it sent. Trusts only the given authority."""

    def __call__(self, homing: Homing, login: Login, recipient: str, *, authority: Path) -> Sent:
        """Raise when the mail is not taken."""
        ...


def with_smtplib(homing: Homing, login: Login, recipient: str, *, authority: Path) -> Sent:
    """Python's smtplib."""
    content = invoice(recipient, sender=SENDER)
    with smtplib.SMTP(*homing.submission, timeout=30) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(authority)))
        client.login(login.user, login.password)
        client.mail(SENDER, ["BODY=8BITMIME"])
        assert client.rcpt(recipient)[0] == 250
        code, text = client.data(content)
    assert code == 250, text
    return Sent(content, f"{code} {text.decode()}")


def with_swaks(homing: Homing, login: Login, recipient: str, *, authority: Path) -> Sent:
    """swaks, given a file as it came from an application."""
    content = invoice(recipient, sender=SENDER)
    file = homing.folder / "swaks.eml"
    file.write_bytes(content.replace(b"\r\n", b"\n").removesuffix(b"\n"))  # swaks ends the last line itself
    host, port = homing.submission
    words = ["swaks", "--server", host, "--port", str(port), "--from", SENDER, "--to", recipient, "--ehlo", "club.test"]
    words += ["--tls", "--tls-verify", "--tls-ca-path", str(authority)]
    words += ["--auth", "PLAIN", "--auth-user", login.user, "--auth-password", login.password]
    done = subprocess.run(
        [*words, "--data", f"@{file}"], capture_output=True, text=True, errors="replace", timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    reply = next(line for line in done.stdout.splitlines() if " queued as " in line)
    return Sent(content, reply.lstrip("<~- "))


def with_nodemailer(homing: Homing, login: Login, recipient: str, *, authority: Path) -> Sent:
    """Nodemailer, that composes the mail itself."""
    written = homing.folder / "nodemailer.eml"
    host, port = homing.submission
    job = {
        "host": host,
        "port": port,
        "user": login.user,
        "password": login.password,
        "ca": authority.read_text(),
        "from": SENDER,
        "to": recipient,
        "text": TEXT,
        "html": HTML,
        "logo": base64.b64encode(logo()).decode(),
        "pdf": base64.b64encode(pdf()).decode(),
        "written": str(written),
    }
    done = subprocess.run(
        ["node", str(_NODE_SCRIPT)], input=json.dumps(job), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Its composer leaves line feeds of its input alone; its SMTP client sends each as CRLF.
    return Sent(re.sub(rb"\r?\n", b"\r\n", written.read_bytes()), done.stdout.strip())


def hand_over(homing: Homing, content: bytes, recipients: list[str], *, login: Login | None = None) -> Sent:
    """Hand over one mail without TLS, as an application on the same machine may."""
    with smtplib.SMTP(*homing.submission, timeout=60) as client:
        client.ehlo()
        if login is not None:
            client.login(login.user, login.password)
        client.mail(SENDER)
        for recipient in recipients:
            code, text = client.rcpt(recipient)
            assert code == 250, text
        code, text = client.data(content)
    assert code == 250, text
    return Sent(content, f"{code} {text.decode()}")
