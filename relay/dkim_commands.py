"""
What the commands below ``homing dkim`` do: make keys, say what to publish, and change the one that signs.

Each prints to standard output; what cannot be done is raised as a DkimKeyError with a plain sentence. A relay that runs
need not be told.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from relay.dkim_keys import DkimKeyError, StoredKey, activate, add_key, list_domains, read_domain, retire
from relay.message.dkim_key import good_selector, txt_strings
from store.addresses import ascii_domain
from store.event_fields import timestamp

# Seconds until a change is in force: a relay that runs has seen it by then (relay/signing.py), and so have the nodes
# that share the folder. So there is one moment, and all mail accepted before it is signed by the earlier key.
IN_FORCE_AFTER = 5.0
RSA_BITS = 2048  # RFC 8301: what signers should use; its record fits into one UDP answer

Algorithm = Literal["rsa", "ed25519"]


def new_key(folder: Path, domain: str, *, selector: str, algorithm: Algorithm, now: float) -> None:
    """
    Make a key and print the record to publish.

    Args:
        folder: Of the keys.
        domain: Whose mail it signs, and that of the domains below it.
        selector: "" for one with the date in it.
        algorithm: Of the key.
        now: Unix seconds.
    """
    name = _domain(domain)
    wanted = selector.lower()
    if wanted and not good_selector(wanted):
        raise DkimKeyError(f'"{selector}" is no selector: letters, digits and hyphens, with dots between')
    made = add_key(folder, name, wanted or _free_selector(folder, name, algorithm, now), _pem(algorithm), now=now)
    click.echo(f"Made {made.path}: {_kind(made)}. It does not sign yet.\n")
    click.echo("Publish this TXT record:\n")
    click.echo(f"{_zone_line(made)}\n")
    click.echo("Where a form asks for name and text, these are they:\n")
    click.echo(f"  {_record_name(made)}\n  {_record(made)}\n")
    click.echo(f"When `dig +short TXT {_record_name(made)}` shows it, sign with it:\n")
    click.echo(f"  homing dkim activate {name} {made.selector}")


def activate_key(folder: Path, domain: str, selector: str, *, now: float) -> None:
    """Sign with a key from now on."""
    active, retired = activate(folder, _domain(domain), selector.lower(), now=now + IN_FORCE_AFTER)
    click.echo(f"{active.domain}: {active.selector} signs, from {_time(active.times.activated_at)} on.")
    for one in retired:
        click.echo(_leave_the_record(one))


def retire_key(folder: Path, domain: str, selector: str, *, now: float) -> None:
    """Sign no new mail with a key."""
    retired, others = retire(folder, _domain(domain), selector.lower(), now=now + IN_FORCE_AFTER)
    click.echo(_leave_the_record(retired))
    if not others:
        click.echo(f"{retired.domain} has no other key: its mail leaves unsigned, unless a domain above it has one.")


def list_keys(folder: Path, *, as_json: bool) -> None:
    """Print all keys with their state and record."""
    found = False
    for domain in _domains(folder):
        keys = read_domain(folder, domain)
        found = True
        if keys.trouble:
            click.echo(
                json.dumps({"domain": domain, "trouble": keys.trouble}) if as_json else f"{domain}\n  {keys.trouble}"
            )
            continue
        if as_json:
            for stored in keys.keys:
                click.echo(json.dumps(_as_fields(stored)))
        else:
            click.echo("\n".join([domain, *(line for stored in keys.keys for line in _as_lines(stored))]))
    if not found and not as_json:
        click.echo("There are no keys, so all mail leaves unsigned. `homing dkim new DOMAIN` makes one.")


def _domains(folder: Path) -> list[str]:
    try:
        return list_domains(folder)
    except OSError as error:
        raise DkimKeyError(f"{folder}: {error.strerror}") from None


def _domain(written: str) -> str:
    domain = ascii_domain(written)
    if not domain:
        raise DkimKeyError(f'"{written}" is no domain')
    return domain


def _pem(algorithm: Algorithm) -> bytes:
    private = Ed25519PrivateKey.generate() if algorithm == "ed25519" else generate_private_key(65537, RSA_BITS)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _free_selector(folder: Path, domain: str, algorithm: Algorithm, now: float) -> str:
    """Name a key for its day: ``h20261123``, ``h20261123-ed``, and a number behind where there is one already."""
    first = f"h{datetime.fromtimestamp(now, UTC):%Y%m%d}" + ("-ed" if algorithm == "ed25519" else "")
    taken = {stored.selector for stored in read_domain(folder, domain).keys}
    return next(name for name in _numbered(first) if name not in taken)


def _numbered(first: str) -> Iterator[str]:
    yield first
    number = 2
    while True:
        yield f"{first}-{number}"
        number += 1


def _leave_the_record(retired: StoredKey) -> str:
    record = _record_name(retired)
    return (
        f"{retired.domain}: {retired.selector} signs no new mail. Leave its record {record} and its file for two weeks "
        "more: mail that is under way was signed with it."
    )


def _as_lines(stored: StoredKey) -> list[str]:
    since = {
        "new": stored.times.made_at,
        "active": stored.times.activated_at,
        "retired": stored.times.retired_at,
    }[stored.state]
    state = f"{stored.state} since {_time(since)}" if since is not None else stored.state
    if stored.key is None:
        return [f"  {stored.selector}: {state}; {stored.trouble}"]
    return [f"  {stored.selector}: {state}; {_kind(stored)}", f"    {_record_name(stored)} {_record(stored)}"]


def _as_fields(stored: StoredKey) -> dict[str, str | int | None]:
    key = stored.key
    return {
        "domain": stored.domain,
        "selector": stored.selector,
        "state": stored.state,
        "algorithm": key.algorithm if key else None,
        "bits": key.bits if key else None,
        "made_at": _time(stored.times.made_at),
        "activated_at": _time(stored.times.activated_at),
        "retired_at": _time(stored.times.retired_at),
        "record_name": _record_name(stored),
        "record": _record(stored) or None,
        "trouble": stored.trouble or None,
    }


def _zone_line(stored: StoredKey) -> str:
    strings = "\n      ".join(f'"{string}"' for string in txt_strings(_record(stored)))
    return f"  {_record_name(stored)}. IN TXT (\n      {strings} )"


def _kind(stored: StoredKey) -> str:
    key = stored.key
    if key is None:
        return stored.trouble
    return "Ed25519" if key.algorithm == "ed25519-sha256" else f"RSA, {key.bits} bits"


def _record_name(stored: StoredKey) -> str:
    return f"{stored.selector}._domainkey.{stored.domain}"


def _record(stored: StoredKey) -> str:
    return stored.key.record if stored.key else ""


def _time(at: float | None) -> str | None:
    return None if at is None else timestamp(at)
