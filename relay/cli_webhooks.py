"""
Commands about webhooks.

Each command loads what it needs when it is called, so that ``homing --help`` is quick.
"""

import sys
from pathlib import Path

import click

from relay.cli_shared import CONFIG, JSON, in_store, read_config
from relay.shell import who as at_shell

_ID = click.argument("webhook_id", metavar="ID", type=int)


@click.group()
def webhook() -> None:
    """Applications that are told of events over HTTP."""


@webhook.command("add")
@CONFIG
@JSON
@click.argument("url")
@click.option("--event", "kinds", multiple=True, help="Tell of these events. Repeatable; all when not given.")
@click.option("--tag", "tags", multiple=True, help="Only of mails with this tag. Repeatable.")
@click.option("--customer", "customers", multiple=True, help="Only of mails of this customer. Repeatable.")
@click.option(
    "--shape",
    type=click.Choice(["homing", "postmark", "mailgun", "sendgrid"]),
    default="homing",
    show_default=True,
    help="What the body looks like.",
)
@click.option("--batch", default=1, show_default=True, help="Events of one call, at most.")
@click.option("--batch-wait", default=5.0, show_default=True, help="Seconds that a batch waits to become full.")
@click.option("--description", default="", help="What it is for, in your words.")
def webhook_add(
    config_path: Path,
    *,
    as_json: bool,
    url: str,
    kinds: tuple[str, ...],
    tags: tuple[str, ...],
    customers: tuple[str, ...],
    shape: str,
    batch: int,
    batch_wait: float,
    description: str,
) -> None:
    """Tell URL of what happens from now on; prints the secret that calls are signed with."""
    from relay.webhook_commands import add_webhook
    from store.webhook_nouns import Shape, Webhook

    config = read_config(config_path)
    new = Webhook(
        id=0,
        url=url,
        description=description,
        kinds=kinds,
        tags=tags,
        customers=customers,
        shape=Shape(shape),
        batch_size=batch,
        batch_seconds=batch_wait if batch > 1 else 0.0,
    )
    in_store(config_path, lambda store: add_webhook(store, config, new, who=at_shell(), as_json=as_json))


@webhook.command("list")
@CONFIG
@JSON
def webhook_list(config_path: Path, as_json: bool) -> None:
    """List the endpoints, and whether they are on."""
    from relay.webhook_commands import list_webhooks

    in_store(config_path, lambda store: list_webhooks(store, as_json=as_json))


@webhook.command("remove")
@CONFIG
@_ID
def webhook_remove(config_path: Path, webhook_id: int) -> None:
    """Take an endpoint away. Exits with 1 when there is none."""
    from relay.webhook_commands import remove_webhook

    sys.exit(0 if in_store(config_path, lambda store: remove_webhook(store, webhook_id, who=at_shell())) else 1)


@webhook.command("on")
@CONFIG
@_ID
def webhook_on(config_path: Path, webhook_id: int) -> None:
    """Switch an endpoint on; it is told what it missed, as far as that is kept. Exits with 1 when there is none."""
    _switch(config_path, webhook_id, on=True)


@webhook.command("off")
@CONFIG
@_ID
def webhook_off(config_path: Path, webhook_id: int) -> None:
    """Switch an endpoint off, until it is switched on. Exits with 1 when there is none."""
    _switch(config_path, webhook_id, on=False)


@webhook.command("calls")
@CONFIG
@JSON
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1_000), help="The newest, so many.")
@_ID
def webhook_calls(config_path: Path, as_json: bool, limit: int, webhook_id: int) -> None:
    """Show what was told to an endpoint, and what it answered. Exits with 1 when there is none."""
    from relay.webhook_commands import show_calls

    found = in_store(config_path, lambda store: show_calls(store, webhook_id, limit=limit, as_json=as_json))
    sys.exit(0 if found else 1)


@webhook.command("resend")
@CONFIG
@click.option("--call", "call_id", type=int, help="This one, which ended.")
@click.option(
    "--hours", default=24.0, show_default=True, help="Those that failed within so many, when no call is named."
)
@_ID
def webhook_resend(config_path: Path, call_id: int | None, hours: float, webhook_id: int) -> None:
    """Make calls once more. Exits with 1 when there is no such endpoint."""
    import time

    from relay.webhook_commands import resend_calls

    now = time.time()
    since = now - hours * 3_600
    found = in_store(config_path, lambda store: resend_calls(store, webhook_id, call_id=call_id, since=since, now=now))
    sys.exit(0 if found else 1)


@webhook.command("rotate")
@CONFIG
@JSON
@_ID
def webhook_rotate(config_path: Path, as_json: bool, webhook_id: int) -> None:
    """Make a new secret; for a day the one before signs as well. Exits with 1 when there is no such endpoint."""
    from relay.webhook_commands import rotate_webhook

    done = in_store(config_path, lambda store: rotate_webhook(store, webhook_id, who=at_shell(), as_json=as_json))
    sys.exit(0 if done else 1)


@webhook.command("test")
@CONFIG
@_ID
def webhook_test(config_path: Path, webhook_id: int) -> None:
    """Make one call, of an event that never was, and show the answer. Exits with 1 when it is not 2xx."""
    import random
    import time

    from relay.webhook_commands import test_webhook

    config = read_config(config_path)
    well = in_store(
        config_path, lambda store: test_webhook(store, config, webhook_id, clock=time.time, draw=random.random)
    )
    sys.exit(0 if well else 1)


def _switch(config_path: Path, webhook_id: int, *, on: bool) -> None:
    import time

    from relay.webhook_commands import switch_webhook

    now = time.time()
    done = in_store(config_path, lambda store: switch_webhook(store, webhook_id, on=on, who=at_shell(), now=now))
    sys.exit(0 if done else 1)


def add_commands(main: click.Group) -> None:
    """Put the commands into the program."""
    main.add_command(webhook)
