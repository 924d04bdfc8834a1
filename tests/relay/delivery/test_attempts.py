"""How an attempt ended, as the store's noun: each source says what it knows, and invents nothing."""

from dataclasses import dataclass

from relay.delivery.attempts import from_down, from_finding, from_mistake, from_outcome, from_slower, from_unreachable
from relay.delivery.dialogue import Outcome
from relay.delivery.envelope import Finding
from relay.delivery.pacing import Slower
from relay.delivery.pool import Unreachable
from relay.delivery.route import Host
from store.errors import ContentDamaged
from store.nouns import Phase, Reason, Reply
from tests.relay.delivery.conftest import JOB

NO = Reply(550, None, ("5.1.1 no",))
DEAD = Unreachable(
    Outcome(Phase.CONNECT, None, "connection refused", Reason.CONNECTION_FAILED, permanent=False),
    "mx.test",
    "192.0.2.1",
)


@dataclass
class FakeConnection:
    """What is read of a connection."""

    host: Host
    address: str
    tls: str


THERE = FakeConnection(Host("mx.test", 25, ("192.0.2.1",)), "192.0.2.1", "TLSv1.3 X unverified")


def test_an_outcome_is_told_with_the_connection() -> None:
    """The reply is left to be classified; host, address and TLS are those of the connection."""
    attempt = from_outcome(JOB, Outcome(Phase.RCPT, NO), THERE, at=5.0)  # type: ignore[arg-type]  # as much of one as it reads
    assert (attempt.recipient_id, attempt.at, attempt.phase, attempt.reply) == (1, 5.0, Phase.RCPT, NO)
    assert (attempt.reason, attempt.permanent, attempt.unknown_outcome) == (None, None, False)
    assert (attempt.remote_host, attempt.remote_address, attempt.tls) == ("mx.test", "192.0.2.1", THERE.tls)


def test_an_unknown_outcome_is_told_as_such() -> None:
    """Lost behind the final dot."""
    lost = Outcome(Phase.END_OF_DATA, None, "lost", Reason.CONNECTION_FAILED, permanent=False, unknown=True)
    assert from_outcome(JOB, lost, THERE, at=5.0).unknown_outcome  # type: ignore[arg-type]  # as above


def test_nobody_reached_names_the_host() -> None:
    """Words of ours begin with the host; a reply speaks for itself."""
    assert from_unreachable(JOB, DEAD, at=5.0).why == "mx.test: connection refused"
    refused = Unreachable(Outcome(Phase.GREETING, NO), "mx.test", "192.0.2.1")
    attempt = from_unreachable(JOB, refused, at=5.0)
    assert (attempt.reply, attempt.why, attempt.remote_host) == (NO, "", "mx.test")


def test_what_was_not_tried_now_says_what_it_waits_for() -> None:
    """It is for now, whatever the probe was told; the reply was another mail's, so it is only quoted."""
    down = from_down(JOB, DEAD, at=5.0)
    assert down.why == "waiting for mx.test, which could not be reached a short while ago: connection refused"
    assert (down.reply, down.permanent, down.reason) == (None, False, Reason.CONNECTION_FAILED)
    refused = Unreachable(Outcome(Phase.GREETING, NO), "mx.test", "192.0.2.1")
    assert from_down(JOB, refused, at=5.0).why.endswith("550 5.1.1 no")
    slower = from_slower(JOB, Slower("mx.test", "192.0.2.1", "421 too fast"), at=5.0)
    assert slower.why == "waiting for mx.test, which asked for fewer mails a short while ago: 421 too fast"
    assert (slower.reply, slower.permanent, slower.reason) == (None, False, Reason.RATE_LIMITED)


def test_a_finding_of_ours_is_told_as_it_is() -> None:
    """With a host only where there was one."""
    finding = Finding(Reason.MESSAGE_TOO_LARGE, permanent=True, status="5.3.4", why="too large")
    attempt = from_finding(JOB, finding, at=5.0, phase=Phase.CHECK)
    assert (attempt.reason, attempt.permanent, attempt.status, attempt.why) == (
        Reason.MESSAGE_TOO_LARGE,
        True,
        "5.3.4",
        "too large",
    )
    assert (attempt.remote_host, attempt.tls) == ("", "")
    there = from_finding(JOB, finding, at=5.0, phase=Phase.CHECK, connection=THERE)  # type: ignore[arg-type]  # as above
    assert (there.remote_host, there.tls) == ("mx.test", THERE.tls)


def test_a_fault_of_ours_shows_nothing_of_its_inside() -> None:
    """Its kind, and where to look; what the store says for people is said. Never for good."""
    attempt = from_mistake(JOB, ZeroDivisionError("secret"), at=5.0)
    assert attempt.why == "a fault of this server (ZeroDivisionError); see its log"
    assert (attempt.permanent, attempt.reason, attempt.status) == (False, Reason.SYSTEM_ERROR, "4.3.0")
    assert from_mistake(JOB, ContentDamaged("the content is torn"), at=5.0).why == "the content is torn"
