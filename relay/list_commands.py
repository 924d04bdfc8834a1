"""What ``homing lists`` does: bring the published lists of addresses up to date, and tell what there is."""

import json
from collections.abc import Callable
from typing import Any

import click

from pixel.list_files import ListFolder, update
from pixel.lists import ListDamaged
from pixel.settings import ListSettings
from store.event_fields import timestamp


async def update_lists(settings: ListSettings, *, clock: Callable[[], float]) -> None:
    """Fetch each list, and say what came. Raises ListTrouble in one plain sentence."""
    for name, url in settings.sources.items():
        updated = await update(ListFolder(settings.folder), name, url, clock=clock)
        what = "new" if updated.changed else "as before"
        click.echo(f"{name}: {updated.about.prefixes} networks, {what}.")


def show_lists(settings: ListSettings, *, as_json: bool) -> None:
    """Tell of each list whether it is there, how large it is and where it comes from."""
    for name, url in settings.sources.items():
        fields = _fields(ListFolder(settings.folder), name, url)
        if as_json:
            click.echo(json.dumps(fields))
        elif fields["why"]:
            click.echo(f"{name}: {fields['why']}. Verdicts say so: apple-prefetch-list-missing.")
        else:
            click.echo(
                f"{name}: {fields['networks']} networks, fetched {fields['loaded_at']}, up to date "
                f"{fields['checked_at']}, {fields['octets']} octets in {fields['file']}"
            )


def _fields(folder: ListFolder, name: str, url: str) -> dict[str, Any]:
    path = folder.path(name)
    fields: dict[str, Any] = {"name": name, "file": str(path), "source": url, "networks": 0, "loaded_at": None}
    fields |= {"checked_at": None, "octets": 0, "etag": None, "why": None}
    try:
        found = folder.load(name)
    except ListDamaged as error:
        return fields | {"why": f"{path} cannot be used: {error}"}
    if found is None:
        return fields | {"why": "not loaded; `homing lists update` fetches it"}
    return fields | {
        "source": found.about.source,
        "networks": found.about.prefixes,
        "loaded_at": timestamp(found.about.loaded_at),
        "checked_at": timestamp(folder.changed_at(name) or found.about.loaded_at),
        "octets": path.stat().st_size,
        "etag": found.about.etag or None,
    }
