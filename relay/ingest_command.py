"""What ``homing ingest`` does: takes in reports that came another way, and says of each what it did, as JSON lines."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from bounce.consequence import Consequence
from bounce.ingest import FOREVER, Ingest
from bounce.verp import ReturnPaths
from relay.config import Config
from relay.keys import KeyFileError, read_keys, return_path_seal
from relay.mailbox import mails
from store.open import Store


async def ingest(
    store: Store, config: Config, paths: Sequence[Path], *, dry_run: bool, clock: Callable[[], float]
) -> bool:
    """
    Take in the mails of files, mbox files and Maildirs.

    Returns:
        False where a file could not be read; the others are taken in all the same.

    Raises:
        ValueError: The master key cannot be read: no return path could be known.
    """
    try:
        seal = return_path_seal(read_keys(config.relay.master_key))
    except (KeyFileError, OSError) as error:
        raise ValueError(str(error)) from error
    engine = Ingest(
        return_paths=ReturnPaths(seal, config.bounce_domain, FOREVER, aligned=config.bounce.aligned_domains),
        recipients=store.find,
        consequence=Consequence(store.queue, store.reports, raw_copy=config.bounce.raw_copy),
        clock=clock,
        dry_run=dry_run,
    )
    all_read = True
    for path in paths:
        try:
            for file, number, raw in mails(path):
                done = await engine.take(raw)
                click.echo(json.dumps({"file": str(file), "mail": number, **done}, ensure_ascii=False))
        except OSError as error:
            all_read = False
            click.echo(json.dumps({"file": str(path), "error": error.strerror or str(error)}, ensure_ascii=False))
    return all_read
