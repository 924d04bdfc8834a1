"""
How long each view takes on a store of 100,000 messages: ``make bench-views``.

Makes the store (``bench/seed_views.py``; SQLite in a folder of its own, or a given URL), serves it on loopback, and
asks for each view of API and pages over HTTP, one request at a time. Printed is the time of a whole round trip and the
CPU of client and server together, the median of each. The first line is a handler that does nothing: the least that it
can be just now.
"""

import asyncio
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from aiohttp import ClientSession
from sqlalchemy import Connection

from admin.api.door import Door
from admin.api.every import every
from admin.api.outside import Handed, Outcome
from admin.api.outside import Outside as ApiOutside
from admin.outside import Outside
from admin.server import AdminServer
from admin.settings import AdminSettings
from bench.seed_views import fill
from store.open import Store, open_store
from store.settings import StoreSettings
from store.token_nouns import Scope

NOW = 1_790_000_000.0
LIMIT = 200.0  # milliseconds that a view should stay under
_LOG = logging.getLogger("bench")


@click.command()
@click.option("--messages", default=100_000, show_default=True, help="0: the store at --url is full already.")
@click.option("--rounds", default=7, show_default=True, help="Requests for each view; the median is told.")
@click.option("--url", default="", help="Another store than SQLite: postgresql://... with nothing in it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def main(messages: int, rounds: int, url: str, *, as_json: bool) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_run(Path(folder), url, messages, rounds, as_json=as_json))


async def _run(folder: Path, url: str, messages: int, rounds: int, *, as_json: bool) -> None:
    url = url or f"sqlite:///{folder}/homing.db"
    begin = time.perf_counter()
    if messages:
        recipients = await fill(url, messages, now=NOW)
        click.echo(f"{messages} messages, {recipients} recipients, {time.perf_counter() - begin:.0f} s", err=True)
    settings = StoreSettings(url=url, contents=folder / "contents", reserve=0)
    store = await open_store(settings, clock=lambda: NOW, node_name="bench", serving=True)
    try:
        await _serve(store, rounds, as_json=as_json)
    finally:
        await store.close()


async def _serve(store: Store, rounds: int, *, as_json: bool) -> None:
    outside = ApiOutside(send=_nothing, send_again=_nobody)
    door = Door(
        every(store, outside),
        tokens=store.tokens,
        audit=store.audit,
        per_minute=1_000_000,
        clock=lambda: NOW,
        log=_LOG,
    )
    server = AdminServer(
        settings=AdminSettings(listen=("127.0.0.1:0",)),
        store=store,
        ready=dict,
        outside=Outside(),
        clock=lambda: NOW,
        log=_LOG,
        api=door,
    )
    await server.start()
    try:
        if await store.people.get("bench") is None:
            await store.people.create("bench", "a long enough password")
        session = await store.sessions.begin("bench", address="127.0.0.1", agent="bench", idle=86_400.0)
        token = await store.tokens.create(f"bench {time.time_ns()}", [Scope.READ])
        headers = {"Authorization": f"Bearer {token}", "Cookie": f"session={session}", "Accept": "text/html"}
        async with ClientSession(f"http://127.0.0.1:{server.addresses[0][1]}", headers=headers) as client:
            for path in await _paths(store):
                _tell(path, await _measure(client, path, rounds), as_json=as_json)
    finally:
        await server.stop()


@dataclass
class Asked:
    """What the requests for one view took, in milliseconds."""

    times: list[float]
    cpu: list[float]  # of this process: server, store and the client that asks
    octets: int = 0


async def _measure(client: ClientSession, path: str, rounds: int) -> Asked:
    asked = Asked([], [])
    for _ in range(rounds):
        begin, worked = time.perf_counter(), time.process_time()
        async with client.get(path, allow_redirects=False) as response:
            asked.octets = len(await response.read())
            if response.status != 200:
                raise click.ClickException(f"{path} answered {response.status}")
        asked.times.append((time.perf_counter() - begin) * 1_000)
        asked.cpu.append((time.process_time() - worked) * 1_000)
    return asked


def _tell(path: str, asked: Asked, *, as_json: bool) -> None:
    median, cpu = statistics.median(asked.times), statistics.median(asked.cpu)
    if as_json:
        click.echo(json.dumps({"path": path, "median_ms": median, "cpu_ms": cpu, "octets": asked.octets}))
    else:
        over = "  over 200 ms" if median > LIMIT else ""
        click.echo(f"{median:8.1f} ms {cpu:8.1f} CPU ms {asked.octets:8d} octets  {path}{over}")


async def _paths(store: Store) -> list[str]:
    """Give what is asked for; the busiest message, customer, invoice and address among it, which cost most."""
    found = await store._reader.run(_busiest)  # noqa: SLF001 - a benchmark may look inside
    message, customer, invoice, address, recipient = found
    api = [
        "/messages", "/messages?q=lopez", "/messages?q=nothing-like-it", "/messages?standing=bounced",
        "/messages?q=status:bounced%20to:@gmail.com%20since:2026-01-01", "/recipients", "/recipients?standing=bounced",
        "/recipients?q=nothing-like-it", "/recipients?domain=nowhere.example",
        "/recipients?tag=reminder&standing=bounced",
        f"/messages/{message}/overview", f"/messages/{message}/recipients", f"/customers/{customer}",
        f"/customers/{address}", "/customers", "/customers?q=lopez", f"/addresses/{address}", f"/invoices/{invoice}",
        f"/recipients/{recipient}", f"/why/{recipient}", "/events", "/events?order=newest", "/events?event=bounced",
        f"/events?address={address}", "/chase", "/chase?days=0", "/today", "/stats/day", "/stats/domain",
        "/stats/reason",
        "/stats/tag", "/stats/day?since=2025-01-01T00:00:00Z", "/queue", "/suppressions", "/suppressions?q=lopez",
    ]  # fmt: skip
    pages = [
        "/", "/customers", "/customers?q=lopez", f"/customers/{customer}", "/messages", "/messages?q=nothing-like-it",
        "/messages?status=bounced", f"/messages/{message}", f"/messages/{message}/recipients", f"/invoices/{invoice}",
        f"/recipients/{recipient}", "/chase",
    ]  # fmt: skip
    return ["/healthz", *(f"/api/v1{path}" for path in api), *pages]


def _busiest(connection: Connection) -> Sequence[object]:
    def first(query: str) -> object:
        return connection.exec_driver_sql(query).scalar_one()

    return (
        first("SELECT message_id FROM recipient GROUP BY message_id ORDER BY COUNT(*) DESC, 1 LIMIT 1"),
        first("SELECT customer FROM message WHERE customer <> '' GROUP BY customer ORDER BY COUNT(*) DESC, 1 LIMIT 1"),
        first("SELECT invoice FROM message WHERE invoice <> '' GROUP BY invoice ORDER BY COUNT(*) DESC, 1 LIMIT 1"),
        first("SELECT forward_path FROM recipient GROUP BY forward_path ORDER BY COUNT(*) DESC, 1 LIMIT 1"),
        first("SELECT id FROM recipient WHERE status = 'opened' ORDER BY id DESC LIMIT 1"),
    )


async def _nothing(*_: object) -> Handed:
    return Handed(Outcome.LATER, "")


async def _nobody(*_: object) -> list[int]:
    return []


if __name__ == "__main__":
    main()
