"""
Commands about what waits: who is in the queue, and to try, hold, release or cancel it.

Each command loads what it needs when it is called, so that ``homing --help`` is quick.
"""

import sys
from pathlib import Path
from typing import Any

import click

from relay.cli_shared import CONFIG, JSON, in_store

_WHAT = "WHAT is a recipient or message id, an address, or a domain."


@click.group(invoke_without_command=True)
@CONFIG
@JSON
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="The longest queues, so many.")
@click.pass_context
def queue(context: click.Context, config_path: Path, as_json: bool, limit: int) -> None:
    """
    Show what waits to be delivered.

    By destination: how many, the oldest, the next attempt, what was said last.
    """
    if context.invoked_subcommand is not None:
        return
    import time

    from relay.queue_commands import show_destinations

    now = time.time()
    in_store(config_path, lambda store: show_destinations(store, limit=limit, as_json=as_json, now=now))


@queue.command("list")
@CONFIG
@JSON
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="At most so many.")
@click.option("--state", type=click.Choice(["due", "claimed", "held"]), help="Only these.")
@click.argument("what", required=False, default="")
def queue_list(config_path: Path, as_json: bool, limit: int, state: str | None, what: str) -> None:
    """
    List recipients that wait.

    WHAT is a recipient or message id, an address, or a domain; all when it is not given.
    """
    from relay.queue_commands import list_waiting, which
    from store.nouns import State
    from store.waiting import Which

    wanted = State(state) if state else None

    async def listed(store: Any) -> None:
        chosen = await which(store, what, state=wanted) if what else Which(state=wanted)
        await list_waiting(store, chosen, limit=limit, as_json=as_json)

    in_store(config_path, listed)


def _word_command(name: str, sentence: str) -> click.Command:
    """Make one of the commands that say a word about what waits."""

    @click.command(name, help=f"{sentence}\n\n{_WHAT} Exits with 1 when nothing fits.")
    @CONFIG
    @click.option("--note", default="", help="Why, in your words: it stands in the event of each.")
    @click.option("--yes", is_flag=True, help="Do not ask, however many they are.")
    @click.argument("what")
    def command(config_path: Path, note: str, yes: bool, what: str) -> None:
        from relay.queue_commands import say
        from store.settle import Word

        def agreed(number: int) -> bool:
            return yes or not sys.stdin.isatty() or click.confirm(f"{number} recipients fit. Go on?", err=True)

        sys.exit(0 if in_store(config_path, lambda store: say(store, Word(name), what, note, agreed=agreed)) else 1)

    return command


_WORDS = (
    _word_command("retry", "Try what waits for its next attempt now, before all others."),
    _word_command("hold", "Keep back what waits, until it is released."),
    _word_command("release", "Send what is held."),
    _word_command("cancel", "Give up what waits: not delivered."),
)


def add_commands(main: click.Group) -> None:
    """Put the commands of this module under ``homing``."""
    for command in (queue, *_WORDS):
        main.add_command(command)
