"""
Commands about opens and the people behind them: lists of addresses, opting out, giving out and erasing what is kept.

Each command loads what it needs when it is called, so that ``homing --help`` is quick.
"""

from pathlib import Path

import click

from relay.cli_shared import CONFIG, JSON, WrongUse, in_store, read_config


@click.group()
def lists() -> None:
    """Published lists of addresses that tell prefetches from people."""


@lists.command("update")
@CONFIG
def lists_update(config_path: Path) -> None:
    """Fetch the lists from their owners; a relay that runs takes them up."""
    import asyncio
    import time

    from pixel.list_files import ListTrouble
    from relay.list_commands import update_lists

    settings = read_config(config_path).pixel.lists
    try:
        asyncio.run(update_lists(settings, clock=time.time))
    except ListTrouble as error:
        raise WrongUse(str(error)) from None


@lists.command("show")
@CONFIG
@JSON
def lists_show(config_path: Path, as_json: bool) -> None:
    """Tell which lists there are, and how fresh."""
    from relay.list_commands import show_lists

    show_lists(read_config(config_path).pixel.lists, as_json=as_json)


@click.command("opt-out")
@CONFIG
@click.option("--undo", is_flag=True, help="Note opens of ADDRESS again.")
@click.option("--link", "as_link", is_flag=True, help="Only print the link by which the recipient can do it.")
@click.argument("address")
def opt_out(config_path: Path, undo: bool, as_link: bool, address: str) -> None:
    """
    Note no opens of ADDRESS any more.

    Of mails already sent neither. Mail goes on, without a pixel.
    """
    from relay.privacy_commands import change_opt_out, opt_out_link

    if as_link:
        from relay.keys import KeyFileError

        config = read_config(config_path)
        try:
            click.echo(opt_out_link(config.relay.master_key, config.pixel.base_url, address))
        except (KeyFileError, OSError, ValueError) as error:
            raise WrongUse(str(error)) from None
        return
    in_store(config_path, lambda store: change_opt_out(store, address, undo=undo))


def add_commands(main: click.Group) -> None:
    """Put the commands of this module under ``homing``."""
    main.add_command(lists)
    main.add_command(opt_out)
