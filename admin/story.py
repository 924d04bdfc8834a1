"""
What a page says of one recipient: the word, its colour and icon, one sentence, and what to do.

Office staff read this: it speaks of mailboxes and addresses, not of protocols. The server's own words are one fold
away.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass, replace

from admin.times import Moment, moment
from store.nouns import Reason, RecipientStatus, State, TrackingMode
from store.reasons import text as reason_text
from store.reasons import told
from store.rows import RecipientRow
from store.sentences import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One recipient, told."""

    word: str  # "Bounced"
    tone: str  # names the colours in the stylesheet
    icon: str  # names a symbol of the sprite
    more: str  # stands beside the word: "3 times", "next try 23 Nov 14:32"
    sentence: str
    advice: str


def tell(row: RecipientRow, now: float, *, meant: str = "", language: str = "en") -> Story:
    """
    Tell where a recipient stands.

    Args:
        row: The recipient.
        now: Unix seconds, UTC.
        meant: The address that was probably meant, where this one failed; "" where none comes near.
        language: Of the sentences.
    """
    match row.status:
        case RecipientStatus.OPENED:
            story = _opened(row, now, language)
        case RecipientStatus.DELIVERED:
            story = _delivered(row, language)
        case RecipientStatus.BOUNCED:
            story = _failed(row, "bounced", "returned", language)
        case RecipientStatus.NOT_DELIVERED:
            story = _not_delivered(row, now, language)
        case _:
            story = _sending(row, now, language)
    if meant:
        question = say("Did you mean {address}?", language, address=meant)
        story = replace(story, advice=f"{question} {story.advice}")
    return replace(story, word=say(story.word, language))


def _sending(row: RecipientRow, now: float, language: str) -> Story:
    if row.state is State.HELD:
        return Story(
            word="Held",
            tone="sending",
            icon="clock",
            more="",
            sentence=say("This email is kept back and is not tried by itself.", language),
            advice=say("An operator can release it.", language),
        )
    if row.attempts and row.next_attempt_at is not None:
        known = row.reason is not None and row.reason is not Reason.UNDETERMINED
        return Story(
            word="Delayed",
            tone="sending",
            icon="clock",
            more=say("next try {time}", language, time=_clock_time(row.next_attempt_at, now, language)),
            sentence=reason_text(row.reason, language).sentence
            if known and row.reason
            else say("The recipient's mail system did not take it yet.", language),
            advice=say("Nothing to do: we keep trying.", language),
        )
    return Story(
        word="Sending",
        tone="sending",
        icon="clock",
        more="",
        sentence=say("We have it and are handing it to the recipient's mail system.", language),
        advice=say("Nothing to do.", language),
    )


def _delivered(row: RecipientRow, language: str) -> Story:
    sentence = say("The recipient's mail system took the email.", language)
    if row.machine_opens:
        unknown = say("Its images were loaded by a machine, so whether anybody read it cannot be known.", language)
        return Story(
            word="Delivered",
            tone="automatic",
            icon="check-question",
            more=say("loaded automatically", language),
            sentence=f"{sentence} {unknown}",
            advice=say("Do not take it for unread: ask, if it matters.", language),
        )
    if row.tracking is TrackingMode.OFF:
        sentence += " " + say("Opens are not followed for it.", language)
    elif row.tracking is TrackingMode.COUNT:
        sentence += " " + say("Opens are only counted for all recipients together.", language)
    elif row.no_pixel_why:
        why = say(row.no_pixel_why, language)
        sentence += " " + say("Opens cannot be seen: {why}.", language, why=why)
    advice = say("Nothing to do.", language)
    return Story(word="Delivered", tone="delivered", icon="check", more="", sentence=sentence, advice=advice)


def _opened(row: RecipientRow, now: float, language: str) -> Story:
    more = ""
    if row.opens > 1 and row.last_opened_at is not None:
        last = moment(row.last_opened_at, now, language).absolute
        more = say("{count} times, last {time}", language, count=row.opens, time=last)
    return Story(
        word="Opened",
        tone="opened",
        icon="open-envelope",
        more=more,
        sentence=_displayed(row, language),
        advice=say("Nothing to do.", language),
    )


def _displayed(row: RecipientRow, language: str) -> str:
    """Say that it was opened, and what that contradicts."""
    if row.delivered_at is None and row.state is State.SETTLED:
        return say(
            "Somebody displayed the email, although we had given up on it: an earlier try had arrived.", language
        )
    if row.delivered_at is None and row.in_doubt:
        return say(
            "Somebody displayed the email, although no answer to it came. It is tried again, to be sure.", language
        )
    return say("Somebody displayed the email.", language)


def _failed(row: RecipientRow, tone: str, icon: str, language: str) -> Story:
    why = told(row.reason or Reason.UNDETERMINED, row.mistyped, language)
    more = say("it was opened, too", language) if row.opened_at is not None else ""
    return Story(word=row.status.word, tone=tone, icon=icon, more=more, sentence=why.sentence, advice=why.advice)


def _not_delivered(row: RecipientRow, now: float, language: str) -> Story:
    story = _failed(row, "not-delivered", "crossed", language)
    if row.reason is None:
        return replace(
            story,
            sentence=say("This email was stopped before it was sent.", language),
            advice=say("Send it again if it is still wanted.", language),
        )
    if row.reason is not Reason.SUPPRESSED or row.caused_at is None:
        return story
    why = reason_text(row.caused_reason, language).sentence if row.caused_reason else story.sentence
    then = moment(row.caused_at, now, language).absolute
    return replace(
        story,
        more=say("an email of {time} came back", language, time=then),
        sentence=say("{why} So this one was not sent.", language, why=why),
    )


def _clock_time(at: float, now: float, language: str) -> str:
    """``14:32`` when that is today, else with the day."""
    then: Moment = moment(at, now, language)
    today = moment(now, now).iso[:10] == then.iso[:10]
    return then.absolute[-5:] if today else then.absolute
