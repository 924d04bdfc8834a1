"""What the commands about embeds do: make a link, and show the key that an application makes links with."""

import json

import click

from admin.embeds.link import about_problem, link
from admin.settings import AdminSettings
from relay.config import Config
from relay.keys import embed_keys, read_keys


def base_url(settings: AdminSettings) -> str:
    """Give scheme and host that links begin with."""
    return settings.base_url.rstrip("/") or f"http://{settings.listen[0]}"


def print_link(config: Config, view: str, about: dict[str, str], *, seconds: int, now: float, as_json: bool) -> None:
    """Print a link. ValueError: the view cannot be asked about that, or not for so long; in a plain sentence."""
    if problem := about_problem(view, about):
        raise ValueError(problem)
    if not 0 < seconds <= config.admin.embeds.longest:
        raise ValueError(f"a link is good for 1 to {config.admin.embeds.longest:g} seconds (admin.embeds.longest)")
    key = embed_keys(read_keys(config.relay.master_key))[0]
    named = {**about, "exp": str(int(now) + seconds)}
    url = base_url(config.admin) + link(view, named, key, form=".svg" if view == "badge" else "")
    click.echo(json.dumps({"url": url, "expires_at": int(named["exp"])}) if as_json else url)


def print_key(config: Config) -> None:
    """Print the current key, as hexadecimal."""
    click.echo(embed_keys(read_keys(config.relay.master_key))[0].hex())
