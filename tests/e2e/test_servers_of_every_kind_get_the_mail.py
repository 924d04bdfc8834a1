"""Real mail servers that a real Homing finds by DNS: without TLS, with a self-signed certificate, greylisting."""

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.beside import Beside
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.exim import Exim
from tests.e2e.rigs.greylist import Greylist
from tests.e2e.rigs.homing import Homing
from tests.e2e.rigs.invoice import invoice
from tests.e2e.rigs.mail_server import MailServer
from tests.e2e.rigs.opensmtpd import OpenSmtpd
from tests.e2e.rigs.postfix import Postfix
from tests.e2e.rigs.until import until
from tests.relay.delivery.tls_world import self_signed_pem
from tests.rigs.dns_server import DnsServer

DOMAIN = "nordlicht.test"
HOST = f"mx.{DOMAIN}"
ANN = f"ann@{DOMAIN}"


@pytest.fixture
def beside() -> Iterator[Beside]:
    """A loop for scripted servers."""
    with Beside() as loop:
        yield loop


@pytest.fixture
def dns(beside: Beside) -> DnsServer:
    """Name servers of the domain."""
    server = beside.start(DnsServer())
    server.add(DOMAIN, "MX", f"10 {HOST}.")
    return server


def homing_beside(make_homing: MakeHoming, dns: DnsServer, there: MailServer) -> Homing:
    """Let DNS know the server, and start a Homing that asks there."""
    dns.add(HOST, "A", there.address)
    homing = make_homing({"relay": {"dns": {"nameservers": [dns.nameserver]}}})
    homing.start()
    return homing


SERVERS: dict[str, Callable[[], MailServer]] = {
    "Postfix": lambda: Postfix(HOST, mailboxes=[ANN]),
    "Exim": lambda: Exim(HOST, mailboxes=[ANN]),
    "OpenSMTPD": lambda: OpenSmtpd(HOST, mailboxes={ANN: "cat >/dev/null"}),
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_without_tls_gets_the_mail_in_clear(
    name: str, serve: Serve[MailServer], make_homing: MakeHoming, dns: DnsServer
) -> None:
    """The event has the server's own reply, and says that there was no TLS; the transcript shows both sides."""
    homing = homing_beside(make_homing, dns, serve(SERVERS[name]()))

    hand_over(homing, invoice(ANN), [ANN], login=homing.login())

    event = homing.event(event="delivered", address=ANN)
    assert event["reply"].startswith("250 ")
    assert (event["tls"], event["remote_host"]) == (None, HOST)
    told = homing.run("status", str(event["recipient"]), "--transcript")
    assert "MAIL FROM:<" in told
    assert "354" in told


def test_a_self_signed_certificate_is_taken_and_told(
    serve: Serve[Postfix], make_homing: MakeHoming, dns: DnsServer
) -> None:
    """TLS with whom nobody knows is better than none; the event says `unverified`."""
    there = serve(Postfix(HOST, mailboxes=[ANN], certificate=self_signed_pem(HOST)[0]))
    homing = homing_beside(make_homing, dns, there)

    hand_over(homing, invoice(ANN), [ANN], login=homing.login())

    assert homing.event(event="delivered", address=ANN)["tls"].endswith(" unverified")
    (mail,) = until("the mail is in the Maildir", lambda: there.mails(ANN))
    assert b"using TLSv1.3" in mail


def test_greylisting_ends(serve: Serve[Postfix], make_homing: MakeHoming, dns: DnsServer, beside: Beside) -> None:
    """It sees the same triple each time, and lets the mail in at the third."""
    greylist = beside.start(Greylist(refusals=2))
    there = serve(Postfix(HOST, mailboxes=[ANN], settings=greylist.restriction))
    homing = homing_beside(make_homing, dns, there)

    hand_over(homing, invoice(ANN), [ANN], login=homing.login())

    homing.event(event="delivered", address=ANN)
    assert homing.kinds(ANN) == ["accepted", "deferred", "deferred", "delivered"]
    deferred = homing.event(event="deferred", address=ANN)
    assert "Greylisted, please come back in a moment" in deferred["reply"]
    assert len(greylist.asked) == 3
    assert len(set(greylist.asked)) == 1
    assert len(until("the mail is in the Maildir", lambda: there.mails(ANN))) == 1


@pytest.mark.parametrize("name", ["Postfix", "Exim"])
def test_a_large_mail_goes_in_chunks(
    name: str, serve: Serve[MailServer], make_homing: MakeHoming, dns: DnsServer
) -> None:
    """Both offer CHUNKING: BDAT is said and not DATA, and the octets are the same, lines that begin with dots too."""
    there = serve(SERVERS[name]())
    homing = homing_beside(make_homing, dns, there)
    lines = b"..a line that begins with dots\r\n.\r\nand one that does not\r\n" * 25_000
    content = b"From: office@club.test\r\nTo: ann@nordlicht.test\r\nSubject: large\r\n\r\n" + lines

    hand_over(homing, content, [ANN], login=homing.login())

    event = homing.event(event="delivered", address=ANN)
    told = homing.run("status", str(event["recipient"]), "--transcript")
    assert "BDAT 1048576" in told
    assert "in chunks, and BDAT LAST" in told
    assert "DATA\n" not in told.replace("\r", "")
    if isinstance(there, Postfix):
        (mail,) = until("the mail is in the Maildir", lambda: there.mails(ANN))
        assert mail.endswith(b"Subject: large\r\n\r\n" + lines)
