"""Two nodes on one PostgreSQL store: one dies with claimed mail, the other delivers it (promise 3)."""

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.compare import compare
from tests.e2e.rigs.invoice import invoice
from tests.e2e.rigs.mail_server import SMTP_PORT
from tests.e2e.rigs.peers import Silent
from tests.e2e.rigs.postfix import Postfix
from tests.e2e.rigs.until import until

ANN = "ann@nordlicht.test"


def test_node_delivers_what_a_killed_node_had_claimed_once_its_lease_has_passed(
    serve: Serve[Postfix], make_homing: MakeHoming, postgres_url: str
) -> None:
    """
    The first node is killed while a silent server keeps its delivery waiting; the second one delivers, and only once.

    The attempt that died with its node shows in nobody's events. The first node comes back under its lease's rules and
    both go on; the keys are shared, so each node knows the other's return paths and pixels.
    """
    there = serve(Postfix("mx.nordlicht.test", mailboxes=[ANN]))
    shared = {"store": {"url": postgres_url, "lease": "2s"}}
    first = make_homing(shared, name="first")
    second = make_homing(shared, name="second")
    second.settings["relay"]["master_key"] = str(first.folder / "var" / "master.key")
    second.route("nordlicht.test", f"{there.address}:{SMTP_PORT}")

    with Silent() as silent:
        first.route("nordlicht.test", f"{silent.address}:{SMTP_PORT}")
        first.start()
        second.start()
        sent = hand_over(first, invoice(ANN), [ANN], login=first.login())
        until("the first node waits for a greeting", lambda: silent.connections)
        second.event(event="accepted", address=ANN)

        first.kill()

        delivered = second.event(event="delivered", address=ANN, seconds=60)

    assert delivered["message"] == sent.message_id
    assert second.kinds(ANN) == ["accepted", "delivered"]
    received = until("the mail is in the Maildir", lambda: there.mails(ANN))
    assert len(received) == 1
    compare(sent.content, received[0])

    first.route("nordlicht.test", f"{there.address}:{SMTP_PORT}")
    first.start()
    hand_over(first, invoice(ANN), [ANN], login=second.login("another"))
    until("the first node delivers again", lambda: len(there.mails(ANN)) == 2)
    assert [node.terminate() for node in (first, second)] == [0, 0]
