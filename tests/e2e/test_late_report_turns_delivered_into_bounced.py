"""Genuine reports of Postfix, Exim and OpenSMTPD about what a server behind them refused."""

import json
from typing import Any

import pytest

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.exim import Exim
from tests.e2e.rigs.homing import BOUNCE_DOMAIN
from tests.e2e.rigs.invoice import invoice
from tests.e2e.rigs.mail_server import SMTP_PORT, MailServer
from tests.e2e.rigs.opensmtpd import OpenSmtpd
from tests.e2e.rigs.postfix import Postfix

ANN = "ann@late.test"
REFUSED = {
    "gone@late.test": ("550 5.1.1 No such user here", "no_such_user"),
    "full@late.test": ("552 5.2.2 Mailbox full", "mailbox_full"),
    "off@late.test": ("550 5.2.1 This account has been disabled", "account_disabled"),
    "listed@late.test": (
        "554 5.7.1 Service unavailable; client [127.0.0.1] blocked using dnsbl.test",
        "sender_blocked",
    ),
}


@pytest.mark.parametrize("kind", [Postfix, Exim, OpenSmtpd])
def test_late_report_turns_delivered_into_bounced_with_the_right_reason(
    kind: Any, serve: Serve[MailServer], make_homing: MakeHoming
) -> None:
    """
    The first server says 250, the one behind it 550; the first one's report names the reason: Delivered, then Bounced.

    The recipient that the second server takes stays Delivered. What is about the address suppresses it, what is about
    the sender never does (promise 8).
    """
    homing = make_homing()
    last = Postfix(
        "mx2.late.test", mailboxes=[ANN, *REFUSED], refuse={address: reply for address, (reply, _) in REFUSED.items()}
    )
    relay = {"late.test": f"{last.address}:{SMTP_PORT}", BOUNCE_DOMAIN: f"{homing.bounces[0]}:{homing.bounces[1]}"}
    first = kind("mx1.late.test", relay=relay)
    serve(last)
    serve(first)
    homing.route("late.test", f"{first.address}:{SMTP_PORT}")
    homing.start()

    hand_over(homing, invoice(ANN), [ANN, *REFUSED], login=homing.login())

    for address, (_, reason) in REFUSED.items():
        bounced = homing.event(event="bounced", address=address)
        assert bounced["reason"] == reason, address
        assert homing.kinds(address) == ["accepted", "delivered", "bounced"]
        told = [json.loads(line) for line in homing.run("status", address, "--json").splitlines()]
        assert [(recipient["status"], recipient["reason"]) for recipient in told] == [("bounced", reason)]
    assert homing.kinds(ANN) == ["accepted", "delivered"]
    suppressed = homing.run("suppress", "list")
    assert "gone@late.test" in suppressed
    assert "listed@late.test" not in suppressed
