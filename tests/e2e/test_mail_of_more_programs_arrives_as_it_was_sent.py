"""curl, msmtp, PHPMailer, and what Django and Rails write: what arrives is what was sent, and one image."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.clients import Client
from tests.e2e.rigs.compare import compare
from tests.e2e.rigs.homing import HOSTNAME
from tests.e2e.rigs.mail_server import SMTP_PORT
from tests.e2e.rigs.more_clients import with_curl, with_django, with_msmtp, with_phpmailer, with_rails
from tests.e2e.rigs.postfix import Postfix
from tests.e2e.rigs.until import until

ANN = "ann@nordlicht.test"


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(with_curl, marks=pytest.mark.needs("curl")),
        pytest.param(with_msmtp, marks=pytest.mark.needs("msmtp")),
        pytest.param(with_phpmailer, marks=pytest.mark.needs("php")),
        with_django,
        with_rails,
    ],
)
def test_each_program_s_mail_goes_through_unchanged(
    client: Client,
    serve: Serve[Postfix],
    make_homing: MakeHoming,
    certificate: Callable[..., dict[str, str]],
    authority: Path,
) -> None:
    """
    An HTML invoice with a PDF, over AUTH and STARTTLS, arrives in the Maildir byte for byte but for one image.

    The id that the program was told is the one that the events carry.
    """
    there = serve(Postfix("mx.nordlicht.test", mailboxes=[ANN]))
    homing = make_homing()
    homing.settings["relay"]["submission"].update(certificate(homing.address))
    homing.route("nordlicht.test", f"{there.address}:{SMTP_PORT}")
    homing.start()

    sent = client(homing, homing.login(), ANN, authority=authority)

    assert homing.event(event="delivered", address=ANN)["message"] == sent.message_id
    received = until("the mail is in the Maildir", lambda: there.mails(ANN))
    assert len(received) == 1
    told = compare(sent.content, received[0])
    assert f" by {HOSTNAME}" in told.hops[1]
    assert " with ESMTPSA" in told.hops[1]
    assert told.pixel_url.startswith(f"{homing.pixel_url}/o/")
