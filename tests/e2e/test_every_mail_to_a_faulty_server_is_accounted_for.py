"""Postfix's smtp-sink with each of its faults at each stage, and every mail delivered once or refused in its words."""

from tests.e2e.conftest import MakeHoming
from tests.e2e.rigs.beside import Beside
from tests.e2e.rigs.faulty_sinks import ALL, BUSY, beside_dns, ended, faulty_domains, hand_over_all
from tests.e2e.rigs.until import until

MAILS = 260
# 421 in the middle of a mail lets a destination wait for 15 seconds at least: one of them stands for all.
FAULTS = [fault for fault in ALL if fault[0] != BUSY or fault[1] in ("CONNECT", "RCPT")]
MAIL = b"From: office@club.test\r\nTo: all@club.test\r\nSubject: Hello\r\n\r\nWorld\r\n"


def test_each_is_delivered_once_or_refused_in_the_servers_words(make_homing: MakeHoming) -> None:
    """
    4xx, 5xx, hanging up and 421, at the greeting, EHLO, MAIL, RCPT, DATA, the final dot, RSET and QUIT.

    ``make bench-sink`` does it with 5,000 mails and all faults.
    """
    with Beside() as beside:
        dns = beside_dns(beside)
        with faulty_domains(dns, FAULTS, MAILS) as account:
            homing = make_homing({"relay": {"dns": {"nameservers": [dns.nameserver]}}})
            homing.start()
            hand_over_all(homing, account, MAIL, homing.login())
            until("every mail has come to its end", lambda: ended(homing, account), seconds=100, every=0.5)
            assert account.wrong(homing.events()) == []
            assert len(account.addresses) == MAILS
