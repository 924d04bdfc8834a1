"""``homing send-test``: one small invoice mail through the submission port, as an application would send it."""

import contextlib
import smtplib
import ssl
from email.message import EmailMessage

_TEXT = "Dear Ann,\n\nyour November fees are 42.00.\n\nThe club's office\n"
_HTML = """\
<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Invoice</title></head>
<body><h1>Your November fees</h1><p>Dear Ann,</p><p>your November fees are <b>42.00</b>.</p>
<p>The club's office</p></body></html>
"""


class NotTaken(smtplib.SMTPException):
    """The relay refused; the text is its reply."""


def invoice(sender: str, recipient: str) -> EmailMessage:
    """Make the mail: text and HTML, with the headers that name customer and invoice."""
    mail = EmailMessage()
    mail["From"] = f"The club's office <{sender}>"
    mail["To"] = recipient
    mail["Subject"] = "Your November fees"
    mail["X-Homing-Customer"] = "4711"
    mail["X-Homing-Invoice"] = "INV-1042"
    mail.set_content(_TEXT)
    mail.add_alternative(_HTML, subtype="html")
    return mail


def send(host: str, port: int, *, user: str, password: str, sender: str, recipient: str) -> str:
    """
    Send the test mail, with STARTTLS where it is offered.

    Returns:
        The relay's reply to the mail: ``250 2.0.0 Ok: queued as 123``.

    Raises:
        OSError: No relay listens there.
        NotTaken: The relay refused, in its words.
        smtplib.SMTPException: It does not speak as expected.
    """
    try:
        with smtplib.SMTP(host, port, timeout=30) as client:
            client.ehlo()
            if client.has_extn("starttls"):
                client.starttls(context=_any_certificate())
                client.ehlo()
            if user:
                client.login(user, password)
            _taken(client.mail(sender))
            _taken(client.rcpt(recipient))
            reply = _taken(client.data(invoice(sender, recipient).as_bytes()))
            with contextlib.suppress(smtplib.SMTPServerDisconnected):
                client.quit()
    except smtplib.SMTPResponseException as error:
        octets = error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()
        raise NotTaken(_spell(error.smtp_code, octets)) from error
    return reply


def _taken(reply: tuple[int, bytes]) -> str:
    """Give a reply as text; NotTaken where it is a refusal."""
    if reply[0] >= 400:
        raise NotTaken(_spell(*reply))
    return _spell(*reply)


def _spell(code: int, text: bytes) -> str:
    """Write a reply as one line."""
    return f"{code} {' '.join(text.decode('utf-8', 'replace').split())}"


def _any_certificate() -> ssl.SSLContext:
    """Trust any certificate: the first one is self-signed, and this mail goes to the machine's own relay."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
