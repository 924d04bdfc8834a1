"""
``homing status``: what became of an address, a message, a recipient, an invoice, a customer or a Message-ID.

For people in their language, for programs as one JSON object a recipient; the names in it are never translated.
"""

import json
from collections.abc import Sequence
from typing import Any

import click

from bounce.consequence import REPEATED
from relay.did_you_mean import DidYouMean
from relay.report_commands import report_fields
from relay.tail import as_json as event_as_json
from relay.tail import as_line as event_as_line
from relay.tail import printable
from store.event_fields import timestamp
from store.events import Event
from store.journal_record import EventRecord
from store.nouns import Open, RecipientStatus
from store.open import Store
from store.reasons import told
from store.reports import ReportRow
from store.rows import Found, RecipientRow
from store.seen import loaded_automatically_by, perhaps_forwarded, views
from store.sentences import say
from store.transcripts import Transcript

_SAYS_WHY = frozenset({RecipientStatus.BOUNCED, RecipientStatus.NOT_DELIVERED, RecipientStatus.SENDING})


async def show_status(
    store: Store, what: str, *, as_json: bool, language: str = "en", transcripts: bool = False
) -> bool:
    """Print all that is known of it, with ``transcripts`` also what was said in each attempt; False: nothing is."""
    found = await search(store, what)
    did_you_mean = DidYouMean(store.domains)
    for one in found:
        meant = await did_you_mean(one.recipient)
        listed = await store.reports.listed(one.recipient.recipient_id)
        reports = [report for report in listed if report.kind != REPEATED]
        said = await store.transcripts.of(one.recipient.recipient_id) if transcripts else []
        kept = await store.opens.of(one.recipient.recipient_id)
        if as_json:
            fields = _as_fields(one, meant, language, kept) | {"reports": [report_fields(report) for report in reports]}
            if transcripts:
                fields["transcripts"] = [{"ended_at": timestamp(it.at), "dialogue": it.dialogue} for it in said]
            click.echo(json.dumps(fields, ensure_ascii=False))
        else:
            click.echo(
                "\n".join(
                    [
                        *_as_lines(one, meant, language, kept),
                        *_report_lines(reports, language),
                        *_transcript_lines(said),
                    ]
                )
            )
    if not found and not as_json:
        click.echo(say("Nothing is known of {what}.", language, what=printable(what)), err=True)
    return bool(found)


async def search(store: Store, what: str) -> Sequence[Found]:
    """Take ``what`` for each thing it may be, the most exact first."""
    if what.isascii() and what.isdigit() and len(what) < 20:
        if one := await store.find.recipient(int(what)):
            return [one]
        if several := await store.find.message(int(what)):
            return several
    return (
        await store.find.by_invoice(what)
        or await store.find.by_header_message_id(what)
        or ("@" in what and await store.find.by_address(what))
        or await store.find.by_customer(what)
    )


def _as_lines(found: Found, meant: str, language: str, kept: Sequence[Open]) -> list[str]:
    row = found.recipient
    about = f'"{printable(row.subject)}"' if row.subject else say("no subject", language)
    lines = [
        f"{printable(row.forward_path)}: {_status_words(found, language)}",
        f"  {about}, {timestamp(row.accepted_at)}",
    ]
    ids = [say("message {id}", language, id=row.message_id), say("recipient {id}", language, id=row.recipient_id)]
    ids += [say("customer {id}", language, id=printable(row.customer))] if row.customer else []
    ids += [say("invoice {id}", language, id=printable(row.invoice))] if row.invoice else []
    lines.append(f"  {', '.join(ids)}")
    if row.reason and row.status in _SAYS_WHY:
        why = told(row.reason, row.mistyped, language)
        lines.append("  " + say("Why: {sentence}", language, sentence=why.sentence))
        if meant:
            lines.append("  " + say("Did you mean {address}?", language, address=printable(meant)))
        lines.append("  " + say("What to do: {advice}", language, advice=why.advice))
    if row.status is RecipientStatus.BOUNCED and row.opened_at is not None:
        lines.append("  " + say("Both are so: it came back, and somebody displayed it.", language))
    if perhaps_forwarded(found.events, kept):
        lines.append("  " + say("Displayed by clearly different readers: it was probably forwarded.", language))
    lines += [f"  {line}" for line in _reader_lines(kept, language)]
    if row.no_pixel_why:
        why_not = say(printable(row.no_pixel_why), language)
        lines.append("  " + say("Opens cannot be seen: {why}.", language, why=why_not))
    return [*lines, *(f"  {event_as_line(_record(row, event), language)}" for event in found.events)]


def _status_words(found: Found, language: str) -> str:
    """Say the status, how often it was displayed, or that this cannot be known."""
    row, word = found.recipient, say(found.recipient.status.word, language)
    if row.status is RecipientStatus.OPENED and row.opens > 1 and row.last_opened_at is not None:
        last = timestamp(row.last_opened_at)
        return say("{status} ({count} times, last {time})", language, status=word, count=row.opens, time=last)
    ahead = loaded_automatically_by(found.events) if row.status is RecipientStatus.DELIVERED else None
    if ahead:
        return say("{status}, loaded automatically by {who}: cannot be known", language, status=word, who=ahead)
    if ahead == "":
        return say("{status}, loaded automatically: cannot be known", language, status=word)
    return word


def _reader_lines(kept: Sequence[Open], language: str) -> list[str]:
    """Say what people read it with, and where; nothing but in tracking mode full."""
    lines = []
    for it in kept:
        about = ", ".join(printable(each) for each in (it.client, it.device and say(it.device, language)) if each)
        if it.country:
            about += f" ({printable(it.country)})"
        if about:
            lines.append(say("Displayed {time} with {what}", language, time=timestamp(it.at), what=about.strip()))
    return lines


def _load_fields(it: Open) -> dict[str, Any]:
    """One view as it is kept: without what the tracking mode leaves out."""
    known = {name: getattr(it, name) or None for name in ("address", "agent", "client", "device", "country")}
    return {"at": timestamp(it.at), "verdict": it.verdict.value, "rule": it.rule, **known}


def _transcript_lines(transcripts: Sequence[Transcript]) -> list[str]:
    lines: list[str] = []
    for it in transcripts:
        lines.append(f"  Attempt that ended {timestamp(it.at)}, seconds from its beginning, > we, < the other side:")
        lines += [f"    {printable(line)}" for line in it.dialogue.split("\n")]
    return lines


def _report_lines(reports: Sequence[ReportRow], language: str) -> list[str]:
    """Name the mails that came back: ``homing report ID`` shows each."""
    return [
        "  "
        + say(
            "Report {id} of {time}: {kind}, {octets} octets",
            language,
            id=report.id,
            time=timestamp(report.at),
            kind=say(report.kind, language),
            octets=report.octets,
        )
        for report in reports
    ]


def _as_fields(found: Found, meant: str, language: str, kept: Sequence[Open]) -> dict[str, Any]:
    row = found.recipient
    return {
        "address": row.forward_path,
        "status": row.status.value,
        "reason": row.reason.value if row.reason else None,
        "explanation": told(row.reason, row.mistyped, language).sentence if row.reason else None,
        "mistyped": row.mistyped,
        "did_you_mean": meant or None,
        "message": str(row.message_id),
        "recipient": str(row.recipient_id),
        "subject": row.subject,
        "customer": row.customer,
        "invoice": row.invoice,
        "message_id": row.header_message_id,
        "state": row.state.value,
        "accepted_at": timestamp(row.accepted_at),
        "delivered_at": _time(row.delivered_at),
        "opened_at": _time(row.opened_at),
        "bounced_at": _time(row.bounced_at),
        "next_attempt_at": _time(row.next_attempt_at),
        "opens": row.opens,
        "machine_opens": row.machine_opens,
        "views": [
            {"by": it.verdict.value, "count": it.count, "first_at": _time(it.first_at), "last_at": _time(it.last_at)}
            for it in views(found.events)
        ],
        "loaded_automatically_by": loaded_automatically_by(found.events),
        "perhaps_forwarded": perhaps_forwarded(found.events, kept),
        "loads": [_load_fields(it) for it in kept],
        "caused_by": str(row.caused_by) if row.caused_by else None,
        "no_pixel_why": row.no_pixel_why or None,
        "tracking": row.tracking.value,
        "in_doubt": row.in_doubt,
        "last_reply": row.last_reply or None,
        "remote_host": row.remote_host or None,
        "tls": row.tls or None,
        "events": [json.loads(event_as_json(_record(row, event))) for event in found.events],
    }


def _record(row: RecipientRow, event: Event) -> EventRecord:
    """Say an event of this recipient as the journal would; its position is not known here."""
    return EventRecord(
        position=0,
        event=event,
        forward_path=row.forward_path,
        subject=row.subject,
        customer=row.customer,
        invoice=row.invoice,
        message_accepted_at=row.accepted_at,
    )


def _time(at: float | None) -> str | None:
    return None if at is None else timestamp(at)
