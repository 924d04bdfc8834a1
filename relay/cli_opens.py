"""
Commands about opens and the people behind them: lists of addresses, opting out, giving out and erasing what is kept.

Each command loads what it needs when it is called, so that ``homing --help`` is quick.
"""

import sys
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
@click.option("--sender", default="", metavar="DOMAIN", help="With --link: at the host of this domain's images.")
@click.argument("address")
def opt_out(config_path: Path, undo: bool, as_link: bool, sender: str, address: str) -> None:
    """
    Note no opens of ADDRESS any more.

    Of mails already sent neither. Mail goes on, without a pixel.
    """
    from relay.privacy_commands import change_opt_out, opt_out_link

    if as_link:
        from relay.keys import KeyFileError

        config = read_config(config_path)
        try:
            click.echo(opt_out_link(config.relay.master_key, config.pixel.url_for(sender), address))
        except (KeyFileError, OSError, ValueError) as error:
            raise WrongUse(str(error)) from None
        return
    in_store(config_path, lambda store: change_opt_out(store, address, undo=undo))


@click.command("export")
@CONFIG
@click.argument("address")
def export(config_path: Path, address: str) -> None:
    """Print all that is kept of ADDRESS, as JSON."""
    from relay.privacy_commands import export_address

    in_store(config_path, lambda store: export_address(store, address))


@click.command("erase")
@CONFIG
@click.option("--all", "everything", is_flag=True, help="Also that mail or records to ADDRESS are stopped, and why.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("address")
def erase(config_path: Path, everything: bool, yes: bool, address: str) -> None:
    """
    Erase what is kept of ADDRESS.

    Mails that wait are not sent. Who did it and when is noted, not which address. Exits with 1 while one is on its way.
    """
    import getpass

    from relay.privacy_commands import erase_address

    if not yes:
        click.confirm("It cannot be brought back. Erase it?", abort=True)
    done_by = getpass.getuser()
    done = in_store(config_path, lambda store: erase_address(store, address, everything=everything, done_by=done_by))
    sys.exit(0 if done else 1)


def add_commands(main: click.Group) -> None:
    """Put the commands of this module under ``homing``."""
    main.add_command(lists)
    for command in (opt_out, export, erase):
        main.add_command(command)
