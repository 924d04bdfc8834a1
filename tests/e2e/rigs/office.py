"""A club's office on the sandbox: invoices, a newsletter to many, addresses that fail in each way."""

import re
import smtplib
from email.message import EmailMessage
from email.policy import SMTP

from tests.e2e.rigs.homing import Homing, Login

SENDER = "office@club.test"
DOMAIN = "sandbox.test"
_PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n" * 40
_HTML = """<!doctype html><html><head><meta charset="utf-8"><style>
body{{font-family:Georgia,serif;color:#222;margin:0;background:#f3f1ec}} .sheet{{max-width:560px;margin:24px auto;
background:#fff;padding:32px;border-top:6px solid #2e6b4f}} h1{{font-size:22px}} td{{padding:6px 14px 6px 0}}
.sum{{font-weight:bold;border-top:1px solid #ccc}} </style></head><body><div class="sheet">
<p style="color:#2e6b4f;letter-spacing:2px">RIVERSIDE ROWING CLUB</p><h1>{title}</h1><p>Dear member,</p>
<p>{text}</p><table><tr><td>Training, two evenings a week</td><td>36.00</td></tr><tr><td>Boathouse locker</td>
<td>6.00</td></tr><tr class="sum"><td>To pay by the 15th</td><td>42.00</td></tr></table>
<img src="https://tracker.invalid/logo.png" alt="" width="1" height="1"><p>The club's office</p></div></body></html>"""


def mail(to: str, subject: str, *, invoice: str = "", customer: str = "", tag: str = "", html: str = "") -> bytes:
    """Write one mail as the club's software does."""
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Riverside Rowing Club <{SENDER}>"
    message["To"] = to
    message["Subject"] = subject
    for name, value in (("Invoice", invoice), ("Customer", customer), ("Tag", tag)):
        if value:
            message[f"X-Homing-{name}"] = value
    message.set_content(f"Dear member,\n\n{subject}.\n\nThe club's office\n")
    body = html or _HTML.format(title=subject, text="thank you for rowing with us. This is what November comes to:")
    message.add_alternative(body, subtype="html")
    if invoice:
        message.add_attachment(_PDF, maintype="application", subtype="pdf", filename=f"{invoice}.pdf")
    return message.as_bytes()


def hand_over(homing: Homing, login: Login, content: bytes, recipients: list[str]) -> int:
    """Give one mail to Homing; gives the id of the message."""
    with smtplib.SMTP(*homing.submission, timeout=30) as client:
        client.ehlo()
        client.login(login.user, login.password)
        client.mail(SENDER)
        for recipient in recipients:
            client.rcpt(recipient)
        code, text = client.data(content)
        assert code == 250, text
        return int(text.split()[-1])


def at(name: str) -> str:
    """Give a sandbox address."""
    return f"{name}@{DOMAIN}"


def fill(homing: Homing, login: Login) -> dict[str, int]:
    """Send what an office sends in a week; gives the ids of some messages by name."""
    ids = {}
    invoices = (
        ("INV-1042", "4711", "maria.lopez"),
        ("INV-1043", "4712", "gone"),
        ("INV-1044", "4713", "full-for-good"),
        ("INV-1045", "4714", "apple"),
        ("INV-1046", "4715", "later-bounce"),
        ("INV-1047", "4716", "quiet"),
        ("INV-1048", "4717", "spam"),
    )
    for invoice, customer, name in invoices:
        content = mail(at(name), "Your November fees", invoice=invoice, customer=customer, tag="fees")
        ids[invoice] = hand_over(homing, login, content, [at(name)])
    names = [
        f"{first}.{last}"
        for first in ("ana", "ben", "eva", "ivan", "luis", "nora")
        for last in ("novak", "rossi", "silva")
    ]
    crowd = [*names, "suspended", "defer", "apple", "gmail", "scanner", "toolarge", "invalid", "slow"]
    newsletter = mail("members@club.test", "Regatta on Sunday: who rows, who brings cake?", tag="newsletter")
    ids["newsletter"] = hand_over(homing, login, newsletter, [at(name) for name in crowd])
    return ids


def again(homing: Homing, login: Login) -> None:
    """Send reminders, one of them to an address that has failed meanwhile."""
    for invoice, customer, name in (("INV-1042", "4711", "maria.lopez"), ("INV-1043", "4712", "gone")):
        content = mail(at(name), "Reminder: your November fees", invoice=invoice, customer=customer, tag="reminder")
        hand_over(homing, login, content, [at(name)])


def password(homing: Homing) -> str:
    """Give the password that the first start printed for the pages."""
    found = re.search(r"Pages\s+Address\s+\S+\s+User\s+admin\s+Password\s+(\S+)", homing.output)
    assert found, homing.output
    return found[1]
