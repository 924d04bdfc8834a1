"""
Commands about embeds.

Each command loads what it needs when it is called, so that ``homing --help`` is quick.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from relay.cli_shared import CONFIG, JSON, WrongUse, read_config


@click.group()
def embed() -> None:
    """Views that another program shows in a page of its own."""


@embed.command("link")
@CONFIG
@JSON
@click.argument("view", type=click.Choice(["customer", "message", "recipients", "invoice", "badge"]))
@click.option("--customer", default="", help="An id of the application's, or an address.")
@click.option("--message", default="", help="An id.")
@click.option("--invoice", default="", help="A number of an invoice.")
@click.option("--recipient", default="", help="An id, for a badge.")
@click.option("--language", default="", help='"en" or "es".')
@click.option("--hours", default=12.0, show_default=True, help="For which the link is good.")
def embed_link(config_path: Path, *, as_json: bool, view: str, hours: float, **about: str) -> None:
    """Make a signed, expiring link to VIEW. Whoever has it sees what it names."""
    import time

    from relay.embed_commands import print_link

    named = {name: value for name, value in about.items() if value}
    seconds, now = round(hours * 3_600), time.time()
    _with_keys(config_path, lambda config: print_link(config, view, named, seconds=seconds, now=now, as_json=as_json))


@embed.command("key")
@CONFIG
def embed_key(config_path: Path) -> None:
    """Show the key that an application makes links with by itself (docs/embedding.md)."""
    from relay.embed_commands import print_key

    _with_keys(config_path, print_key)


def _with_keys(config_path: Path, work: Callable[[Any], None]) -> None:
    from relay.keys import KeyFileError

    try:
        work(read_config(config_path))
    except BrokenPipeError:
        raise
    except (KeyFileError, OSError, ValueError) as error:
        raise WrongUse(str(error)) from None


def add_commands(main: click.Group) -> None:
    """Put the commands into the program."""
    main.add_command(embed)
