"""SIGTERM and Ctrl-C: the door closes, what is in flight is finished, what is claimed is given back."""

import signal
import smtplib
import sqlite3
import threading

import pytest

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.homing import Homing
from tests.e2e.rigs.invoice import invoice
from tests.e2e.rigs.mail_server import SMTP_PORT
from tests.e2e.rigs.peers import HoldsTheDot, Silent
from tests.e2e.rigs.postfix import Postfix
from tests.e2e.rigs.until import until

ANN = "ann@nordlicht.test"


def states(homing: Homing) -> list[tuple[str, int | None]]:
    """State and claim of each recipient, read from the store's file."""
    with sqlite3.connect(homing.folder / "var" / "homing.db") as store:
        return store.execute("SELECT state, claimed_by FROM recipient").fetchall()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_gives_back_what_is_claimed_and_the_next_start_delivers_it(
    number: signal.Signals, serve: Serve[Postfix], make_homing: MakeHoming
) -> None:
    """
    Stopped while a silent server keeps a delivery waiting and a client idles: exit status 0, nothing stays claimed.

    The attempt that was broken off is not counted and leaves no event. The next start delivers at once.
    """
    homing = make_homing()
    with Silent() as silent:
        homing.route("nordlicht.test", f"{silent.address}:{SMTP_PORT}")
        homing.start()
        sent = hand_over(homing, invoice(ANN), [ANN], login=homing.login())
        until("the delivery waits for a greeting", lambda: silent.connections)
        assert [state for state, _ in states(homing)] == ["claimed"]
        idle = smtplib.SMTP(*homing.submission, timeout=30)

        assert homing.terminate(number) == 0

        with pytest.raises(ConnectionRefusedError):
            smtplib.SMTP(*homing.submission, timeout=30)
        idle.close()
    assert states(homing) == [("due", None)]
    there = serve(Postfix("mx.nordlicht.test", mailboxes=[ANN]))
    homing.route("nordlicht.test", f"{there.address}:{SMTP_PORT}")
    homing.start()
    delivered = homing.event(event="delivered", address=ANN)
    assert delivered["message"] == sent.message_id
    assert delivered["attempt"] == 1
    assert homing.kinds(ANN) == ["accepted", "delivered"]
    assert homing.terminate() == 0


def test_stop_waits_for_the_reply_to_a_mail_that_is_behind_its_final_dot(make_homing: MakeHoming) -> None:
    """The other side has the mail and answers late: the stop waits for its 250 and writes it down, so no duplicate."""
    homing = make_homing()
    with HoldsTheDot() as holding:
        homing.route("nordlicht.test", f"{holding.address}:{SMTP_PORT}")
        homing.start()
        hand_over(homing, invoice(ANN), [ANN], login=homing.login())
        assert holding.has_mail.wait(30)
        stopped: list[int] = []
        stopping = threading.Thread(target=lambda: stopped.append(homing.terminate()))
        stopping.start()
        until("the door is closed", lambda: _refuses(homing))
        holding.may_answer.set()
        stopping.join(60)

    assert stopped == [0]
    assert states(homing) == [("settled", None)]
    assert homing.event(event="delivered")["reply"] == "250 2.0.0 taken"


def _refuses(homing: Homing) -> bool:
    try:
        smtplib.SMTP(*homing.submission, timeout=30).close()
    except (ConnectionRefusedError, smtplib.SMTPException):
        return True
    return False
