"""
What all commands of ``homing`` share: their options, how the configuration is read, and how the store is opened.

Nothing heavy is imported here until a command is called, so that ``homing --help`` is quick.
"""

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

CONFIG = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("config.toml"),
    envvar="HOMING_CONFIG",
    show_default=True,
    help="The configuration file.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")


class WrongUse(click.ClickException):
    """What a person can mend: said in plain words, exit status 2."""

    exit_code = 2


def read_config(config_path: Path) -> Any:
    """Read the configuration; what is wrong with it ends in sentences."""
    from relay.config import ConfigError, read

    try:
        return read(config_path)
    except ConfigError as error:
        raise WrongUse(str(error)) from None


def in_store(config_path: Path, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    """Do something with the store of a configuration; what a person can mend ends in a sentence, not in a traceback."""
    import asyncio
    import time

    from relay.commands import opened
    from store.errors import StoreError

    config = read_config(config_path)

    async def within() -> Any:
        async with opened(config, time.time) as store:
            return await work(store)

    try:
        return asyncio.run(within())
    except KeyboardInterrupt:
        sys.exit(0)
    except (StoreError, ValueError) as error:
        raise WrongUse(str(error)) from None
