"""
A store as an office has it after a year: many messages, about three recipients each, every status among them.

    python -m bench.seed_views URL [--messages 100000]

What it writes are the rows that acceptance, settlement and opens would have left, without the contents: those are as
good as past their retention. The same seed gives the same store.
"""

import asyncio
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import click
from sqlalchemy import Connection, insert

from store.addresses import address_key
from store.engine import database_url
from store.ids import first_at
from store.migrate import upgrade
from store.nouns import Reason, RecipientStatus, State, Verdict
from store.schema import event, message, open_, recipient, suppression
from store.writing import WriteConnection, write_connection

DAYS = 365
_CHUNK = 2_000  # messages of one transaction
_DOMAINS = ("gmail.com", "outlook.com", "yahoo.com", "icloud.com", "gmx.example", "club.example", "school.example")
_NAMES = ("maria", "tom", "ana", "luis", "sofia", "ben", "eva", "paul", "nora", "ivan")
_SURNAMES = ("lopez", "garcia", "smith", "jones", "meyer", "rossi", "silva", "brown", "novak", "klein")
_SUBJECTS = ("Your {} fees", "Reminder: your {} fees", "Newsletter of {}", "Receipt for {}", "Timetable for {}")
_MONTHS = ("January", "March", "May", "July", "September", "November")
_REASONS = (Reason.NO_SUCH_USER, Reason.MAILBOX_FULL, Reason.DOMAIN_NOT_FOUND, Reason.SPAM_REJECTED)
_PREPENDED = b"Received: from app.club.example ([192.0.2.7]) by mail.club.example with ESMTPSA id 1\r\n" * 2
Rows = dict[str, list[dict[str, Any]]]


def rows(messages: int, *, now: float, seed: int = 1) -> Iterator[Rows]:
    """Give the rows of each table, in chunks, oldest message first."""
    draw = Random(seed)  # noqa: S311 - a made-up office needs no secret
    chunk: Rows = _nothing()
    step = DAYS * 86_400.0 / messages
    for number in range(messages):
        _message(chunk, draw, number, now - (messages - number) * step, now)
        if len(chunk["message"]) >= _CHUNK:
            yield chunk
            chunk = _nothing()
    yield chunk


def everything(messages: int, *, now: float, seed: int = 1) -> Rows:
    """Give the rows of each table in one."""
    whole = _nothing()
    for chunk in rows(messages, now=now, seed=seed):
        for name, made in chunk.items():
            whole[name] += made
    return whole


async def fill(url: str, messages: int, *, now: float, seed: int = 1) -> int:
    """Fill a store, made anew where there is none; give the number of recipients."""
    connection = write_connection(database_url(url))
    try:
        await connection.run(upgrade)
        return await _write(connection, messages, now, seed)
    finally:
        await connection.close()


async def _write(connection: WriteConnection, messages: int, now: float, seed: int) -> int:
    recipients = 0
    for chunk in rows(messages, now=now, seed=seed):
        await connection.run(lambda on, it=chunk: insert_rows(on, it))  # type: ignore[misc]
        recipients += len(chunk["recipient"])

    # PostgreSQL does so by itself, after a minute; a SQLite store of Homing is never analysed.
    await connection.run(_analyse)
    return recipients


def _analyse(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE")


def insert_rows(connection: Connection, chunk: Rows) -> None:
    """Write a chunk."""
    tables = {"message": message, "recipient": recipient, "event": event, "open": open_}
    for name, table in tables.items():
        if chunk[name]:
            connection.execute(insert(table), chunk[name])
    for row in chunk["suppression"]:
        connection.execute(suppression.delete().where(suppression.c.address_key == row["address_key"]))
        connection.execute(insert(suppression), row)


def _nothing() -> Rows:
    return {"message": [], "recipient": [], "event": [], "open": [], "suppression": []}


def _message(chunk: Rows, draw: Random, number: int, at: float, now: float) -> None:
    """One message: mostly an invoice to a family, now and then a newsletter to all."""
    kind = draw.random()
    size = 1 if kind < 0.80 else draw.randint(2, 3) if kind < 0.99 else draw.randint(100, 240)
    customer = draw.randrange(8_000)
    invoice = f"INV-{draw.randrange(40_000)}" if kind < 0.75 else ""
    subject = _SUBJECTS[draw.randrange(2) if invoice else draw.randrange(2, 5)].format(draw.choice(_MONTHS))
    id_ = first_at(at)
    chunk["message"].append(
        {
            "id": id_,
            "accepted_at": at,
            "expires_at": at + 3 * 86_400.0,
            "credential": "class-manager",
            "reverse_path": "office@club.example",
            "header_from": "office@club.example",
            "header_to": f"Family {customer} <{_address(customer, 0)}>",
            "subject": subject,
            "header_message_id": f"{number}@club.example",
            "size": draw.randint(14_000, 34_000),
            "customer": f"{customer}" if size < 100 else "",
            "invoice": invoice,
            "tags": json.dumps(["reminder"] if subject.startswith("Reminder") else []),
            "prepended": b"Received: from app.club.example ([192.0.2.7]) by mail.club.example with ESMTPSA id 1\r\n"
            * 2,
            "client": "app.club.example [192.0.2.7]",
            "content_erased_at": at,
        }
    )
    for place in range(size):
        person = customer if size < 100 else draw.randrange(8_000)
        row = _row(id_, id_ + 1 + place, _address(person, place if size < 100 else 0), at)
        chunk["recipient"].append(row)
        _event(chunk, row, "accepted", at)
        _live(chunk, row, draw, now)


def _address(person: int, place: int) -> str:
    name = _NAMES[(person + place) % len(_NAMES)]
    surname = _SURNAMES[person // 10 % len(_SURNAMES)]
    return f"{name}.{surname}.{person}@{_DOMAINS[(person + place) % len(_DOMAINS)]}"


def _row(message_id: int, id_: int, address: str, at: float) -> dict[str, Any]:
    """A recipient that was delivered at once."""
    return {
        "id": id_,
        "message_id": message_id,
        "accepted_at": at,
        "forward_path": address,
        "address_key": address_key(address),
        "domain": address.partition("@")[2],
        "tracking": "verdict",
        "state": State.SETTLED.value,
        "status": RecipientStatus.DELIVERED.value,
        "attempts": 1,
        "reason": None,
        "permanent": None,
        "last_reply": "250 2.0.0 OK 1790000000 d9443c01a7336-29f5 si12 - gsmtp",
        "remote_host": "mx1." + address.partition("@")[2],
        "remote_address": "192.0.2.25",
        "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384 verified",
        "settled_at": at + 1,
        "delivered_at": at + 1,
        "bounced_at": None,
        "opened_at": None,
        "last_opened_at": None,
        "opens": 0,
        "machine_opens": 0,
        "next_attempt_at": None,
        "caused_by": None,
    }


def _live(chunk: Rows, row: dict[str, Any], draw: Random, now: float) -> None:
    """Draw what became of it."""
    fate, at = draw.random(), row["accepted_at"]
    if fate < 0.60:
        _happened(chunk, row, "delivered", at + 1)
        _open(chunk, row, draw, Verdict.PERSON, at)
    elif fate < 0.72:
        _happened(chunk, row, "delivered", at + 1)
        _open(chunk, row, draw, Verdict.PREFETCH, at)
    elif fate < 0.95:
        _happened(chunk, row, "delivered", at + 1)
    elif fate < 0.98:
        _bounce(chunk, row, draw.choice(_REASONS), at)
    elif fate < 0.995 or now - at > 3 * 86_400.0:
        row |= {"status": RecipientStatus.NOT_DELIVERED.value, "reason": Reason.SUPPRESSED.value, "delivered_at": None}
        _event(chunk, row, "suppressed", at, reason=row["reason"])
    else:
        _delay(chunk, row, at, now)


def _bounce(chunk: Rows, row: dict[str, Any], reason: Reason, at: float) -> None:
    reply = f"550 5.1.1 <{row['forward_path']}>: Recipient address rejected: User unknown"
    row |= {"status": RecipientStatus.BOUNCED.value, "reason": reason.value, "bounced_at": at + 1, "permanent": True}
    row |= {"delivered_at": None, "last_reply": reply}
    _happened(chunk, row, "bounced", at + 1, reason=reason.value)
    chunk["suppression"].append(
        {
            "address_key": row["address_key"],
            "address": row["forward_path"],
            "reason": reason.value,
            "caused_by": row["id"],
            "at": at + 1,
        }
    )


def _delay(chunk: Rows, row: dict[str, Any], at: float, now: float) -> None:
    row |= {"status": RecipientStatus.SENDING.value, "state": State.DUE.value, "next_attempt_at": now + 3_600}
    row |= {"reason": Reason.RATE_LIMITED.value, "delivered_at": None, "settled_at": None}
    row["last_reply"] = "451 4.7.1 Try again later"
    _happened(chunk, row, "deferred", at + 1, reason=row["reason"])


def _open(chunk: Rows, row: dict[str, Any], draw: Random, verdict: Verdict, at: float) -> None:
    count = draw.randint(1, 3)
    first = at + draw.expovariate(1 / 20_000)
    times = [first + n * 5_000 for n in range(count)]
    if verdict.by_person:
        row |= {"status": RecipientStatus.OPENED.value, "opened_at": first, "last_opened_at": times[-1], "opens": count}
    else:
        row["machine_opens"] = count
    for seen in times:
        _event(chunk, row, "opened", seen, verdict=verdict.value)


def _happened(chunk: Rows, row: dict[str, Any], kind: str, at: float, **more: Any) -> None:
    told = {name: row[name] for name in ("remote_host", "remote_address", "tls")}
    _event(chunk, row, kind, at, reply=row["last_reply"], attempt=1, **told, **more)


def _event(chunk: Rows, row: dict[str, Any], kind: str, at: float, **more: Any) -> None:
    blank = {"reason": None, "reply": "", "remote_host": "", "remote_address": "", "tls": "", "attempt": 0}
    about = {"message_id": row["message_id"], "recipient_id": row["id"], "kind": kind, "at": at}
    chunk["event"].append({**blank, "verdict": None, **about, **more})


@click.command()
@click.argument("url")
@click.option("--messages", default=100_000, show_default=True)
@click.option("--now", default=1_790_000_000.0, show_default=True, help="Unix seconds of the newest message.")
def main(url: str, messages: int, now: float) -> None:
    """Fill the store at URL."""
    click.echo(f"{asyncio.run(fill(url, messages, now=now))} recipients")


if __name__ == "__main__":
    main()
