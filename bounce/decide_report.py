"""
What a report that comes back changes: the facts about one recipient and the report in, one ``Change`` out.

Whom it is about was read from our signed return path before (promise 7); what the report says of addresses only
chooses which of its entries to read. The laws that the decisions keep stand in ``bounce/decide.py``.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bounce.decide import kept
from bounce.report import Report, ReportedRecipient
from bounce.suppressing import DAY, mistyped, suppression
from store.addresses import address_key
from store.changes import Change, NewSuppression, RecipientFacts
from store.events import Autoresponded, Bounced, Complained, Deferred, Event
from store.nouns import Reason, RecipientStatus, State

OTHER_RECIPIENT = "the report names another recipient"
STILL_TRYING = "reported: still trying"
OPENED_BEFORE = "not suppressed: the mail had been opened; a second report or a person decides"
LATE = "not suppressed: reported more than a day after delivery; a second report or a person decides"
NOT_FOR_ALL = "not suppressed: others behind the address got the mail"
LATER_ARRIVED = "not suppressed: a later mail arrived"
SECOND_REPORT = "suppressed now: this is the second report"

REPLY = "reply"  # kind of a mail that somebody wrote to the return path

_SOON = DAY  # seconds after delivery within which one report is believed
_REACHED = frozenset({"delivered", "relayed", "expanded"})  # actions of RFC 3464 section 2.3.3 that are no failure


def of_report(
    facts: RecipientFacts, report: Report, now: float, *, repeated: bool = False, null_reverse_path: bool = True
) -> Change | None:
    """
    Decide what a report changes for the recipient its return path names.

    Args:
        facts: The recipient as the store has it now.
        report: What the report says.
        now: Unix seconds, UTC: when it came.
        repeated: The same report came before.
        null_reverse_path: It came with ``MAIL FROM:<>``, as reports do (RFC 3464 section 2). What has a sender is
            never a bounce, whatever it looks like.

    Returns:
        None where nothing changes.
    """
    if repeated or facts.reason is Reason.SUPPRESSED:  # suppressed: no copy with this return path ever left
        return None
    kind = kind_for(report, facts.forward_path, null_reverse_path=null_reverse_path)
    entry = choose(report.recipients, facts.forward_path)
    match kind:
        case "bounce":
            return _failed(facts, entry, now)
        case "delayed":
            return _delayed(facts, entry, now)
        case "complaint":
            return _complained(facts, entry, now)
        case "autoreply":
            return _autoresponded(facts, entry, now)
        case _:
            return None


def kind_for(report: Report, forward_path: str, *, null_reverse_path: bool = True) -> str:
    """
    Say what a report is for one recipient: one of the kinds of ``Report``, or REPLY.

    A report of several recipients may be a bounce as a whole and good news for this one. What has a sender and is
    neither an automatic reply nor a complaint is what somebody wrote.
    """
    if not null_reverse_path and report.kind in ("bounce", "delayed", "not-a-bounce"):
        return REPLY
    if report.kind not in ("bounce", "delayed"):
        return str(report.kind)
    action = choose(report.recipients, forward_path).action
    if action in _REACHED:
        return "not-a-bounce"
    if action in ("failed", "delayed"):
        return "bounce" if action == "failed" else "delayed"
    return str(report.kind)


@dataclass(frozen=True, slots=True)
class Entry:
    """The part of a report that is read for our recipient."""

    action: str
    status: str
    reason: Reason
    permanent: bool
    diagnostic: str
    rule: str
    named: bool  # False: it names another address than ours, so the report came from behind a forward or is forged
    others_reached: bool  # some other address of the same report got the mail


_NOTHING_SAID = ReportedRecipient(
    address="", action="", status="", reason=Reason.UNDETERMINED, permanent=True, diagnostic="", rule=""
)


def choose(recipients: Sequence[ReportedRecipient], forward_path: str) -> Entry:
    """
    Choose the entry to read: one that names our recipient, or names nobody, before one that names another.

    A copy of ours has one recipient; further ones come from an alias or a list behind it. Among equals a failure
    comes before a delay, and that before good news.
    """
    ours = address_key(forward_path)

    def names_other(recipient: ReportedRecipient) -> bool:
        return "@" in recipient.address and address_key(recipient.address) != ours

    def rank(recipient: ReportedRecipient) -> tuple[bool, int]:
        return names_other(recipient), _URGENCY.get(recipient.action, 0)

    chosen = min(recipients, key=rank, default=_NOTHING_SAID)
    return Entry(
        action=chosen.action,
        status=chosen.status,
        reason=chosen.reason,
        permanent=chosen.permanent,
        diagnostic=kept(chosen.diagnostic),
        rule=chosen.rule,
        named=not names_other(chosen),
        others_reached=any(recipient.action in _REACHED for recipient in recipients),
    )


_URGENCY = {"failed": 0, "delayed": 1, "expanded": 2, "relayed": 2, "delivered": 2}


def _failed(facts: RecipientFacts, entry: Entry, now: float) -> Change | None:
    wanted = suppression(facts, entry.reason, permanent=entry.permanent, at=now, said=entry.diagnostic)
    if facts.bounced_at is not None:
        return _failed_again(facts, entry, now, wanted)
    doubt = _doubt(facts, entry, now) if wanted else ""
    event = _event(Bounced, facts, entry, now, "" if entry.named else OTHER_RECIPIENT, doubt)
    return Change(
        status=RecipientStatus.BOUNCED,
        state=State.SETTLED,
        reason=entry.reason,
        rule=entry.rule,
        permanent=entry.permanent,
        last_reply=entry.diagnostic,
        bounced_at=now,
        mistyped=mistyped(facts, entry.reason),
        events=(event,),
        suppress=None if doubt else wanted,
    )


def _failed_again(facts: RecipientFacts, entry: Entry, now: float, wanted: NewSuppression | None) -> Change | None:
    """
    Read a second report about a recipient that bounced.

    It says nothing new, unless the first one was doubted: then two that agree suppress. Only the second does: a
    person who lifts the suppression afterwards is not overruled by a third.
    """
    first_in_doubt = facts.bounced_at is not None and _doubt_of_time(facts, facts.bounced_at)
    agrees = facts.reason is entry.reason and facts.reports == 1
    if wanted is None or not first_in_doubt or not agrees or entry.others_reached:
        return None
    event = _event(Bounced, facts, entry, now, "" if entry.named else OTHER_RECIPIENT, SECOND_REPORT)
    return Change(events=(event,), suppress=wanted)


def _doubt(facts: RecipientFacts, entry: Entry, now: float) -> str:
    """Say why one report is not enough to suppress the address; "" when it is (robustness.md B8)."""
    if entry.others_reached:
        return NOT_FOR_ALL
    if facts.history.last_delivered_at is not None and facts.history.last_delivered_at > now:
        return LATER_ARRIVED  # the report lay somewhere for long, as in an old mailbox
    return _doubt_of_time(facts, now)


def _doubt_of_time(facts: RecipientFacts, reported_at: float) -> str:
    if facts.opened_at is not None and facts.opened_at <= reported_at:
        return OPENED_BEFORE
    if facts.delivered_at is not None and reported_at - facts.delivered_at > _SOON:
        return LATE
    return ""


def _delayed(facts: RecipientFacts, entry: Entry, now: float) -> Change | None:
    if facts.bounced_at is not None:  # overtaken by the report that says how it ended
        return None
    return Change(events=(_event(Deferred, facts, entry, now, STILL_TRYING, "" if entry.named else OTHER_RECIPIENT),))


def _autoresponded(facts: RecipientFacts, entry: Entry, now: float) -> Change:
    reason = entry.reason if entry.reason is Reason.CHALLENGE_RESPONSE else Reason.AUTO_REPLY
    return Change(events=(_event(Autoresponded, facts, replace(entry, reason=reason), now),))


def _complained(facts: RecipientFacts, entry: Entry, now: float) -> Change:
    return Change(
        events=(_event(Complained, facts, replace(entry, reason=Reason.COMPLAINT), now),),
        suppress=suppression(facts, Reason.COMPLAINT, permanent=True, at=now),
    )


def _event(kind: type[Event], facts: RecipientFacts, entry: Entry, now: float, *notes: str) -> Event:
    return kind(
        message_id=facts.message_id,
        recipient_id=facts.recipient_id,
        at=now,
        reason=entry.reason,
        rule=entry.rule,
        reply=entry.diagnostic,
        status=entry.status,
        note="; ".join(filter(None, notes)),
    )
