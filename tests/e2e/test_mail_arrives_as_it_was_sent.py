"""Three real clients, one real Postfix: what arrives is what was sent, and one image."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.clients import Client, hand_over, with_nodemailer, with_smtplib, with_swaks
from tests.e2e.rigs.compare import compare
from tests.e2e.rigs.homing import BOUNCE_DOMAIN, HOSTNAME
from tests.e2e.rigs.invoice import invoice
from tests.e2e.rigs.mail_server import SMTP_PORT
from tests.e2e.rigs.postfix import Postfix
from tests.e2e.rigs.until import until

ANN = "ann@nordlicht.test"


@pytest.mark.needs("swaks")
@pytest.mark.needs("node")
@pytest.mark.parametrize("client", [with_swaks, with_smtplib, with_nodemailer])
def test_the_received_invoice_is_the_sent_one_but_for_the_trace_and_one_image(
    client: Client,
    serve: Serve[Postfix],
    make_homing: MakeHoming,
    certificate: Callable[..., dict[str, str]],
    authority: Path,
) -> None:
    """
    An HTML invoice with an inline logo and a PDF, over AUTH and STARTTLS, arrives in the Maildir byte for byte.

    On top stand Postfix's own fields and one Received of ours, in the HTML part is one <img>, and bounces of this copy
    have a return path of their own. The id in the reply is the one that the events carry.
    """
    there = serve(Postfix("mx.nordlicht.test", mailboxes=[ANN]))
    homing = make_homing()
    homing.settings["relay"]["submission"].update(certificate(homing.address))
    homing.route("nordlicht.test", f"{there.address}:{SMTP_PORT}")
    homing.start()

    sent = client(homing, homing.login(), ANN, authority=authority)

    delivered = homing.event(event="delivered", address=ANN)
    assert delivered["message"] == sent.message_id
    received = until("the mail is in the Maildir", lambda: there.mails(ANN))
    assert len(received) == 1
    told = compare(sent.content, received[0])
    assert told.return_path.startswith("b")
    assert told.return_path.endswith(f"@{BOUNCE_DOMAIN}")
    assert f" by {HOSTNAME}" in told.hops[1]
    assert " with ESMTPSA" in told.hops[1]
    assert told.pixel_url.startswith(f"{homing.pixel_url}/o/")
    assert homing.kinds(ANN) == ["accepted", "delivered"]


def test_mail_between_servers_is_encrypted_where_the_other_offers_it(
    serve: Serve[Postfix], make_homing: MakeHoming, certificate: Callable[..., dict[str, str]], authority: Path
) -> None:
    """Postfix offers STARTTLS with a certificate that nobody knows: the mail goes encrypted, the event says how."""
    issued = certificate("mx.nordlicht.test")
    chain = Path(issued["private_key"]).read_bytes() + Path(issued["certificate"]).read_bytes()
    there = serve(Postfix("mx.nordlicht.test", mailboxes=[ANN], certificate=chain))
    homing = make_homing()
    homing.settings["relay"]["submission"].update(certificate(homing.address))
    homing.route("nordlicht.test", f"{there.address}:{SMTP_PORT}")
    homing.start()

    sent = with_smtplib(homing, homing.login(), ANN, authority=authority)

    assert homing.event(event="delivered", address=ANN)["tls"].startswith("TLSv1.3 ")
    received = until("the mail is in the Maildir", lambda: there.mails(ANN))
    assert "using TLSv1.3" in compare(sent.content, received[0]).hops[0]


def test_headers_for_us_are_taken_out_and_come_back_in_the_events(
    serve: Serve[Postfix], make_homing: MakeHoming
) -> None:
    """
    What the application says to us in X-Homing-* fields arrives in the events, and never at the recipient.

    All other fields stay where they were, byte for byte; so does the second copy, that goes to Bob.
    """
    bob = "bob@nordlicht.test"
    there = serve(Postfix("mx.nordlicht.test", mailboxes=[ANN, bob]))
    homing = make_homing()
    homing.route("nordlicht.test", f"{there.address}:{SMTP_PORT}")
    homing.start()
    plain = invoice(ANN)
    first, rest = plain.split(b"\r\n", 1)
    marked = b"X-Homing-Customer: 4711\r\n" + first + b"\r\nx-homing-invoice:\r\n INV-1042\r\n" + rest

    hand_over(homing, marked, [ANN, bob], login=homing.login())

    copies = []
    for address in (ANN, bob):
        delivered = homing.event(event="delivered", address=address)
        assert (delivered["customer"], delivered["invoice"]) == ("4711", "INV-1042")
        assert delivered["subject"] == "Rechnung für November"
        received = until("the mail is in the Maildir", partial(there.mails, address))
        copies.append(compare(plain, received[0]))
    assert copies[0].pixel_url != copies[1].pixel_url
    assert copies[0].return_path != copies[1].return_path
