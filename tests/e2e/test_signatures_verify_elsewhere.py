"""What leaves is signed so that verifiers that others wrote find it good: dkimpy, opendkim and mailauth."""

import json
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.policy import SMTP
from itertools import count
from pathlib import Path

import pytest

from bounce.verp import ReturnPaths
from pixel.token import Tokens
from relay.keys import pixel_seal, return_path_seal
from relay.message.dkim import read_header, signatures
from relay.message.dkim_body import Canonicalization
from relay.message.header import scan
from relay.message.line_ends import normalise
from relay.message.received import received
from relay.outgoing import Outgoing
from store.nouns import ContentRef, Job, TrackingMode
from tests.e2e.rigs.invoice import invoice
from tests.rigs.dkim import ED25519, RSA, dkimpy_says
from tests.rigs.opendkim import PROGRAM, OpenDkim

AT = 1_600_000_000
_SCRIPT = Path(__file__).parent / "clients" / "verify.mjs"
_MASTER = [bytes(32)]
_MESSAGE_IDS = count()
_GENERATED = 250
_WORDS = ["Beitrag", "fällig", "42,00", "€", "Vorstand", "заказ", "請求書", "naïve", "=", ".", "..", "From", "--", "%"]


@dataclass
class Signed:
    """Mails as they leave, and the records of the keys that signed them."""

    mails: list[tuple[str, bytes]] = field(default_factory=list)
    dns: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, content: bytes, canonicalization: Canonicalization) -> None:
        """Make the copy for a recipient, with its pixel, and sign it for whatever domain it is from."""
        copy = _OUTGOING.copy(replace(_JOB, message_id=next(_MESSAGE_IDS)), content, False)
        domain = read_header(copy).from_domain
        if not domain:
            return
        keys = [replace(RSA, domain=domain), replace(ED25519, domain=domain)]
        fields = signatures(copy, keys, at=AT, canonicalization=canonicalization)
        top = read_header(copy).top
        leaving = copy[:top] + fields + copy[top:]
        self.mails.append((name, leaving if leaving.endswith(b"\r\n") else leaving + b"\r\n"))
        self.dns |= {key.record_name: key.record for key in keys}


_OUTGOING = Outgoing(
    tokens=Tokens(pixel_seal(_MASTER)),
    return_paths=ReturnPaths(return_path_seal(_MASTER), "bounce.test", 86_400.0),
    base_url=lambda _: "https://track.club.test",
)
_JOB = Job(
    recipient_id=7,
    message_id=0,
    forward_path="ann@else.test",
    domain="else.test",
    reverse_path="office@club.test",
    tracking=TrackingMode.VERDICT,
    no_pixel_why="",
    prepended=received(
        helo="app.club.test",
        client_address="127.0.0.1",
        hostname="relay.test",
        protocol="ESMTPSA",
        queue_id="1",
        now=AT,
        tls="TLSv1.3",
        hide_client=False,
    ),
    content=ContentRef(0, 0, 0, 0),
    smtputf8=False,
    accepted_at=AT,
    expires_at=AT + 1,
    attempts=0,
    in_doubt=False,
    size=0,
    eight_bit=True,
)


def generated() -> Iterator[tuple[str, bytes]]:
    """Mails as applications write them: every transfer encoding and shape, odd white space, 8-bit, folded fields."""
    draw = random.Random(6376)
    for number in range(_GENERATED):
        text = "\n".join(
            " ".join(draw.choices(_WORDS, k=draw.randrange(9))) + " " * draw.randrange(2) for _ in range(9)
        )
        mail = EmailMessage(policy=SMTP.clone(max_line_length=draw.choice([60, 78, 300])))
        mail["From"] = draw.choice(["office@club.test", "Verein <a@mail.club.test>", '"Vögel, e. V." <b@club.test>'])
        mail["To"] = ", ".join(f"Mitglied {n} <m{n}@else.test>" for n in range(draw.choice([1, 1, 9])))
        mail["Subject"] = " ".join(draw.choices(_WORDS, k=draw.randrange(12)))
        for name in ("Cc", "Reply-To", "List-Unsubscribe", "List-Id", "In-Reply-To", "References", "Sender"):
            if draw.random() < 0.3:
                mail[name] = f"<{name.lower()}@club.test>"
        mail.set_content(text, cte=draw.choice(["quoted-printable", "base64", "8bit"]))
        if draw.random() < 0.7:
            mail.add_alternative(f"<html><body><p>{text}</p></body></html>\n" * draw.choice([1, 5]), subtype="html")
        if draw.random() < 0.3:
            mail.add_attachment(draw.randbytes(9_000), maintype="application", subtype="pdf", filename="Rechnung.pdf")
        yield f"generated {number}", mail.as_bytes() + b"\r\n" * draw.randrange(4)
    yield "invoice", invoice("ann@else.test", sender="office@club.test")


def _sign_all(shared: Path, canonicalization: Canonicalization) -> Signed:
    signed = Signed()
    for name, content in generated():
        signed.add(name, content, canonicalization)
    for path in sorted((shared / "bounces" / "dev").glob("*.eml")):
        content = normalise(path.read_bytes())
        if _readable(content):
            signed.add(path.name, content, canonicalization)
    return signed


def _readable(content: bytes) -> bool:
    """
    Whether the judges look at a mail at all.

    Some refuse junk between fields, names with a semicolon (a folded line that lost its blank), and other signatures
    in the mail that were cut short by who collected it.
    """
    header = scan(content)
    signatures_there = [content[field.start : field.end] for field in header.all("dkim-signature")]
    odd_names = any(";" in field.name for field in header.fields)
    return not header.broken and not odd_names and not any(b"..." in one for one in signatures_there)


@pytest.mark.needs("node")
@pytest.mark.needs(PROGRAM)
@pytest.mark.parametrize("canonicalization", ["simple", "relaxed"])
def test_three_verifiers_find_every_signature_good(
    canonicalization: Canonicalization, shared: Path, tmp_path: Path
) -> None:
    """At least 500 mails, generated and real: RSA and Ed25519 of each, by dkimpy, opendkim and mailauth."""
    signed = _sign_all(shared, canonicalization)
    assert len(signed.mails) >= 700
    assert sum(b"https://track.club.test/o/" in mail for _, mail in signed.mails) > 100  # the pixel, where not encoded
    opendkim = OpenDkim(tmp_path / "keys", signed.dns, now=AT + 60)
    files = []
    wrong = []
    for number, (name, mail) in enumerate(signed.mails):
        files.append(tmp_path / f"{number}.eml")
        files[-1].write_bytes(mail)
        wrong += [(name, "opendkim", told) for told in opendkim.verify(mail)[:2] if told]
        for place in (0, 1):
            if not dkimpy_says(mail, signed.dns, signature=place):
                wrong.append((name, "dkimpy", str(place)))
    for (name, _), told in zip(signed.mails, _mailauth(files, signed.dns), strict=True):
        wrong += [(name, "mailauth", result) for _, result in told[:2] if result != "pass"]
        assert [selector for selector, _ in told[:2]] == ["rsa1", "ed1"], name
    assert wrong == []


def _mailauth(files: list[Path], dns: dict[str, str]) -> list[list[list[str]]]:
    job = json.dumps({"now": AT + 60, "dns": dns, "mails": [str(file) for file in files]})
    done = subprocess.run(["node", str(_SCRIPT)], input=job, capture_output=True, text=True, check=True)
    told: list[list[list[str]]] = json.loads(done.stdout)
    return told
