"""
What the commands do that look into the store beside a running relay: status, suppressions, credentials, tail.

Each prints to standard output; what cannot be done is raised as a StoreError or ValueError with a plain sentence.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import click

from relay.config import Config
from relay.tail import as_json as event_as_json
from relay.tail import as_line as event_as_line
from relay.tail import printable, timestamp
from store.events import Event
from store.journal_record import EventRecord
from store.nouns import RecipientStatus
from store.open import Store, open_store
from store.reasons import text as reason_text
from store.rows import Found, RecipientRow

TAIL_EVENTS = 10  # shown before new ones, as tail -f does
_ALL = 10_000  # suppressions read at once


@asynccontextmanager
async def opened(config: Config, clock: Callable[[], float]) -> AsyncIterator[Store]:
    """Open the store beside the relay that serves from it."""
    store = await open_store(config.store, clock=clock, node_name="homing command", serving=False)
    try:
        yield store
    finally:
        await store.close()


async def follow(store: Store, *, as_json: bool, after: int | None, stop_at_end: bool) -> None:
    """
    Print events as they come.

    Args:
        store: Whose journal.
        as_json: One JSON object a line.
        after: Begin behind this position; None: with the last ten events.
        stop_at_end: Do not wait for new events.
    """
    last = await store.journal.last_position()
    position = max(0, last - TAIL_EVENTS) if after is None else after
    show = event_as_json if as_json else event_as_line
    if not stop_at_end:
        async for record in store.journal.follow(position):
            click.echo(show(record))
        return
    while position < last and (records := await store.journal.after(position)):
        for record in records:
            position = record.position
            click.echo(show(record))


async def show_status(store: Store, what: str, *, as_json: bool) -> bool:
    """Print what became of an address, a message, a recipient, an invoice or a Message-ID; False: nothing is known."""
    found = await _search(store, what)
    for one in found:
        if as_json:
            click.echo(json.dumps(_as_fields(one), ensure_ascii=False))
        else:
            click.echo("\n".join(_as_lines(one)))
    if not found and not as_json:
        click.echo(f"Nothing is known of {printable(what)}.", err=True)
    return bool(found)


async def _search(store: Store, what: str) -> Sequence[Found]:
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


def _as_lines(found: Found) -> list[str]:
    row = found.recipient
    about = f'"{printable(row.subject)}"' if row.subject else "no subject"
    lines = [f"{printable(row.forward_path)}: {row.status.word}", f"  {about}, {timestamp(row.accepted_at)}"]
    ids = [f"message {row.message_id}", f"recipient {row.recipient_id}"]
    ids += [f"customer {printable(row.customer)}"] if row.customer else []
    ids += [f"invoice {printable(row.invoice)}"] if row.invoice else []
    lines.append(f"  {', '.join(ids)}")
    if row.reason and row.status in (RecipientStatus.BOUNCED, RecipientStatus.NOT_DELIVERED, RecipientStatus.SENDING):
        told = reason_text(row.reason)
        lines += [f"  Why: {told.sentence}", f"  What to do: {told.advice}"]
    if row.no_pixel_why:
        lines.append(f"  Opens cannot be seen: {printable(row.no_pixel_why)}")
    return [*lines, *(f"  {event_as_line(_record(row, event))}" for event in found.events)]


def _as_fields(found: Found) -> dict[str, Any]:
    row = found.recipient
    return {
        "address": row.forward_path,
        "status": row.status.value,
        "reason": row.reason.value if row.reason else None,
        "explanation": reason_text(row.reason).sentence if row.reason else None,
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
        "caused_by": str(row.caused_by) if row.caused_by else None,
        "no_pixel_why": row.no_pixel_why or None,
        "tracking": row.tracking.value,
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


async def list_suppressions(store: Store, *, as_json: bool) -> None:
    """Print the addresses that mail is no longer sent to."""
    after = ""
    while page := await store.suppressions.list(_ALL, after):
        for one in page:
            after = one.address_key
            fields = {
                "address": one.address,
                "reason": one.reason.value,
                "caused_by": str(one.caused_by) if one.caused_by else None,
                "at": timestamp(one.at),
                "expires_at": _time(one.expires_at),
                "note": one.note or None,
            }
            if as_json:
                click.echo(json.dumps(fields, ensure_ascii=False))
                continue
            until = f", until {fields['expires_at']}" if one.expires_at else ""
            cause = f", because of recipient {one.caused_by}" if one.caused_by else ", by a person"
            note = f": {printable(one.note)}" if one.note else ""
            click.echo(f"{printable(one.address)} {one.reason.value} since {fields['at']}{until}{cause}{note}")


async def add_suppression(store: Store, address: str, note: str) -> None:
    """Stop sending to an address. ValueError where it is none."""
    if "@" not in address.strip("@"):
        raise ValueError(f"{printable(address)} is no address")
    await store.suppressions.add(address, note=note)
    click.echo(f"No mail goes to {printable(address)} any more.")


async def lift_suppression(store: Store, address: str) -> bool:
    """Send to an address again; False: it was not suppressed."""
    lifted = await store.suppressions.lift(address)
    said = "Mail goes to {} again." if lifted else "{} was not suppressed."
    click.echo(said.format(printable(address)))
    return lifted


async def add_user(
    store: Store,
    name: str,
    from_domains: Sequence[str],
    networks: Sequence[str],
    *,
    rate: int = 0,
    network_login: bool = False,
    as_json: bool,
) -> None:
    """Make a credential and print its password, which is never to be had again. ValueError where the name is taken."""
    user, password = await store.credentials.create(
        name, from_domains=from_domains, networks=networks, rate=rate, network_login=network_login
    )
    if as_json:
        click.echo(json.dumps({"name": name, "user": user, "password": password}))
    else:
        click.echo(f"User      {user}\nPassword  {password}\nThe password is shown this once.")


async def list_users(store: Store, *, as_json: bool) -> None:
    """Print the credentials, without their passwords."""
    for one in await store.credentials.list():
        fields = {
            "name": one.name,
            "user": one.user,
            "from_domains": list(one.from_domains),
            "networks": list(one.networks),
            "rate": one.rate,
            "network_login": one.network_login,
            "created_at": timestamp(one.created_at),
            "revoked_at": _time(one.revoked_at),
        }
        if as_json:
            click.echo(json.dumps(fields, ensure_ascii=False))
            continue
        limits = [*(f"from {domain}" for domain in one.from_domains), *(f"on {network}" for network in one.networks)]
        limits += ["without a password there"] if one.network_login else []
        limits += [f"at most {one.rate} messages an hour"] if one.rate else []
        state = f"revoked {fields['revoked_at']}" if one.revoked_at else "in force"
        click.echo(f"{printable(one.name)}: {one.user}, {', '.join([state, *limits])}")


async def revoke_user(store: Store, name: str) -> bool:
    """End a credential; False: there is none of that name in force."""
    revoked = await store.credentials.revoke(name)
    said = "{} can no longer log in." if revoked else "There is no credential {} in force."
    click.echo(said.format(printable(name)))
    return revoked
