"""relay/tail.py: one event is one line, for people and for programs."""

import json

from hypothesis import given
from hypothesis import strategies as st

from relay.tail import as_json, as_line, printable
from store.events import Bounced, Deferred, Event, Opened, Suppressed
from store.journal_record import EventRecord
from store.nouns import Reason, Verdict

AT = 1_795_000_443.12


def record(event: Event, *, address: str = "ann@example.org", subject: str = "Your fees") -> EventRecord:
    return EventRecord(
        position=7,
        event=event,
        forward_path=address,
        subject=subject,
        customer="4711",
        invoice="INV-1",
        message_accepted_at=AT - 5,
    )


def test_a_bounce_says_why_in_words_and_in_the_servers_own() -> None:
    """Time, kind, address, subject, reason, sentence, host and reply stand in the line."""
    event = Bounced(
        message_id=1,
        recipient_id=2,
        at=AT,
        reason=Reason.NO_SUCH_USER,
        reply="550 5.1.1 User unknown",
        remote_host="mx.example.org",
    )
    assert as_line(record(event)) == (
        '2026-11-18T11:14:03.120Z bounced       ann@example.org "Your fees": '
        "This email address does not exist (no_such_user); mx.example.org said 550 5.1.1 User unknown"
    )


def test_a_delay_says_when_the_next_try_is() -> None:
    """The time of the next attempt stands in the line."""
    event = Deferred(message_id=1, recipient_id=2, at=AT, next_attempt_at=AT + 60, note="connection refused")
    assert as_line(record(event, subject="")).endswith(
        "ann@example.org: next try 2026-11-18T11:15:03.120Z; connection refused"
    )


def test_a_suppression_names_its_cause() -> None:
    """The recipient whose mail came back is named."""
    event = Suppressed(message_id=1, recipient_id=2, at=AT, reason=Reason.SUPPRESSED, caused_by=99)
    assert "because of recipient 99" in as_line(record(event))


def test_every_verdict_has_words() -> None:
    """No opener is shown by its machine name alone."""
    lines = {as_line(record(Opened(message_id=1, recipient_id=2, at=AT, verdict=verdict))) for verdict in Verdict}
    assert len(lines) == len(Verdict)


def test_programs_get_ids_as_text() -> None:
    """JavaScript's numbers are too short for 64-bit ids; what is not known is null."""
    event = Opened(message_id=2**62 + 1, recipient_id=2**62 + 2, at=AT, verdict=Verdict.PERSON, rule="browser")
    fields = json.loads(as_json(record(event)))
    assert fields["message"] == str(2**62 + 1)
    assert fields["recipient"] == str(2**62 + 2)
    assert (fields["position"], fields["event"], fields["verdict"], fields["rule"]) == (
        7,
        "opened",
        "person",
        "browser",
    )
    assert fields["reason"] is None
    assert (fields["customer"], fields["invoice"]) == ("4711", "INV-1")


@given(st.text())
def test_nothing_steers_the_terminal(text: str) -> None:
    """Whatever a stranger wrote, a line is one line of printable characters."""
    event = Bounced(message_id=1, recipient_id=2, at=AT, reply=text, note=text)
    line = as_line(record(event, address=text or "x", subject=text))
    assert line.isprintable()
    assert len(printable(text)) == len(text)
    assert "\n" not in as_json(record(event, subject=text))
