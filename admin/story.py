"""
What a page says of one recipient: the word, its colour and icon, one sentence, and what to do.

Office staff read this: it speaks of mailboxes and addresses, not of protocols. The server's own words are one fold
away.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass

from admin.times import Moment, moment
from store.nouns import Reason, RecipientStatus, State, TrackingMode
from store.reasons import text as reason_text
from store.rows import RecipientRow

_NOTHING_TO_DO = "Nothing to do."


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One recipient, told."""

    word: str  # "Bounced"
    tone: str  # names the colours in the stylesheet
    icon: str  # names a symbol of the sprite
    more: str  # stands beside the word: "3 times", "next try 23 Nov 14:32"
    sentence: str
    advice: str


def tell(row: RecipientRow, now: float) -> Story:
    """Tell where a recipient stands at ``now``."""
    match row.status:
        case RecipientStatus.OPENED:
            return _opened(row, now)
        case RecipientStatus.DELIVERED:
            return _delivered(row)
        case RecipientStatus.BOUNCED:
            return _failed(row, "bounced", "returned")
        case RecipientStatus.NOT_DELIVERED:
            return _not_delivered(row, now)
        case _:
            return _sending(row, now)


def _sending(row: RecipientRow, now: float) -> Story:
    if row.state is State.HELD:
        return Story(
            word="Held",
            tone="sending",
            icon="clock",
            more="",
            sentence="This email is kept back and is not tried by itself.",
            advice="An operator can release it.",
        )
    if row.attempts and row.next_attempt_at is not None:
        known = row.reason is not None and row.reason is not Reason.UNDETERMINED
        return Story(
            word="Delayed",
            tone="sending",
            icon="clock",
            more=f"next try {_clock_time(row.next_attempt_at, now)}",
            sentence=reason_text(row.reason).sentence
            if known and row.reason
            else "The recipient's mail system did not take it yet.",
            advice="Nothing to do: we keep trying.",
        )
    return Story(
        word="Sending",
        tone="sending",
        icon="clock",
        more="",
        sentence="We have it and are handing it to the recipient's mail system.",
        advice=_NOTHING_TO_DO,
    )


def _delivered(row: RecipientRow) -> Story:
    sentence = "The recipient's mail system took the email."
    if row.machine_opens:
        return Story(
            word="Delivered",
            tone="automatic",
            icon="check-question",
            more="loaded automatically",
            sentence=f"{sentence} Its images were loaded by a machine, so whether anybody read it cannot be known.",
            advice="Do not take it for unread: ask, if it matters.",
        )
    if row.tracking is TrackingMode.OFF:
        sentence += " Opens are not followed for it."
    elif row.no_pixel_why:
        sentence += f" Opens cannot be seen: {row.no_pixel_why}."
    return Story(word="Delivered", tone="delivered", icon="check", more="", sentence=sentence, advice=_NOTHING_TO_DO)


def _opened(row: RecipientRow, now: float) -> Story:
    more = ""
    if row.opens > 1 and row.last_opened_at is not None:
        more = f"{row.opens} times, last {moment(row.last_opened_at, now).absolute}"
    return Story(
        word="Opened",
        tone="opened",
        icon="open-envelope",
        more=more,
        sentence="Somebody displayed the email.",
        advice=_NOTHING_TO_DO,
    )


def _failed(row: RecipientRow, tone: str, icon: str) -> Story:
    told = reason_text(row.reason or Reason.UNDETERMINED)
    sentence, advice = told.sentence, told.advice
    if row.reason is Reason.NO_SUCH_USER and row.mistyped is not None:
        sentence = (
            "This email address was probably mistyped." if row.mistyped else "This email address no longer exists."
        )
    more = "it was opened, too" if row.opened_at is not None else ""
    return Story(word=row.status.word, tone=tone, icon=icon, more=more, sentence=sentence, advice=advice)


def _not_delivered(row: RecipientRow, now: float) -> Story:
    story = _failed(row, "not-delivered", "crossed")
    if row.reason is not Reason.SUPPRESSED or row.caused_at is None:
        return story
    why = reason_text(row.caused_reason).sentence if row.caused_reason else story.sentence
    return Story(
        word=story.word,
        tone=story.tone,
        icon=story.icon,
        more=f"an email of {moment(row.caused_at, now).absolute} came back",
        sentence=f"{why} So this one was not sent.",
        advice=story.advice,
    )


def _clock_time(at: float, now: float) -> str:
    """``14:32`` when that is today, else with the day."""
    then: Moment = moment(at, now)
    today = moment(now, now).iso[:10] == then.iso[:10]
    return then.absolute[-5:] if today else then.absolute
