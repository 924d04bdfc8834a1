"""
What ``homing opt-out``, ``export`` and ``erase`` do for the person behind an address.

What cannot be done is raised as a StoreError, KeyFileError or ValueError with a plain sentence.
"""

import json
from pathlib import Path

import click

from pixel.opt_out import OptOutLinks, link
from relay.keys import opt_out_keys, read_keys
from relay.tail import printable
from store.open import Store


async def change_opt_out(store: Store, address: str, *, undo: bool) -> None:
    """Note opens of an address no more, or again, and say so. ValueError where it is none."""
    _check(address)
    if undo:
        was = await store.opens.opt_in(address)
        said = "is followed again, as far as the tracking mode says" if was else "had not opted out"
        click.echo(f"{printable(address)} {said}.")
        return
    was = await store.opens.opt_out(address)
    said = (
        "had opted out before" if was else "is no longer followed: opens are not noted, of mails already sent neither"
    )
    click.echo(f"{printable(address)} {said}.")


async def export_address(store: Store, address: str) -> None:
    """Print all that is kept of an address, as one JSON object. ValueError where it is none."""
    _check(address)
    click.echo(json.dumps(await store.subjects.export(address), ensure_ascii=False, indent=1))


async def erase_address(store: Store, address: str, *, everything: bool, done_by: str) -> bool:
    """Erase what is kept of an address, and say what is left; False: ask again, a mail is being delivered."""
    _check(address)
    erased = await store.subjects.erase(address, done_by=done_by, everything=everything)
    click.echo(f"Erased: {erased.recipients} mails, {erased.messages} of which went to nobody else.")
    if erased.suppressed:
        click.echo("Kept: that no mail is sent there, and why. With --all that goes, too.")
    if erased.opted_out:
        click.echo("Kept: that opens are not noted. With --all that goes, too.")
    if erased.under_way:
        click.echo(f"{erased.under_way} are being delivered just now: run this again in a few minutes.")
    return not erased.under_way


def opt_out_link(key_file: Path, base_url: str, address: str) -> str:
    """Give the link that an application can put into its mails to an address. ValueError where it is none."""
    _check(address)
    return link(base_url, OptOutLinks(opt_out_keys(read_keys(key_file))).encode(address))


def _check(address: str) -> None:
    if "@" not in address.strip("@"):
        raise ValueError(f"{printable(address)} is no address")
