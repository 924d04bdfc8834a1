"""
One event as a line: for ``homing tail``, for the log, for people and for programs.

Pure: no I/O, no clock, no chance.
"""

import json

from store.event_fields import event_fields, timestamp
from store.journal_record import EventRecord
from store.nouns import Verdict
from store.reasons import text as reason_text
from store.sentences import say, say_note

_LOADED_BY = {
    Verdict.PERSON: "by a person",
    Verdict.PROXY: "through the mail provider: a person, time right, place unknown",
    Verdict.UNCERTAIN: "perhaps by a machine: cannot be known",
    Verdict.PREFETCH: "loaded automatically: cannot be known",
    Verdict.SCANNER: "loaded by a security scanner, not by a person",
    Verdict.PROBE: "probed, not loaded",
    Verdict.OWN: "seen from your own office: does not count",
}


def as_line(record: EventRecord, language: str = "en") -> str:
    """Write an event for people: time, what happened, to whom, and why in words."""
    event = record.event
    about = f' "{printable(record.subject)}"' if record.subject else ""
    details = "; ".join(_details(record, language))
    line = f"{timestamp(event.at)} {say(event.kind, language):<13} {printable(record.forward_path)}{about}"
    return f"{line}: {details}" if details else line


def as_json(record: EventRecord) -> str:
    """Write an event for programs: one JSON object, ids as text since JavaScript's numbers are too short for them."""
    return json.dumps(event_fields(record), ensure_ascii=False)


def printable(text: str) -> str:
    """Take out what could steer a terminal: control characters become a question mark."""
    if text.isprintable():  # nearly always, and then there is nothing to look at one by one
        return text
    return "".join(character if character.isprintable() else "?" for character in text)


def _details(record: EventRecord, language: str) -> list[str]:
    event = record.event
    said: list[str] = []
    if event.reason:
        said.append(f"{reason_text(event.reason, language).sentence.rstrip('.')} ({event.reason.value})")
    if event.verdict:
        said.append(say(_LOADED_BY[event.verdict], language))
    if event.reply:
        reply = printable(event.reply)
        host = event.remote_host
        said.append(say("{host} said {reply}", language, host=host, reply=reply) if host else reply)
    if event.next_attempt_at:
        said.append(say("next try {time}", language, time=timestamp(event.next_attempt_at)))
    if event.caused_by:
        said.append(say("because of recipient {id}", language, id=event.caused_by))
    if event.tls:
        said.append(printable(event.tls))
    if event.note:
        said.append(printable(say_note(event.note, language)))
    return said
