"""The recipient's server is down; then it comes up."""

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.compare import compare
from tests.e2e.rigs.invoice import invoice
from tests.e2e.rigs.mail_server import SMTP_PORT
from tests.e2e.rigs.postfix import Postfix
from tests.e2e.rigs.until import until

ANN = "ann@nordlicht.test"


def test_mail_waits_for_a_host_that_is_down_and_tail_shows_deferred_then_delivered(
    serve: Serve[Postfix], make_homing: MakeHoming
) -> None:
    """The port is closed: accepted, deferred for the connection, with the time of the next try. Open: delivered."""
    there = Postfix("mx.nordlicht.test", mailboxes=[ANN])
    homing = make_homing()
    homing.route("nordlicht.test", f"{there.address}:{SMTP_PORT}")
    homing.start()

    sent = hand_over(homing, invoice(ANN), [ANN], login=homing.login())

    deferred = homing.event(event="deferred", address=ANN)
    assert deferred["reason"] == "connection_failed"
    assert deferred["next_attempt_at"] > deferred["at"]
    assert "delivered" not in homing.kinds(ANN)

    serve(there)

    delivered = homing.event(event="delivered", address=ANN, seconds=60)
    assert delivered["attempt"] > deferred["attempt"] == 1
    kinds = homing.kinds(ANN)
    assert kinds == ["accepted", *["deferred"] * (len(kinds) - 2), "delivered"]
    compare(sent.content, until("the mail is in the Maildir", lambda: there.mails(ANN))[0])
    shown = homing.run("tail", "--from-start", "--no-follow").splitlines()
    assert [line.split()[1] for line in shown if ANN in line] == kinds
