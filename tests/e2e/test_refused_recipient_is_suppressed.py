"""A real Postfix refuses an unknown recipient in the session."""

import json

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.invoice import invoice
from tests.e2e.rigs.mail_server import SMTP_PORT
from tests.e2e.rigs.postfix import Postfix
from tests.e2e.rigs.until import until

ANN = "ann@nordlicht.test"
GONE = "gone@nordlicht.test"


def test_refused_recipient_is_suppressed_and_the_next_mail_is_linked_to_the_first(
    serve: Serve[Postfix], make_homing: MakeHoming
) -> None:
    """
    Unknown at Postfix: Bounced, no_such_user, suppressed. The next mail to it is Not delivered, linked to the first.

    The next mail never reaches Postfix; another recipient of the same two mails gets both; the suppression can be
    lifted, and then mail goes out again.
    """
    there = serve(Postfix("mx.nordlicht.test", mailboxes=[ANN]))
    homing = make_homing()
    homing.route("nordlicht.test", f"{there.address}:{SMTP_PORT}")
    homing.start()
    login = homing.login()

    first = hand_over(homing, invoice(GONE), [GONE, ANN], login=login)

    bounced = homing.event(event="bounced", address=GONE)
    assert bounced["message"] == first.message_id
    assert bounced["reason"] == "no_such_user"
    assert bounced["status"] == "5.1.1"
    assert "User unknown in virtual mailbox table" in bounced["reply"]
    assert GONE in homing.run("suppress", "list")

    second = hand_over(homing, invoice(GONE), [GONE, ANN], login=login)

    suppressed = homing.event(event="suppressed", address=GONE)
    assert suppressed["message"] == second.message_id
    assert suppressed["caused_by"] == bounced["recipient"]
    assert suppressed["reason"] == "suppressed"
    until("the other recipient has both mails", lambda: len(there.mails(ANN)) == 2)
    assert there.log.count(f"to=<{GONE}>") == 1, "the suppressed mail went out"
    told = [json.loads(line) for line in homing.run("status", GONE, "--json").splitlines()]
    assert [recipient["status"] for recipient in told] == ["not_delivered", "bounced"]

    homing.run("suppress", "lift", GONE)
    hand_over(homing, invoice(GONE), [GONE], login=login)

    until("it went out again", lambda: there.log.count(f"to=<{GONE}>") == 2)
