"""More clients of real applications: curl, msmtp, PHPMailer, and mails as Django and Rails write them."""

import base64
import json
import quopri
import re
import smtplib
import ssl
import subprocess
from email.charset import Charset
from email.generator import BytesGenerator
from email.mime.application import MIMEApplication
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formatdate, make_msgid
from io import BytesIO
from pathlib import Path

from tests.e2e.rigs.clients import SENDER, Sent
from tests.e2e.rigs.homing import Homing, Login
from tests.e2e.rigs.invoice import HTML, TEXT, invoice, logo, pdf

_PHP_SCRIPT = Path(__file__).parents[1] / "clients" / "send.php"


def with_curl(homing: Homing, login: Login, recipient: str, *, authority: Path) -> Sent:
    """curl, given a file."""
    content = invoice(recipient, sender=SENDER)
    file = homing.folder / "curl.eml"
    file.write_bytes(content)
    host, port = homing.submission
    words = ["curl", "--silent", "--show-error", "--verbose", "--url", f"smtp://{host}:{port}/club.test", "--ssl-reqd"]
    words += ["--cacert", str(authority), "--user", f"{login.user}:{login.password}"]
    words += ["--mail-from", SENDER, "--mail-rcpt", recipient, "--upload-file", str(file)]
    return Sent(content, _reply_in(_run(words)))


def with_msmtp(homing: Homing, login: Login, recipient: str, *, authority: Path) -> Sent:
    """msmtp, given a mail on standard input as sendmail is."""
    content = invoice(recipient, sender=SENDER)
    host, port = homing.submission
    settings = homing.folder / "msmtprc"
    settings.touch(0o600)
    settings.write_text(
        f"account default\nhost {host}\nport {port}\ndomain club.test\nauth plain\nuser {login.user}\n"
        f"password {login.password}\ntls on\ntls_starttls on\ntls_trust_file {authority}\nfrom {SENDER}\n"
    )
    words = ["msmtp", "--debug", f"--file={settings}", recipient]
    return Sent(content, _reply_in(_run(words, content.replace(b"\r\n", b"\n"))))


def with_phpmailer(homing: Homing, login: Login, recipient: str, *, authority: Path) -> Sent:
    """PHPMailer, that composes the mail itself."""
    written = homing.folder / "phpmailer.eml"
    host, port = homing.submission
    job = {
        "host": host,
        "port": port,
        "user": login.user,
        "password": login.password,
        "cafile": str(authority),
        "from": SENDER,
        "to": recipient,
        "text": TEXT,
        "html": HTML,
        "logo": base64.b64encode(logo()).decode(),
        "pdf": base64.b64encode(pdf()).decode(),
        "written": str(written),
    }
    said = _run(["php", str(_PHP_SCRIPT)], json.dumps(job).encode())
    # Its SMTP client sends each line of the composed text with CRLF behind it, an empty last one too.
    return Sent(re.sub(rb"\r?\n", b"\r\n", written.read_bytes()) + b"\r\n", _reply_in(said))


def with_django(homing: Homing, login: Login, recipient: str, *, authority: Path) -> Sent:
    """A mail as Django's EmailMultiAlternatives writes it, sent by smtplib as its SMTP backend does."""
    utf8 = Charset("utf-8")
    utf8.body_encoding = None  # type: ignore[assignment]  # 8bit; the stubs know the numbers only
    mixed, alternative, related = MIMEMultipart("mixed"), MIMEMultipart("alternative"), MIMEMultipart("related")
    mixed["Subject"] = "=?utf-8?q?Rechnung_f=C3=BCr_November?="
    mixed["From"] = f"Verein Nordlicht <{SENDER}>"
    mixed["To"] = recipient
    mixed["Date"] = formatdate(localtime=False)
    mixed["Message-ID"] = make_msgid(domain="web1.club.test")
    image = MIMEImage(logo(), "png")
    image["Content-ID"] = "<logo@club.test>"
    attached = MIMEApplication(pdf(), "pdf")
    attached.add_header("Content-Disposition", "attachment", filename="Rechnung INV-1042.pdf")
    related.attach(_text(HTML, "html", utf8))
    related.attach(image)
    alternative.attach(_text(TEXT, "plain", utf8))
    alternative.attach(related)
    mixed.attach(alternative)
    mixed.attach(attached)
    octets = BytesIO()
    BytesGenerator(octets, mangle_from_=False).flatten(mixed, linesep="\r\n")
    return _by_smtplib(homing, login, recipient, octets.getvalue(), authority)


def with_rails(homing: Homing, login: Login, recipient: str, *, authority: Path) -> Sent:
    """A mail in the form that ActionMailer's library writes: its boundaries, its folding, quoted-printable text."""
    mixed, alternative = b"--==_mimepart_6555f1c3d29e8_1a2b3c4d5e", b"--==_mimepart_6555f1c3d1b07_1a2b3c4d4f"

    def text(kind: bytes, body: str) -> bytes:
        encoded = quopri.encodestring(body.replace("\n", "\r\n").encode(), quotetabs=False).replace(b"\r\r\n", b"\r\n")
        head = b"Content-Type: text/" + kind + b";\r\n charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
        return b"--" + alternative + b"\r\n" + head + b"\r\n" + encoded + b"\r\n"

    encoded = base64.encodebytes(pdf()).replace(b"\n", b"\r\n")
    content = (
        b"Date: " + formatdate(localtime=True).encode() + b"\r\nFrom: Verein Nordlicht <" + SENDER.encode() + b">\r\n"
        b"To: " + recipient.encode() + b"\r\nMessage-ID: <6555f1c3d5a12_1a2b3c4d6d@web1.mail>\r\n"
        b"Subject: =?UTF-8?Q?Rechnung_f=C3=BCr_November?=\r\nMime-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed;\r\n boundary="' + mixed + b'";\r\n charset=UTF-8\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n\r\n\r\n"
        b"--" + mixed + b'\r\nContent-Type: multipart/alternative;\r\n boundary="' + alternative + b'";\r\n'
        b" charset=UTF-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\r\n"
        + text(b"plain", TEXT)
        + text(b"html", HTML)
        + b"--"
        + alternative
        + b"--\r\n\r\n--"
        + mixed
        + b'\r\nContent-Type: application/pdf;\r\n filename="Rechnung INV-1042.pdf"\r\n'
        b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n"
        b' filename="Rechnung INV-1042.pdf"\r\nContent-ID: <6555f1c3d6@web1.mail>\r\n\r\n'
        + encoded
        + b"\r\n--"
        + mixed
        + b"--\r\n"
    )
    return _by_smtplib(homing, login, recipient, content, authority)


def _text(body: str, kind: str, charset: Charset) -> MIMEText:
    part = MIMEText("", kind)
    del part["Content-Transfer-Encoding"]
    part.set_payload(body, charset)
    return part


def _by_smtplib(homing: Homing, login: Login, recipient: str, content: bytes, authority: Path) -> Sent:
    """Hand over by sendmail, as frameworks do, and find the reply that it does not give."""
    replies: list[bytes] = []

    class Listening(smtplib.SMTP):
        def getreply(self) -> tuple[int, bytes]:
            code, text = super().getreply()
            replies.append(b"%d %s" % (code, text))
            return code, text

    with Listening(*homing.submission, local_hostname="web1.club.test", timeout=30) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(authority)))
        client.login(login.user, login.password)
        assert client.sendmail(SENDER, [recipient], content) == {}
    return Sent(content, _reply_in(b"\n".join(replies).decode()))


def _run(words: list[str], given: bytes = b"") -> str:
    done = subprocess.run(words, input=given, capture_output=True, timeout=60, check=False)
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == 0, said
    return said


def _reply_in(said: str) -> str:
    return next(line for line in said.splitlines() if " queued as " in line).lstrip("<- ")
