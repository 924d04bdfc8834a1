"""
What ``homing opt-out`` does: a recipient is no longer followed, and the link by which they can say so.

What cannot be done is raised as a StoreError, KeyFileError or ValueError with a plain sentence.
"""

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


def opt_out_link(key_file: Path, base_url: str, address: str) -> str:
    """Give the link that an application can put into its mails to an address. ValueError where it is none."""
    _check(address)
    return link(base_url, OptOutLinks(opt_out_keys(read_keys(key_file))).encode(address))


def _check(address: str) -> None:
    if "@" not in address.strip("@"):
        raise ValueError(f"{printable(address)} is no address")
