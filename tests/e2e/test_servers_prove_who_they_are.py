"""A real Postfix with a certificate, a real Homing, and what DNS and a web server say of the certificate."""

import ssl
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.beside import Beside
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.homing import Homing
from tests.e2e.rigs.invoice import invoice
from tests.e2e.rigs.loopback import own_address
from tests.e2e.rigs.mail_server import SMTP_PORT
from tests.e2e.rigs.postfix import Postfix
from tests.e2e.rigs.until import until
from tests.rigs.dns_server import DnsServer
from tests.rigs.policy_host import PolicyHost, policy

DOMAIN = "nordlicht.test"
HOST = f"mx.{DOMAIN}"
ANN = f"ann@{DOMAIN}"
Certificate = Callable[..., dict[str, str]]


@pytest.fixture
def beside() -> Iterator[Beside]:
    """A loop for scripted servers."""
    with Beside() as loop:
        yield loop


@pytest.fixture
def dns(beside: Beside) -> DnsServer:
    """Name servers of the domain, on this machine."""
    server = beside.start(DnsServer())
    server.add(DOMAIN, "MX", f"10 {HOST}.")
    return server


def mail_host(serve: Serve[Postfix], dns: DnsServer, issued: dict[str, str]) -> Postfix:
    """Start the domain's Postfix with this certificate, and let DNS know it."""
    chain = Path(issued["private_key"]).read_bytes() + Path(issued["certificate"]).read_bytes()
    there = serve(Postfix(HOST, mailboxes=[ANN], certificate=chain))
    dns.add(HOST, "A", there.address)
    return there


def homing_that_asks(make_homing: MakeHoming, dns: DnsServer, **environment: str) -> Homing:
    """Start a Homing that finds its way by this DNS."""
    settings: dict[str, Any] = {"nameservers": [dns.nameserver], "validating": True}
    homing = make_homing({"relay": {"dns": settings}})
    homing.start(environment)
    return homing


def record(issued: dict[str, str]) -> str:
    """Write the TLSA record 3 1 1 of a certificate."""
    key = x509.load_pem_x509_certificate(Path(issued["certificate"]).read_bytes()).public_key()
    return f"3 1 1 {sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()}"


def test_a_server_with_the_right_tlsa_record_gets_the_mail(
    serve: Serve[Postfix], make_homing: MakeHoming, certificate: Certificate, dns: DnsServer
) -> None:
    """The authority of its certificate is unknown here: the signed record is what counts, and the event says so."""
    issued = certificate(HOST)
    there = mail_host(serve, dns, issued)
    dns.sign(DOMAIN)
    dns.add(f"_{SMTP_PORT}._tcp.{HOST}", "TLSA", record(issued))
    homing = homing_that_asks(make_homing, dns)

    hand_over(homing, invoice(ANN), [ANN], login=homing.login())

    assert homing.event(event="delivered", address=ANN)["tls"].endswith(" verified DANE")
    assert len(until("the mail is in the Maildir", lambda: there.mails(ANN))) == 1


def test_a_server_with_a_wrong_tlsa_record_gets_no_mail(
    serve: Serve[Postfix], make_homing: MakeHoming, certificate: Certificate, dns: DnsServer
) -> None:
    """It waits, over several attempts, and says why."""
    there = mail_host(serve, dns, certificate(HOST))
    dns.sign(DOMAIN)
    dns.add(f"_{SMTP_PORT}._tcp.{HOST}", "TLSA", record(certificate("other.test")))
    homing = homing_that_asks(make_homing, dns)

    hand_over(homing, invoice(ANN), [ANN], login=homing.login())

    deferred = homing.event(event="deferred", address=ANN)
    assert "its certificate matches none of the TLSA records" in deferred["note"]
    until("it was tried again", lambda: len(homing.events(event="deferred", address=ANN)) >= 2)
    assert there.mails(ANN) == []
    assert " from=<" not in there.log


def test_an_enforced_policy_is_obeyed_and_outlives_a_restart(
    *,
    serve: Serve[Postfix],
    make_homing: MakeHoming,
    certificate: Certificate,
    authority: Path,
    beside: Beside,
    dns: DnsServer,
) -> None:
    """
    A good certificate: delivered, and the event says that MTA-STS was verified. A wrong one: deferred, and it says so.

    Between the two Homing is restarted and the policy is taken out of DNS: what was learnt is kept.
    """
    web_certificate = certificate(f"mta-sts.{DOMAIN}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(web_certificate["certificate"], web_certificate["private_key"])
    address = own_address()
    web = beside.start(PolicyHost(context, address=address, port=443))
    web.policies[f"mta-sts.{DOMAIN}"] = policy("enforce", HOST)
    dns.add(f"mta-sts.{DOMAIN}", "A", address)
    dns.add(f"_mta-sts.{DOMAIN}", "TXT", '"v=STSv1; id=1"')
    there = mail_host(serve, dns, certificate(HOST))
    homing = homing_that_asks(make_homing, dns, SSL_CERT_FILE=str(authority))

    hand_over(homing, invoice(ANN), [ANN], login=homing.login())
    assert homing.event(event="delivered", address=ANN)["tls"].endswith(" verified MTA-STS")
    assert len(until("the mail is in the Maildir", lambda: there.mails(ANN))) == 1

    assert homing.terminate() == 0
    there.stop()
    dns.remove(f"_mta-sts.{DOMAIN}")
    dns.remove(HOST)
    other = mail_host(serve, dns, certificate("elsewhere.test"))
    homing.start({"SSL_CERT_FILE": str(authority)})
    hand_over(homing, invoice(ANN), [ANN], login=homing.login("again"))

    deferred = homing.event(event="deferred", address=ANN)
    assert "the domain's MTA-STS policy asks for TLS with a certificate that proves the host's name" in deferred["note"]
    assert other.mails(ANN) == []
