"""
Makes a mail (RFC 5322, MIME) of what the API was told.

The header is written here, line by line: each value is one line already. The body is the standard library's.

Pure: no I/O, no clock, no chance.
"""

import hashlib
import re
from base64 import b64decode
from collections.abc import Iterable
from email.charset import QP, Charset
from email.header import Header
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP as _SMTP

from admin.api.models.send import AttachmentIn, Person, SendIn

SMTP = _SMTP.clone(cte_type="7bit")
_UTF8 = Charset("utf-8")
_UTF8.header_encoding = QP
_SPECIAL = re.compile(r'[()<>\[\]:;@\\,."]')  # RFC 5322 section 3.2.3: what makes a name need quotes
_LONGEST = 900  # octets of a word that is not encoded: a line has at most 998, section 2.1.1
_LINE = 78  # octets that a line should not be longer than, RFC 5322 section 2.1.1


def compose(mail: SendIn, *, idempotency_key: str = "") -> bytes:
    """Give the mail with CRLF; Date and Message-ID are added when it is taken. Bcc is in no line of it."""
    lines = [
        _people("From", [mail.from_]),
        _people("To", mail.to),
        _people("Cc", mail.cc),
        _people("Reply-To", mail.reply_to),
        _text("Subject", mail.subject),
        *(_text(name, value) for name, value in mail.headers.items()),
        *(_text(name, value) for name, value in _controls(mail, idempotency_key)),
    ]
    return "".join(lines).encode("ascii") + _body(mail)


def envelope(mail: SendIn) -> list[str]:
    """Give the addresses it goes to, each once, in order."""
    return list(dict.fromkeys(person.address for person in (*mail.to, *mail.cc, *mail.bcc)))


def _controls(mail: SendIn, idempotency_key: str) -> Iterable[tuple[str, str]]:
    """Say the rest in the control headers that SMTP knows; they are removed from the copies."""
    yield "X-Homing-Customer", mail.customer
    yield "X-Homing-Invoice", mail.invoice
    for tag in mail.tags:
        yield "X-Homing-Tag", tag
    for key, value in mail.metadata.items():
        yield f"X-Homing-Metadata-{key}", value
    yield "X-Homing-Track", mail.track.value if mail.track else ""
    yield "X-Homing-Ignore-Suppression", "yes" if mail.ignore_suppression else ""
    yield "X-Homing-Idempotency-Key", idempotency_key


def _text(name: str, value: str) -> str:
    """Write a field of plain text, as encoded words where it has other letters; "" where there is nothing to say."""
    value = value.strip()
    if not value:
        return ""
    if value.isascii() and "=?" not in value and max(map(len, value.split())) < _LONGEST:
        return _folded(name, value)
    return f"{name}: {_encoded(value, name)}\r\n"


def _folded(name: str, value: str) -> str:
    """Fold between words: what says references, say, must stay as it is."""
    lines = [f"{name}:"]
    if len(name) + 2 + len(value) <= _LINE:
        return f"{name}: {value}\r\n"
    for word in value.split():
        if len(lines[-1]) + 1 + len(word) > _LINE and lines[-1] not in (f"{name}:", ""):
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines) + "\r\n"


def _encoded(value: str, name: str) -> str:
    return Header(value, _UTF8, maxlinelen=_LINE, header_name=name).encode(linesep="\r\n", maxlinelen=_LINE)


def _people(name: str, people: Iterable[Person]) -> str:
    """Write a field of addresses, one a line; "" where there are none."""
    written = [f"{_name(it.name)} <{it.address}>" if it.name.strip() else it.address for it in people]
    return f"{name}: " + ",\r\n ".join(written) + "\r\n" if written else ""


def _name(name: str) -> str:
    if not name.isascii() or "=?" in name:
        return _encoded(name, "")
    if not _SPECIAL.search(name):
        return name.strip()
    quoted = re.sub(r'(["\\])', r"\\\1", name)
    return f'"{quoted}"'


def _body(mail: SendIn) -> bytes:
    body = EmailMessage(policy=SMTP)
    if mail.html:
        body.set_content(mail.text) if mail.text else None
        _html(body, mail)
    else:
        body.set_content(mail.text)
    for file in mail.attachments:
        if not (file.content_id and mail.html):
            _attach(body, file, "attachment")
    # The boundary is a digest of what it bounds, so nothing in there can have foreseen it.
    digest = hashlib.sha256("\0".join([mail.text, mail.html, *(it.content for it in mail.attachments)]).encode())
    for number, part in enumerate(body.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_{digest.hexdigest()[:32]}_{number}")
    return body.as_bytes()


def _html(body: EmailMessage, mail: SendIn) -> None:
    """Put the HTML in, beside the text if there is one, and with what it shows by Content-ID."""
    if mail.text:
        body.add_alternative(mail.html, subtype="html")
    else:
        body.set_content(mail.html, subtype="html")
    shown = [file for file in mail.attachments if file.content_id]
    if not shown:
        return
    parts = body.get_payload() if mail.text else None
    part: MIMEPart = parts[-1] if isinstance(parts, list) else body  # type: ignore[assignment]  # parts of ours
    for file in shown:
        part.add_related(*_typed(file), cid=f"<{file.content_id}>", filename=file.filename, disposition="inline")


def _attach(body: EmailMessage, file: AttachmentIn, disposition: str) -> None:
    raw, kind, subtype = _typed(file)
    body.add_attachment(raw, kind, subtype, filename=file.filename, disposition=disposition)


def _typed(file: AttachmentIn) -> tuple[bytes, str, str]:
    kind, _, subtype = file.content_type.partition("/")
    return b64decode(file.content, validate=True), kind, subtype
