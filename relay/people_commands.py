"""
What ``homing person`` does: who may see the pages. Each change is in the audit, under the name of the shell's user.

Each prints to standard output; what cannot be done is raised as a ValueError with a plain sentence.
"""

import json

import click

from relay.tail import printable
from store.event_fields import timestamp
from store.nouns import Role
from store.open import Store


async def add_person(
    store: Store, name: str, role: Role, password: str, *, made: bool, who: str, as_json: bool
) -> None:
    """
    Let somebody in.

    Args:
        store: Where people are kept.
        name: Of the person.
        role: What they may do.
        password: Theirs.
        made: It was made for them, and is printed this once.
        who: Who does it, for the audit.
        as_json: Print one JSON object.
    """
    noted = await store.audit.prepare("person.add", name, who=who, after={"role": role.value})
    await store.people.create(name, password, role, noted=noted)
    if as_json:
        click.echo(json.dumps({"name": name, "role": role.value, "password": password if made else None}))
        return
    click.echo(f"{printable(name)} can log in as {role.value}.")
    _tell(password, made=made)


async def list_people(store: Store, *, as_json: bool) -> None:
    """Print them, without their passwords."""
    for one in await store.people.list():
        fields = {
            "name": one.name,
            "role": one.role.value,
            "created_at": timestamp(one.created_at),
            "password_since": timestamp(one.changed_at),
        }
        if as_json:
            click.echo(json.dumps(fields, ensure_ascii=False))
        else:
            click.echo(f"{printable(one.name)}: {one.role.value}, password since {fields['password_since']}")


async def set_password(store: Store, name: str, password: str, *, made: bool, who: str) -> bool:
    """Give somebody a new password; False: there is no such person."""
    noted = await store.audit.prepare("person.password", name, who=who)
    if not await store.people.set_password(name, password, noted=noted):
        return _nobody(name)
    click.echo(f"{printable(name)} has a new password; all their sessions have ended.")
    _tell(password, made=made)
    return True


async def set_role(store: Store, name: str, role: Role, *, who: str) -> bool:
    """Give somebody another role; False: there is no such person."""
    before = await store.people.get(name)
    if before is None:
        return _nobody(name)
    was, will_be = {"role": before.role.value}, {"role": role.value}
    noted = await store.audit.prepare("person.role", name, who=who, before=was, after=will_be)
    if not await store.people.set_role(name, role, noted=noted):
        return _nobody(name)
    click.echo(f"{printable(name)} is {role.value} now; all their sessions have ended.")
    return True


async def remove_person(store: Store, name: str, *, who: str) -> bool:
    """Let somebody in no more; False: there is no such person."""
    noted = await store.audit.prepare("person.remove", name, who=who)
    if not await store.people.remove(name, noted=noted):
        return _nobody(name)
    click.echo(f"{printable(name)} can no longer log in.")
    return True


def _tell(password: str, *, made: bool) -> None:
    if made:
        click.echo(f"Password  {password}\nIt is shown this once.")


def _nobody(name: str) -> bool:
    click.echo(f"There is nobody called {printable(name)}.")
    return False
