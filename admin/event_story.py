"""
What a page says of one event: word, colour, icon, one sentence, and what the note adds.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass

from store.events import Event
from store.nouns import Verdict
from store.reasons import text as reason_text
from store.sentences import say, say_note

_WORDS = {
    "accepted": ("Taken", "sending", "envelope", "We took the email from the application."),
    "deferred": ("Delayed", "sending", "clock", "It could not be delivered yet; we try again."),
    "delivered": ("Delivered", "delivered", "check", "The recipient's mail system took the email."),
    "bounced": ("Bounced", "bounced", "returned", "The email came back."),
    "suppressed": (
        "Not delivered",
        "not-delivered",
        "crossed",
        "Not sent: an earlier email to this address came back.",
    ),
    "expired": ("Not delivered", "not-delivered", "crossed", "We kept trying and gave up."),
    "cancelled": ("Stopped", "not-delivered", "crossed", "Somebody stopped the email before it was sent."),
    "complained": ("Marked as spam", "bounced", "alert", "The recipient marked the email as spam."),
    "autoresponded": ("Automatic reply", "sending", "returned", "The recipient sent an automatic reply."),
}
_OPENED = {
    Verdict.PERSON: ("Opened", "opened", "open-envelope", "Somebody displayed the email."),
    Verdict.PROXY: ("Opened", "opened", "open-envelope", "Somebody displayed the email, through their mail provider."),
    Verdict.UNCERTAIN: (
        "Images loaded",
        "automatic",
        "check-question",
        "The images were loaded, perhaps by a machine.",
    ),
    Verdict.PREFETCH: (
        "Images loaded",
        "automatic",
        "check-question",
        "The images were loaded by the mail provider, read or not.",
    ),
    Verdict.SCANNER: (
        "Images loaded",
        "automatic",
        "check-question",
        "The images were loaded by a security scanner.",
    ),
    Verdict.PROBE: ("Images loaded", "automatic", "check-question", "The address of the image was probed."),
    Verdict.OWN: (
        "Seen by your office",
        "sending",
        "person",
        "The email was displayed in your own office; that does not count.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStory:
    """One event, told."""

    word: str
    tone: str
    icon: str
    sentence: str
    note: str


def tell_event(event: Event, language: str = "en") -> EventStory:
    """Tell one event in a language."""
    if event.verdict is not None:
        word, tone, icon, sentence = _OPENED[event.verdict]
    else:
        word, tone, icon, sentence = _WORDS[event.kind]
    sentence = say(sentence, language)
    if event.reason is not None and event.kind in ("bounced", "deferred", "expired"):
        sentence = reason_text(event.reason, language).sentence
    return EventStory(
        word=say(word, language), tone=tone, icon=icon, sentence=sentence, note=say_note(event.note, language)
    )
