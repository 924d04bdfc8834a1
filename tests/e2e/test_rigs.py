"""The real mail servers by themselves, without Homing: when these fail, the other tests say nothing."""

import smtplib
from email import message_from_bytes
from typing import Any

import pytest

from tests.e2e.conftest import Serve
from tests.e2e.rigs.exim import Exim
from tests.e2e.rigs.mail_server import SMTP_PORT, MailServer
from tests.e2e.rigs.opensmtpd import OpenSmtpd
from tests.e2e.rigs.postfix import Postfix
from tests.e2e.rigs.until import until


@pytest.mark.parametrize("kind", [Postfix, Exim, OpenSmtpd])
def test_a_server_mails_a_genuine_report_about_what_the_next_one_refuses(kind: Any, serve: Serve[MailServer]) -> None:
    """
    The first server takes the mail, the second refuses it, and the first mails a report to the return path.

    What the second takes is delivered to its Maildir.
    """
    returns = Postfix("returns.test", mailboxes=["sender@returns.test"])
    last = Postfix("mx2.late.test", mailboxes=["ann@late.test"])
    relay = {"late.test": f"{last.address}:{SMTP_PORT}", "returns.test": f"{returns.address}:{SMTP_PORT}"}
    first = kind("mx1.late.test", relay=relay)
    for server in (returns, last, first):
        serve(server)

    with smtplib.SMTP(first.address, SMTP_PORT, timeout=30) as client:
        client.sendmail("sender@returns.test", ["ann@late.test", "gone@late.test"], "Subject: hello\r\n\r\nWorld\r\n")

    report = until("a report came", lambda: returns.mails("sender@returns.test"))[0]
    assert b"\r\nReturn-Path: <>\r\n" in b"\r\n" + report
    assert b"gone@late.test" in report
    assert b"ann@late.test" not in report
    parts = [part.get_content_type() for part in message_from_bytes(report).walk()]
    assert "message/delivery-status" in parts
    delivered = until("the other mail was delivered", lambda: last.mails("ann@late.test"))
    assert delivered[0].endswith(b"\r\n\r\nWorld\r\n")


def test_a_server_can_stop_and_come_back_with_its_mail(serve: Serve[Postfix]) -> None:
    """A stopped server refuses connections; started again it greets where it was, and its Maildir is as before."""
    server = serve(Postfix("mx.club.test", mailboxes=["ann@club.test"]))
    with smtplib.SMTP(server.address, SMTP_PORT, timeout=30) as client:
        client.sendmail("bob@else.test", ["ann@club.test"], "Subject: hello\r\n\r\nWorld\r\n")
    until("it was delivered", lambda: server.mails("ann@club.test"))

    server.stop()

    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP(server.address, SMTP_PORT, timeout=30)
    server.start()
    assert len(server.mails("ann@club.test")) == 1
