"""What each kind of report changes for the recipient its return path names."""

from dataclasses import replace

import pytest

from bounce.decide_report import (
    LATE,
    NOT_FOR_ALL,
    OPENED_BEFORE,
    OTHER_RECIPIENT,
    REPLY,
    SECOND_REPORT,
    STILL_TRYING,
    kind_for,
    of_report,
)
from bounce.report import Report
from store.changes import Change, RecipientFacts
from store.nouns import Reason, RecipientStatus, State
from tests.bounce.facts import (
    BOUNCED,
    CANCELLED,
    DAY,
    DELIVERED,
    FULL_FOR_LONG,
    NOW,
    OPENED,
    SENDING,
    SUPPRESSED,
    apply,
    entry,
    report,
)

UNKNOWN_USER = report(entry())


def changed(facts: RecipientFacts, came: Report, now: float = NOW) -> Change:
    change = of_report(facts, came, now)
    assert change is not None
    assert [event.recipient_id for event in change.events] == [facts.recipient_id]
    return change


def test_a_late_bounce_makes_delivered_bounced() -> None:
    """Delivered, then Bounced: the delivery's time stays, the report's reason and words are told."""
    change = changed(DELIVERED, UNKNOWN_USER)
    (event,) = change.events
    assert (change.status, change.state, change.bounced_at) == (RecipientStatus.BOUNCED, State.SETTLED, NOW)
    assert (change.delivered_at, change.count_attempt) == (None, False)
    assert (event.kind, event.reason, event.status, event.rule) == (
        "bounced",
        Reason.NO_SUCH_USER,
        "5.1.1",
        "some-rule",
    )
    assert event.reply == change.last_reply == "550 5.1.1 said the other side"
    assert event.note == ""
    assert change.suppress is not None
    assert change.suppress.caused_by == DELIVERED.recipient_id
    assert change.mistyped is True


@pytest.mark.parametrize("state", [State.DUE, State.CLAIMED, State.HELD])
def test_a_bounce_of_a_mail_not_yet_known_as_delivered_settles_it(state: State) -> None:
    """The other side had it after all: Bounced, and not tried again."""
    change = changed(replace(SENDING, state=state, in_doubt=True), UNKNOWN_USER)
    assert (change.status, change.state) == (RecipientStatus.BOUNCED, State.SETTLED)
    assert changed(CANCELLED, UNKNOWN_USER).status is RecipientStatus.BOUNCED


@pytest.mark.parametrize(
    "reason", [reason for reason in Reason if reason not in (Reason.NO_SUCH_USER, Reason.MAILBOX_FULL)]
)
@pytest.mark.parametrize("permanent", [True, False])
def test_the_reason_of_a_report_follows_the_same_table(reason: Reason, permanent: bool) -> None:  # noqa: FBT001
    """One table for replies and reports; what is not said for good never suppresses."""
    address = {Reason.ADDRESS_INVALID, Reason.DOMAIN_NOT_FOUND, Reason.ACCOUNT_DISABLED, Reason.COMPLAINT}
    change = changed(DELIVERED, report(entry(reason, permanent=permanent)))
    assert change.reason is reason
    assert (change.suppress is not None) == (permanent and reason in address)


def test_a_full_mailbox_by_report_follows_the_history() -> None:
    """Three mails in a row over 14 days, whether the session or a report told."""
    came = report(entry(Reason.MAILBOX_FULL, permanent=False))
    assert changed(DELIVERED, came).suppress is None
    assert changed(replace(DELIVERED, history=FULL_FOR_LONG), came).suppress is not None


def test_a_bounce_that_names_nobody_is_about_ours() -> None:
    """No address anywhere but in our return path: Bounced, and not a mismatch."""
    assert changed(DELIVERED, report(entry(address=""))).events[0].note == ""
    bare = changed(DELIVERED, report())
    assert (bare.status, bare.reason, bare.suppress) == (RecipientStatus.BOUNCED, Reason.UNDETERMINED, None)


# B5 and promise 7


def test_promise_7_b5_the_return_path_wins_over_the_report() -> None:
    """B5: a report that names another recipient is about ours all the same, and the event notes it."""
    change = changed(DELIVERED, report(entry(address="victim@elsewhere.example")))
    assert change.events[0].note == OTHER_RECIPIENT
    assert change.suppress is not None
    assert change.suppress.address_key == DELIVERED.address_key


def test_our_own_entry_is_read_among_many() -> None:
    """Other entries of the same report do not speak for ours, whatever they say."""
    others = [entry(address=f"m{n}@elsewhere.example") for n in range(50)]
    ours = entry(Reason.MAILBOX_FULL, address="ANN@School.Example", permanent=False)
    change = changed(DELIVERED, report(*others, ours))
    assert (change.reason, change.events[0].note) == (Reason.MAILBOX_FULL, "")
    good = entry(Reason.DELIVERED, action="expanded", permanent=False)
    assert of_report(DELIVERED, report(*others, good), NOW) is None


def test_behind_an_alias_that_reached_others_the_address_lives() -> None:
    """One dead member of a group is a bounce that staff see; the group is not suppressed."""
    change = changed(
        DELIVERED,
        report(entry(address="gone@elsewhere.example"), entry(address="ok@elsewhere.example", action="delivered")),
    )
    assert (change.status, change.suppress) == (RecipientStatus.BOUNCED, None)
    assert change.events[0].note == f"{OTHER_RECIPIENT}; {NOT_FOR_ALL}"


def test_the_same_address_twice_is_read_once_the_worst_first() -> None:
    """Delayed and then failed in one report: failed."""
    change = changed(DELIVERED, report(entry(action="delayed"), entry()))
    assert change.events[0].kind == "bounced"


# What is no failure (B6)


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_b6_a_report_of_success_is_no_bounce(action: str) -> None:
    """Whatever the kind of the whole report."""
    for kind in ("bounce", "delayed", "not-a-bounce"):
        assert of_report(DELIVERED, report(entry(action=action), kind=kind), NOW) is None


def test_b6_still_trying_is_an_event_only() -> None:
    """Delayed: told, and nothing else changes; after the bounce it is old news."""
    came = report(entry(Reason.CONNECTION_FAILED, action="delayed", permanent=False), kind="delayed")
    change = changed(DELIVERED, came)
    assert (change.events[0].kind, change.events[0].note) == ("deferred", STILL_TRYING)
    assert change == Change(events=change.events)
    assert of_report(BOUNCED, came, NOW) is None
    assert changed(DELIVERED, report(kind="delayed")).events[0].kind == "deferred"


def test_a_report_marked_delayed_that_says_failed_is_a_bounce() -> None:
    """The entry of our recipient decides, not the report as a whole."""
    assert changed(DELIVERED, report(entry(), kind="delayed")).events[0].kind == "bounced"
    assert changed(DELIVERED, report(entry(action="delayed"))).events[0].kind == "deferred"


@pytest.mark.parametrize("reason", [Reason.AUTO_REPLY, Reason.CHALLENGE_RESPONSE, Reason.UNDETERMINED])
def test_an_automatic_reply_is_recorded_and_changes_nothing(reason: Reason) -> None:
    """Not a bounce, even where it speaks of a full mailbox or of a person who left."""
    change = changed(DELIVERED, report(entry(reason, action=""), kind="autoreply"))
    (event,) = change.events
    assert change == Change(events=(event,))
    assert event.kind == "autoresponded"
    assert event.reason is (reason if reason is Reason.CHALLENGE_RESPONSE else Reason.AUTO_REPLY)
    assert changed(DELIVERED, report(kind="autoreply")).events[0].reason is Reason.AUTO_REPLY


@pytest.mark.parametrize("facts", [DELIVERED, OPENED, BOUNCED], ids=["delivered", "opened", "bounced"])
def test_a_complaint_suppresses_at_once_and_keeps_the_status(facts: RecipientFacts) -> None:
    """They had the mail: the status stays. Only a person lifts it."""
    change = changed(facts, report(entry(address=""), kind="complaint"))
    assert (change.events[0].kind, change.events[0].reason) == ("complained", Reason.COMPLAINT)
    assert (change.status, change.state, change.reason) == (None, None, None)
    assert change.suppress is not None
    assert (change.suppress.reason, change.suppress.expires_at) == (Reason.COMPLAINT, None)
    assert changed(facts, report(kind="complaint")).suppress is not None


def test_ordinary_mail_changes_nothing() -> None:
    """Spam and answers to a return path are kept, no more."""
    assert of_report(DELIVERED, report(kind="not-a-bounce"), NOW) is None


# What has a sender (B4)


def test_b4_what_has_a_sender_is_never_a_bounce() -> None:
    """Reports come with the null reverse-path; an imitation by a person or a program with an address does nothing."""
    for kind in ("bounce", "delayed"):
        came = report(entry(), kind=kind)
        assert of_report(DELIVERED, came, NOW, null_reverse_path=False) is None
        assert kind_for(came, DELIVERED.forward_path, null_reverse_path=False) == REPLY
    auto = of_report(DELIVERED, report(kind="autoreply"), NOW, null_reverse_path=False)
    assert auto is not None
    assert auto.events[0].kind == "autoresponded"


# When one report is not enough (B8)


def test_b8_after_an_open_one_report_does_not_suppress() -> None:
    """Somebody read it: Bounced, with the open still visible, and the note says what would suppress."""
    change = changed(OPENED, UNKNOWN_USER)
    assert (change.status, change.suppress) == (RecipientStatus.BOUNCED, None)
    assert change.events[0].note == OPENED_BEFORE
    assert apply(OPENED, change).opened_at == OPENED.opened_at
    assert change.mistyped is False


@pytest.mark.parametrize(("age", "doubted"), [(DAY, False), (DAY + 1, True), (9 * DAY, True)])
def test_b8_long_after_delivery_one_report_does_not_suppress(age: float, doubted: bool) -> None:  # noqa: FBT001
    """At 24 hours a report is believed, one second later it needs a second one."""
    change = changed(replace(DELIVERED, delivered_at=NOW - age), UNKNOWN_USER)
    assert change.status is RecipientStatus.BOUNCED
    assert (change.suppress is None) == doubted
    assert change.events[0].note == (LATE if doubted else "")


def test_b8_a_second_report_that_agrees_suppresses() -> None:
    """Two reports: the second suppresses and says so; the time of the bounce stays. A third does nothing more."""
    once = replace(apply(OPENED, changed(OPENED, UNKNOWN_USER)), reports=1)
    second = changed(once, UNKNOWN_USER, NOW + DAY)
    assert (second.suppress is not None, second.events[0].note) == (True, SECOND_REPORT)
    assert (second.status, second.bounced_at) == (None, None)
    assert of_report(replace(once, reports=2), UNKNOWN_USER, NOW + 2 * DAY) is None


def test_b8_a_second_report_that_disagrees_does_not() -> None:
    """Two reports of different reasons are two times one report."""
    once = replace(apply(OPENED, changed(OPENED, UNKNOWN_USER)), reports=1)
    assert of_report(once, report(entry(Reason.ACCOUNT_DISABLED)), NOW + DAY) is None
    spam = replace(apply(OPENED, changed(OPENED, report(entry(Reason.SPAM_REJECTED)))), reports=1)
    assert of_report(spam, report(entry(Reason.SPAM_REJECTED)), NOW + DAY) is None


def test_b8_a_reason_that_never_suppresses_needs_no_doubt() -> None:
    """The note about suppression stands only where there would have been one."""
    assert changed(OPENED, report(entry(Reason.SPAM_REJECTED))).events[0].note == ""


def test_b8_a_lifted_suppression_is_not_set_again_by_an_old_mail() -> None:
    """A first report that was believed suppressed at once; what a person lifted since is not overruled."""
    once = replace(apply(DELIVERED, changed(DELIVERED, UNKNOWN_USER)), reports=1)
    assert of_report(once, UNKNOWN_USER, NOW + 9 * DAY) is None


# The same report again (B9)


def test_b9_the_same_report_a_thousand_times_is_one_change() -> None:
    """However often it is sent, and whatever it is."""
    for came in (UNKNOWN_USER, report(kind="complaint"), report(kind="autoreply"), report(kind="delayed")):
        facts, changes = DELIVERED, 0
        for n in range(1_000):
            change = of_report(facts, came, NOW + n, repeated=n > 0)
            facts, changes = apply(facts, change), changes + (change is not None)
        assert changes == 1


def test_a_report_about_a_refusal_in_the_session_says_nothing_new() -> None:
    """Already Bounced by the reply; the report is kept, no event."""
    assert of_report(BOUNCED, UNKNOWN_USER, NOW) is None


@pytest.mark.parametrize("kind", ["bounce", "delayed", "autoreply", "complaint", "not-a-bounce"])
def test_what_never_left_us_cannot_come_back(kind: str) -> None:
    """A suppressed recipient had no copy: nothing changes, whoever claims what."""
    assert of_report(SUPPRESSED, report(entry(), kind=kind), NOW) is None
