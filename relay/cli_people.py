"""
Commands about people who may see the pages.

Each command loads what it needs when it is called, so that ``homing --help`` is quick.
"""

import secrets
import sys
from pathlib import Path

import click

from relay.cli_shared import CONFIG, JSON, in_store
from relay.shell import who as at_shell

_ROLE = click.Choice(["viewer", "operator", "admin"])


@click.group()
def person() -> None:
    """People who may see the pages."""


@person.command("add")
@CONFIG
@JSON
@click.argument("name")
@click.option("--role", type=_ROLE, default="viewer", show_default=True, help="What they may do.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else one is made.")
def person_add(config_path: Path, as_json: bool, name: str, role: str, password_stdin: bool) -> None:
    """Let NAME in."""
    from relay.people_commands import add_person
    from store.nouns import Role

    given = _password(from_stdin=password_stdin)
    who = at_shell()
    in_store(
        config_path,
        lambda store: add_person(store, name, Role(role), given, made=not password_stdin, who=who, as_json=as_json),
    )


@person.command("list")
@CONFIG
@JSON
def person_list(config_path: Path, as_json: bool) -> None:
    """List them, with their roles."""
    from relay.people_commands import list_people

    in_store(config_path, lambda store: list_people(store, as_json=as_json))


@person.command("password")
@CONFIG
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else one is made.")
def person_password(config_path: Path, name: str, password_stdin: bool) -> None:
    """Give NAME a new password; all their sessions end. Exits with 1 when there is no such person."""
    from relay.people_commands import set_password

    given = _password(from_stdin=password_stdin)
    who = at_shell()
    done = in_store(config_path, lambda store: set_password(store, name, given, made=not password_stdin, who=who))
    sys.exit(0 if done else 1)


@person.command("role")
@CONFIG
@click.argument("name")
@click.argument("role", type=_ROLE)
def person_role(config_path: Path, name: str, role: str) -> None:
    """Give NAME another role; all their sessions end. Exits with 1 when there is no such person."""
    from relay.people_commands import set_role
    from store.nouns import Role

    who = at_shell()
    sys.exit(0 if in_store(config_path, lambda store: set_role(store, name, Role(role), who=who)) else 1)


@person.command("remove")
@CONFIG
@click.argument("name")
def person_remove(config_path: Path, name: str) -> None:
    """Let NAME in no more. Exits with 1 when there is no such person."""
    from relay.people_commands import remove_person

    who = at_shell()
    sys.exit(0 if in_store(config_path, lambda store: remove_person(store, name, who=who)) else 1)


def _password(*, from_stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else secrets.token_urlsafe(12)


def add_commands(main: click.Group) -> None:
    """Put the commands into ``homing``."""
    main.add_command(person)
