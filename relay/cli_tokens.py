"""
Commands about tokens: what programs prove themselves to the API with.

Each command loads what it needs when it is called, so that ``homing --help`` is quick.
"""

import sys
from pathlib import Path

import click

from relay.cli_shared import CONFIG, JSON, in_store


@click.group()
def token() -> None:
    """Tokens that programs use the API with."""


@token.command("add")
@CONFIG
@JSON
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(["read", "send", "admin"]),
    help="What it may do; admin may everything. Repeatable.",
)
@click.option("--expires", default="", help='After how long it ends: "90d". Never when not given.')
@click.option("--from-domain", "from_domains", multiple=True, help="Allow only senders of this domain. Repeatable.")
@click.option("--rate", default=0, show_default="any number", help="Messages per hour; more are put off.")
def token_add(
    config_path: Path,
    *,
    as_json: bool,
    name: str,
    scopes: tuple[str, ...],
    expires: str,
    from_domains: tuple[str, ...],
    rate: int,
) -> None:
    """Make a token called NAME; it is shown this once."""
    import time

    from relay.token_commands import add_token
    from store.token_nouns import Scope

    in_store(
        config_path,
        lambda store: add_token(
            store,
            name,
            [Scope(scope) for scope in scopes],
            expires=expires,
            from_domains=from_domains,
            rate=rate,
            as_json=as_json,
            now=time.time(),
        ),
    )


@token.command("list")
@CONFIG
@JSON
def token_list(config_path: Path, as_json: bool) -> None:
    """List the tokens, and when each was used last."""
    from relay.token_commands import list_tokens

    in_store(config_path, lambda store: list_tokens(store, as_json=as_json))


@token.command("revoke")
@CONFIG
@click.argument("name")
def token_revoke(config_path: Path, name: str) -> None:
    """End the token called NAME. Exits with 1 when there is none."""
    from relay.token_commands import revoke_token

    sys.exit(0 if in_store(config_path, lambda store: revoke_token(store, name)) else 1)


def add_commands(main: click.Group) -> None:
    """Put the commands of this module under ``homing``."""
    main.add_command(token)
