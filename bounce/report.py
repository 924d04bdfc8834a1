"""
Read a mail that came back: bounce, delay, automatic reply, complaint, or none of these.

The way of a mail: ``mime.py`` finds its parts, ``material.py`` sorts them, then the reader for what it brings:
``arf.py`` a complaint, ``dsn.py`` a delivery status, ``autoreply.py`` machines that answer, ``freeform.py`` the words
of systems that send no status. ``classify.py`` names the reason.

Whatever the bytes: a Report, and no exception.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import replace

from bounce.arf import read_complaint
from bounce.autoreply import automatic, challenges, is_refusal, refused_address
from bounce.dsn import read_dsn
from bounce.freeform import read_freeform
from bounce.kinds import Evidence, weigh
from bounce.material import Material, collect
from bounce.reported import Report, ReportedRecipient
from bounce.rulebook import BLAMES_RECIPIENT
from store.nouns import Reason

__all__ = ["Report", "ReportedRecipient", "read"]

# What no challenge in the clothes of a report says.
_NO_CHALLENGE = BLAMES_RECIPIENT | {
    Reason.MESSAGE_TOO_LARGE,
    Reason.EXPIRED,
    Reason.CONNECTION_FAILED,
}


def read(raw: bytes) -> Report:
    """Say what a mail that came back is, and what it says of each recipient."""
    material = collect(raw)
    if complaint := read_complaint(material):
        return complaint
    entries = read_dsn(material)
    if any(entry.address or entry.action not in ("failed", "delayed") for entry in entries):
        return _of_status(entries, material)
    evidence = weigh(material)
    if material.status_in_text and evidence.is_bounce and not evidence.answers:
        material.statuses.append(material.status_in_text)
        if entries := read_dsn(material):
            return _of_status(entries, material)
    if material.dispositions or material.report_type == "disposition-notification":
        return _of_receipt(material)
    return _of_words(material, evidence)


def _of_status(entries: list[ReportedRecipient], material: Material) -> Report:
    """Give the report of a delivery status; a challenge in its clothes is none."""
    actions = {entry.action for entry in entries}
    may_ask = actions <= {"failed"} and not any(entry.reason in _NO_CHALLENGE for entry in entries)
    if may_ask and challenges(weigh(material)):
        asked = replace(entries[0], action="", reason=Reason.CHALLENGE_RESPONSE, permanent=False, rule="challenge")
        return Report("autoreply", (asked,))
    if "failed" in actions:
        return Report("bounce", tuple(entries))
    return Report("delayed" if "delayed" in actions else "not-a-bounce", tuple(entries))


def _of_receipt(material: Material) -> Report:
    if not is_refusal(material):
        return Report("not-a-bounce")
    entries = read_freeform(material, action="failed")[:1]
    address = refused_address(material)
    return Report("bounce", tuple(replace(entry, address=address or entry.address) for entry in entries))


def _of_words(material: Material, evidence: Evidence) -> Report:
    """Decide by words alone. A bounce needs more than one sign; a doubtful mail is none."""
    certain = material.headers.has("x-failed-recipients") or bool(material.statuses)
    if challenges(evidence) and not certain and evidence.challenge > evidence.text.get("bounce", 0):
        return automatic(material, Reason.CHALLENGE_RESPONSE)
    if certain or evidence.is_bounce:
        delayed = evidence.still_trying
        entries = read_freeform(material, action="delayed" if delayed else "failed")
        return Report("delayed" if delayed else "bounce", tuple(entries))
    if evidence.autoreply >= 3:
        return automatic(material)
    return Report("not-a-bounce")
