"""The six reasons that staff need, each as Postfix, Exim and OpenSMTPD say it themselves."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.exim import Exim
from tests.e2e.rigs.homing import BOUNCE_DOMAIN
from tests.e2e.rigs.invoice import invoice
from tests.e2e.rigs.mail_server import SMTP_PORT, MailServer
from tests.e2e.rigs.no_names import NoNames
from tests.e2e.rigs.opensmtpd import OpenSmtpd
from tests.e2e.rigs.postfix import Postfix

SIX = {
    "mailbox_full",
    "message_too_large",
    "account_disabled",
    "no_such_user",
    "address_invalid",
    "domain_not_found",
}
# What says something of the address for good; the others pass.
SUPPRESSING = {"account_disabled", "no_such_user", "address_invalid", "domain_not_found"}
ANN = "ann@six.test"
FORWARDS = {"astray@six.test": "ann@astray.test", "big@six.test": "big@small.test"}


@dataclass(frozen=True)
class World:
    """Where the servers of one test find one another."""

    relay: dict[str, str]
    nameserver: str


def postfix(world: World) -> tuple[MailServer, dict[str, str]]:
    """A mailbox in one file that is nearly at its limit, the error transport, aliases that lead astray."""
    server = Postfix(
        "mx.six.test",
        mailboxes=[ANN],
        files={"full@six.test": 299_000},
        closed={"off@six.test": "5.2.1 Mailbox disabled"},
        aliases={
            **FORWARDS,
            ANN: ANN,
            "late-off@six.test": "off@six.test",
            "moved@six.test": "left@six.test",
            "bad@six.test": "ann@late..test",
        },
        settings="message_size_limit = 300000\nvirtual_mailbox_limit = 300000\n",
        relay=world.relay,
        nameserver=world.nameserver,
    )
    return server, {
        "gone@six.test": "no_such_user",
        "moved@six.test": "no_such_user",
        "off@six.test": "account_disabled",
        "late-off@six.test": "account_disabled",
        "full@six.test": "mailbox_full",
        "big@six.test": "message_too_large",
        "bad@six.test": "address_invalid",
        "astray@six.test": "domain_not_found",
    }


def exim(world: World) -> tuple[MailServer, dict[str, str]]:
    """A quota, failures as its redirect router writes them, and Debian's check of characters."""
    server = Exim(
        "mx.six.test",
        mailboxes=[ANN, "full@six.test"],
        quotas={"full@six.test": 1_000},
        aliases={**FORWARDS, "off@six.test": ":fail: This account has been disabled"},
        checked=["gone"],
        relay=world.relay,
        nameserver=world.nameserver,
    )
    return server, {
        "gone@six.test": "no_such_user",
        "moved@six.test": "no_such_user",
        "off@six.test": "account_disabled",
        "full@six.test": "mailbox_full",
        "big@six.test": "message_too_large",
        "ann|bob@six.test": "address_invalid",
        "astray@six.test": "domain_not_found",
    }


def opensmtpd(world: World) -> tuple[MailServer, dict[str, str]]:
    """Its own words, and those of the program that delivers (mail.lmtp behind Dovecot, here a shell's)."""
    says = "LMTP server error: 552 5.2.2 <full@six.test> Quota exceeded (mailbox for user is full)"
    server = OpenSmtpd(
        "mx.six.test",
        mailboxes={ANN: "cat >/dev/null", "full@six.test": f"cat >/dev/null; echo '{says}' >&2; exit 69"},
        aliases={
            **FORWARDS,
            "astray@six.test": "ann@nowhere.test",  # where Exim and Postfix give up it keeps trying
            "off@six.test": "error:550 5.2.1 Mailbox disabled",
        },
        relay=world.relay,
        nameserver=world.nameserver,
    )
    return server, {
        "gone@six.test": "no_such_user",
        "off@six.test": "account_disabled",
        "full@six.test": "mailbox_full",
        "big@six.test": "message_too_large",
        '"ann bob"@six.test': "address_invalid",
        "astray@six.test": "domain_not_found",
    }


@pytest.mark.parametrize("kind", [postfix, exim, opensmtpd])
def test_each_of_the_six_reasons_is_understood_from_a_genuine_server(
    kind: Callable[[World], tuple[MailServer, dict[str, str]]], serve: Serve[MailServer], make_homing: MakeHoming
) -> None:
    """
    Refused at RCPT or taken and reported later: Bounced with the reason, and suppressed where the address is at fault.

    No word is scripted but what an administrator writes into such a server's tables. Ann has her mail.
    """
    homing = make_homing()
    small = Postfix("mx.small.test", mailboxes=["big@small.test"], settings="message_size_limit = 20000\n")
    relay = {"small.test": f"{small.address}:{SMTP_PORT}", BOUNCE_DOMAIN: f"{homing.bounces[0]}:{homing.bounces[1]}"}
    with NoNames({"astray.test": "mx.astray.test"}) as names:
        there, reasons = kind(World(relay, names.address))
        assert set(reasons.values()) == SIX
        serve(small)
        serve(there)
        homing.route("six.test", f"{there.address}:{SMTP_PORT}")
        homing.start()

        hand_over(homing, invoice(ANN), [ANN, *reasons], login=homing.login())

        bounced = {address: homing.event(event="bounced", address=address) for address in reasons}
    assert {address: event["reason"] for address, event in bounced.items()} == reasons
    ways = {tuple(homing.kinds(address)) for address in reasons}
    assert ways == {("accepted", "bounced"), ("accepted", "delivered", "bounced")}
    assert homing.kinds(ANN) == ["accepted", "delivered"]
    listed = homing.run("suppress", "list", "--json")
    suppressed = {json.loads(line)["address"] for line in listed.splitlines()}
    assert suppressed == {address for address, reason in reasons.items() if reason in SUPPRESSING}
