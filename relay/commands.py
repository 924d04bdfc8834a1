"""
What the commands do that look into the store beside a running relay: suppressions, credentials, tail.

Each prints to standard output; what cannot be done is raised as a StoreError or ValueError with a plain sentence.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import click

from relay.config import Config
from relay.keys import read_keys, webhook_keys
from relay.shell import who
from relay.tail import as_json as event_as_json
from relay.tail import as_line as event_as_line
from relay.tail import printable
from store.event_fields import timestamp
from store.open import Store, open_store

TAIL_EVENTS = 10  # shown before new ones, as tail -f does
_ALL = 10_000  # suppressions read at once


@asynccontextmanager
async def opened(config: Config, clock: Callable[[], float]) -> AsyncIterator[Store]:
    """Open the store beside the relay that serves from it."""
    try:
        keys = webhook_keys(read_keys(config.relay.master_key))
    except OSError:  # whoever may not read it, or before the first start: what is made now is sealed at the next one
        keys = []
    store = await open_store(config.store, clock=clock, node_name="homing command", serving=False, secret_keys=keys)
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
    noted = await store.audit.prepare("suppression.add", address, who=who(), after={"note": note})
    await store.suppressions.add(address, note=note, noted=noted)
    click.echo(f"No mail goes to {printable(address)} any more.")


async def lift_suppression(store: Store, address: str) -> bool:
    """Send to an address again; False: it was not suppressed."""
    noted = await store.audit.prepare("suppression.lift", address, who=who())
    lifted = await store.suppressions.lift(address, noted=noted)
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
    limits = {
        "from_domains": list(from_domains),
        "networks": list(networks),
        "rate": rate,
        "network_login": network_login,
    }
    noted = await store.audit.prepare("credential.add", name, who=who(), after=limits)
    user, password = await store.credentials.create(
        name, from_domains=from_domains, networks=networks, rate=rate, network_login=network_login, noted=noted
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
    noted = await store.audit.prepare("credential.revoke", name, who=who())
    revoked = await store.credentials.revoke(name, noted=noted)
    said = "{} can no longer log in." if revoked else "There is no credential {} in force."
    click.echo(said.format(printable(name)))
    return revoked
