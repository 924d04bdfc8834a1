"""``homing token``: make, list and revoke tokens of the API. Each change is in the audit."""

import json
from collections.abc import Sequence

import click

from relay.shell import who
from relay.tail import printable
from store.event_fields import timestamp
from store.open import Store
from store.token_nouns import Scope
from store.units import parse_duration


async def add_token(
    store: Store,
    name: str,
    scopes: Sequence[Scope],
    *,
    expires: str,
    from_domains: Sequence[str],
    rate: int,
    as_json: bool,
    now: float,
) -> None:
    """Make a token and print it; it is never to be had again. ValueError says in a sentence why it cannot be made."""
    expires_at = now + parse_duration(expires) if expires else None
    after = {"scopes": [scope.value for scope in scopes]}
    noted = await store.audit.prepare("token.add", name, who=who(), after=after)
    token = await store.tokens.create(
        name, scopes, expires_at=expires_at, from_domains=from_domains, rate=rate, noted=noted
    )
    if as_json:
        click.echo(json.dumps({"name": name, "token": token, "expires_at": _time(expires_at)}))
    else:
        click.echo(f"{token}\nThe token is shown this once.")


async def list_tokens(store: Store, *, as_json: bool) -> None:
    """Print what is known of the tokens."""
    for one in await store.tokens.list():
        fields = {
            "name": one.name,
            "scopes": [scope.value for scope in one.scopes],
            "from_domains": list(one.from_domains),
            "rate": one.rate,
            "created_at": timestamp(one.created_at),
            "expires_at": _time(one.expires_at),
            "last_used_at": _time(one.last_used_at),
            "last_used_from": one.last_used_from or None,
            "revoked_at": _time(one.revoked_at),
        }
        if as_json:
            click.echo(json.dumps(fields, ensure_ascii=False))
            continue
        state = f"revoked {fields['revoked_at']}" if one.revoked_at else "in force"
        told = [", ".join(one.scopes), state]
        told += [f"until {fields['expires_at']}"] if one.expires_at else []
        told += [f"from {domain}" for domain in one.from_domains]
        told += [f"at most {one.rate} messages an hour"] if one.rate else []
        told += (
            [f"last used {fields['last_used_at']} from {one.last_used_from}"] if one.last_used_at else ["never used"]
        )
        click.echo(f"{printable(one.name)}: {', '.join(told)}")


async def revoke_token(store: Store, name: str) -> bool:
    """End a token; False: there is none of that name in force."""
    noted = await store.audit.prepare("token.revoke", name, who=who())
    revoked = await store.tokens.revoke(name, noted=noted)
    if revoked:
        click.echo(f"{printable(name)} is revoked: running relays refuse it within seconds.")
    else:
        click.echo(f"There is no token named {printable(name)} in force.", err=True)
    return revoked


def _time(at: float | None) -> str | None:
    return None if at is None else timestamp(at)
