"""relay/demo_tally.py and relay/demo_screen.py."""

import io
from typing import Any

from rich.console import Console

from relay.demo_screen import Screen
from relay.demo_tally import KEPT_LINES, Row, Tally
from store.events import KINDS
from store.journal_record import EventRecord
from store.nouns import Reason, RecipientStatus, Verdict


def record(kind: str, recipient_id: int = 1, **more: Any) -> EventRecord:
    return EventRecord(
        position=1,
        event=KINDS[kind](message_id=1, recipient_id=recipient_id, at=0.0, **more),
        forward_path=f"r{recipient_id}@club.test",
        subject="Fees",
        customer="",
        invoice="",
        message_accepted_at=0.0,
    )


def tally_of(*records: EventRecord) -> Tally:
    tally = Tally()
    for each in records:
        tally.note(each)
    return tally


def status_after(*records: EventRecord) -> RecipientStatus:
    [status] = tally_of(*records).counts()
    return status


def test_status_follows_the_events() -> None:
    """What each event makes of a recipient, and what it leaves as it was."""
    person, prefetch = {"verdict": Verdict.PERSON}, {"verdict": Verdict.PREFETCH}
    accepted, delivered = record("accepted"), record("delivered")
    assert status_after(accepted) is RecipientStatus.SENDING
    assert status_after(accepted, record("deferred")) is RecipientStatus.SENDING
    assert status_after(accepted, delivered) is RecipientStatus.DELIVERED
    assert status_after(accepted, delivered, record("opened", **person)) is RecipientStatus.OPENED
    assert status_after(accepted, delivered, record("opened", **prefetch)) is RecipientStatus.DELIVERED
    assert status_after(accepted, delivered, record("bounced")) is RecipientStatus.BOUNCED
    assert status_after(record("bounced"), record("opened", **person)) is RecipientStatus.BOUNCED
    assert status_after(accepted, record("suppressed")) is RecipientStatus.NOT_DELIVERED
    assert status_after(accepted, delivered, record("autoresponded")) is RecipientStatus.DELIVERED


def test_summary_has_each_status_with_its_reasons() -> None:
    """In the order of the statuses, the frequent first, each with a plain sentence."""
    tally = tally_of(
        record("bounced", 1, reason=Reason.MAILBOX_FULL),
        record("bounced", 2, reason=Reason.NO_SUCH_USER),
        record("bounced", 3, reason=Reason.NO_SUCH_USER),
        record("delivered", 4),
        record("delivered", 5),
        record("opened", 5, verdict=Verdict.PREFETCH),
        record("deferred", 6),
        record("delivered", 6),
        record("accepted", 7),
    )
    assert [(row.status.word, row.count) for row in tally.summary()] == [
        ("Sending", 1),
        ("Delivered", 1),
        ("Delivered", 1),
        ("Delivered", 1),
        ("Bounced", 2),
        ("Bounced", 1),
    ]
    assert Row(RecipientStatus.BOUNCED, "The recipient's mailbox is full.", 1) in tally.summary()
    assert (tally.total, tally.waiting) == (7, 1)


def test_lines_are_bounded_and_harmless() -> None:
    """The newest lines are kept; a server's words cannot steer the terminal."""
    tally = tally_of(*(record("bounced", n, reply="550 \x1b[2J no") for n in range(KEPT_LINES + 50)))
    assert len(tally.lines) == KEPT_LINES
    assert tally.lines[-1].address == f"r{KEPT_LINES + 49}@club.test"
    assert "\x1b" not in tally.lines[-1].what


def test_screen_draws() -> None:
    """Intro, moving picture and summary hold what one looks for; each line of news is given once."""
    tally = tally_of(record("delivered", 1), record("bounced", 2, reason=Reason.NO_SUCH_USER))
    console = Console(file=io.StringIO(), width=120, height=40, force_terminal=True, color_system=None)
    screen = Screen(console, tally, pages="http://127.0.0.1:1/", user="admin", password="secret")
    console.print(screen.intro(), screen, screen.summary())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for piece in (
        "http://127.0.0.1:1/",
        "secret",
        "r1@club.test",
        "Not delivered",
        "This email address does not exist.",
    ):
        assert piece in text
    assert [line.plain.split()[0] for line in screen.new_lines()] == ["delivered", "bounced"]
    tally.note(record("opened", 1, verdict=Verdict.PERSON))
    assert [line.plain.split()[0] for line in screen.new_lines()] == ["opened"]
