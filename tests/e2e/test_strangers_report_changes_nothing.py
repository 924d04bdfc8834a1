"""A report comes to an address that we did not sign: it is refused before a word of it is said."""

import smtplib

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.compare import compare
from tests.e2e.rigs.homing import BOUNCE_DOMAIN
from tests.e2e.rigs.invoice import invoice
from tests.e2e.rigs.mail_server import SMTP_PORT
from tests.e2e.rigs.postfix import Postfix
from tests.e2e.rigs.until import until

ANN = "ann@nordlicht.test"
REPORT = f"""\
From: MAILER-DAEMON@stranger.test
To: office@club.test
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; stranger.test

Final-Recipient: rfc822; {ANN}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user

--b--
"""


def other(letter: str) -> str:
    """Give another letter of base32."""
    return "b" if letter != "b" else "c"


def test_strangers_report_to_a_guessed_return_path_is_refused_before_data(
    serve: Serve[Postfix], make_homing: MakeHoming
) -> None:
    """
    A guessed return path and a genuine one with any letter changed get the same 550 at RCPT; DATA is refused too.

    Nothing is written: no event, no suppression, the status stays Delivered. The genuine path is taken, so the listener
    was open for reports all the time.
    """
    there = serve(Postfix("mx.nordlicht.test", mailboxes=[ANN]))
    homing = make_homing()
    homing.route("nordlicht.test", f"{there.address}:{SMTP_PORT}")
    homing.start()
    sent = hand_over(homing, invoice(ANN), [ANN], login=homing.login())
    homing.event(event="delivered", address=ANN)
    received = until("the mail is in the Maildir", lambda: there.mails(ANN))[0]
    local_part = compare(sent.content, received).return_path.partition("@")[0]
    guesses = ["b" + "a" * 26, "b" + "7" * 26, local_part[:-1], local_part + "a"]
    guesses += [local_part[:at] + other(local_part[at]) + local_part[at + 1 :] for at in (1, 13, 25)]

    with smtplib.SMTP(*homing.bounces, timeout=30) as stranger:
        stranger.ehlo("stranger.test")
        assert stranger.mail("")[0] == 250
        answers = {stranger.rcpt(f"{guess}@{BOUNCE_DOMAIN}") for guess in guesses}
        data = stranger.docmd("DATA")

    assert len(answers) == 1, "the answers tell guesses apart"
    assert answers.pop()[0] == 550
    assert data[0] in (503, 554)
    assert homing.kinds() == ["accepted", "delivered"]
    assert ANN not in homing.run("suppress", "list")
    assert '"delivered"' in homing.run("status", ANN, "--json")

    with smtplib.SMTP(*homing.bounces, timeout=30) as genuine:
        genuine.sendmail("", [f"{local_part}@{BOUNCE_DOMAIN}"], REPORT)
    assert homing.event(event="bounced", address=ANN)["reason"] == "no_such_user"
