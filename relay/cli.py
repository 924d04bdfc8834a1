"""
The command ``homing``.

Each command loads what it needs when it is called, so that ``homing --help`` is quick. What a command does stands in
a module of its own; here are only its words.
"""

import gc
import mimetypes
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from relay import cli_embeds, cli_people, cli_queue, cli_reports, cli_tokens, cli_webhooks
from relay.cli_opens import add_commands
from relay.cli_shared import CONFIG, JSON, WrongUse, in_store, read_config

EXAMPLE_TOKEN = "A" * 22  # stands for a recipient's in what `rewrite` writes
LANGUAGE = click.option(
    "--language", type=click.Choice(["en", "es"]), default="en", show_default=True, help="Of the sentences."
)
FILES = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="homing", message="%(package)s %(version)s")
def main() -> None:
    """Homing: a self-hosted SMTP relay that knows what became of every mail."""


@main.command()
@CONFIG
def serve(config_path: Path) -> None:
    """Run the relay."""
    # What is loaded now stays, and looking for cycles in it again and again takes a tenth of the start. The relay has
    # it collected once when all is up, and again from then on.
    gc.disable()
    mimetypes.knownfiles.clear()  # aiohttp would read them: a tenth as long again, for files that are never served
    from relay.config import ConfigError
    from relay.preflight import load
    from relay.serve import CannotStart, run

    try:
        well = run(load(config_path), config_path)
    except (ConfigError, CannotStart) as error:
        raise WrongUse(str(error)) from None
    sys.exit(0 if well else 1)


@main.command()
@click.option("--mails", default=200, show_default=True, help="How many mails to send.")
@click.option("--stay", is_flag=True, help="Keep running at the end, to look at the pages; Ctrl-C ends it.")
def demo(mails: int, stay: bool) -> None:
    """
    Act a whole world out on this machine.

    Shows every status within a minute, without DNS or port 25.
    """
    from relay.demo import run

    sys.exit(run(mails=mails, stay=stay))


@main.command()
@CONFIG
@JSON
@click.option("--from-start", is_flag=True, help="Begin with the oldest event instead of the last ten.")
@click.option("--after", type=int, help="Begin behind this position.")
@click.option("--no-follow", is_flag=True, help="Stop at the newest event.")
def tail(config_path: Path, as_json: bool, from_start: bool, after: int | None, no_follow: bool) -> None:
    """Follow what happens, like tail -f."""
    from relay.commands import follow

    begin = 0 if from_start else after
    in_store(config_path, lambda store: follow(store, as_json=as_json, after=begin, stop_at_end=no_follow))


@main.command()
@CONFIG
@JSON
@LANGUAGE
@click.option("--transcript", is_flag=True, help="Show what was said in each attempt to deliver, too.")
@click.argument("what")
def status(config_path: Path, as_json: bool, language: str, transcript: bool, what: str) -> None:
    """
    Tell what became of a mail.

    WHAT is an address, a message or recipient id, an invoice, a customer, or a Message-ID.
    Exits with 1 when nothing is known of it.
    """
    from relay.status import show_status

    found = in_store(
        config_path,
        lambda store: show_status(store, what, as_json=as_json, language=language, transcripts=transcript),
    )
    sys.exit(0 if found else 1)


@main.group()
def suppress() -> None:
    """Addresses that mail is no longer sent to."""


@suppress.command("list")
@CONFIG
@JSON
def suppress_list(config_path: Path, as_json: bool) -> None:
    """List them, with the reason and the mail that caused each."""
    from relay.commands import list_suppressions

    in_store(config_path, lambda store: list_suppressions(store, as_json=as_json))


@suppress.command("add")
@CONFIG
@click.argument("address")
@click.option("--note", default="", help="Why, in your words.")
def suppress_add(config_path: Path, address: str, note: str) -> None:
    """Stop sending to ADDRESS."""
    from relay.commands import add_suppression

    in_store(config_path, lambda store: add_suppression(store, address, note))


@suppress.command("lift")
@CONFIG
@click.argument("address")
def suppress_lift(config_path: Path, address: str) -> None:
    """Send to ADDRESS again. Exits with 1 when it was not suppressed."""
    from relay.commands import lift_suppression

    sys.exit(0 if in_store(config_path, lambda store: lift_suppression(store, address)) else 1)


@main.group()
def user() -> None:
    """Credentials that applications log in with."""


@user.command("add")
@CONFIG
@JSON
@click.argument("name")
@click.option("--from-domain", "from_domains", multiple=True, help="Allow only senders of this domain. Repeatable.")
@click.option("--network", "networks", multiple=True, help="Allow only clients of this network. Repeatable.")
@click.option("--rate", default=0, show_default="any number", help="Messages per hour; more are put off.")
@click.option("--network-login", is_flag=True, help="Clients of these networks need no password.")
def user_add(
    config_path: Path,
    *,
    as_json: bool,
    name: str,
    from_domains: tuple[str, ...],
    networks: tuple[str, ...],
    rate: int,
    network_login: bool,
) -> None:
    """Make a credential called NAME; its password is shown this once."""
    from relay.commands import add_user

    in_store(
        config_path,
        lambda store: add_user(
            store, name, from_domains, networks, rate=rate, network_login=network_login, as_json=as_json
        ),
    )


@user.command("list")
@CONFIG
@JSON
def user_list(config_path: Path, as_json: bool) -> None:
    """List the credentials."""
    from relay.commands import list_users

    in_store(config_path, lambda store: list_users(store, as_json=as_json))


@user.command("revoke")
@CONFIG
@click.argument("name")
def user_revoke(config_path: Path, name: str) -> None:
    """End the credential called NAME. Exits with 1 when there is none."""
    from relay.commands import revoke_user

    sys.exit(0 if in_store(config_path, lambda store: revoke_user(store, name)) else 1)


@main.group()
def dkim() -> None:
    """Keys that sign what leaves, by the domain of the sender."""


@dkim.command("new")
@CONFIG
@click.argument("domain")
@click.option("--selector", default="", help="The key's name in DNS; one with the date in it when not given.")
@click.option("--algorithm", type=click.Choice(["rsa", "ed25519"]), default="rsa", show_default=True)
def dkim_new(config_path: Path, domain: str, selector: str, algorithm: Any) -> None:
    """
    Make a key for DOMAIN.

    Prints the DNS record to publish; the key signs from `activate` on. Ed25519 is for use beside RSA: not all know it.
    """
    from relay.dkim_commands import new_key

    _with_keys(
        config_path, lambda folder, now: new_key(folder, domain, selector=selector, algorithm=algorithm, now=now)
    )


@dkim.command("activate")
@CONFIG
@click.argument("domain")
@click.argument("selector")
def dkim_activate(config_path: Path, domain: str, selector: str) -> None:
    """
    Sign mail of DOMAIN with this key.

    From now on, in place of the one of the same algorithm. A relay that runs sees it within seconds.
    """
    from relay.dkim_commands import activate_key

    _with_keys(config_path, lambda folder, now: activate_key(folder, domain, selector, now=now))


@dkim.command("retire")
@CONFIG
@click.argument("domain")
@click.argument("selector")
def dkim_retire(config_path: Path, domain: str, selector: str) -> None:
    """Sign no new mail of DOMAIN with this key."""
    from relay.dkim_commands import retire_key

    _with_keys(config_path, lambda folder, now: retire_key(folder, domain, selector, now=now))


@dkim.command("list")
@CONFIG
@JSON
def dkim_list(config_path: Path, as_json: bool) -> None:
    """List the keys, with their state and DNS record."""
    from relay.dkim_commands import list_keys

    _with_keys(config_path, lambda folder, _: list_keys(folder, as_json=as_json))


@main.command()
@click.argument("reply", nargs=-1)
@JSON
def explain(reply: tuple[str, ...], as_json: bool) -> None:
    """
    Say what an SMTP reply means.

    For example: homing explain "550 5.1.10 RecipientNotFound". Without REPLY, reads one a line from standard input.
    """
    from relay.explain import explain_as_json, explain_as_text

    lines = [" ".join(reply)] if reply else _lines(sys.stdin.buffer)
    for line in (explain_as_json if as_json else explain_as_text)(lines):
        click.echo(line)


@main.command()
@FILES
@JSON
def inspect(files: tuple[Path, ...], as_json: bool) -> None:
    """
    Say what bounce mails report.

    For each of FILES: what it is, about whom, why, and by which rule.
    """
    from relay.explain import inspect_as_json, inspect_as_text

    for line in (inspect_as_json if as_json else inspect_as_text)(files):
        click.echo(line)


@main.command()
@FILES
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path, file_okay=False), help="Write here.")
def rewrite(files: tuple[Path, ...], folder: Path) -> None:
    """
    Write what would leave of mails.

    For each of FILES: the copy for a recipient, and one JSON object a line: pixel or not, where, and why not.
    """
    import json

    from pixel.element import element
    from pixel.settings import PixelSettings
    from relay.message.rewrite_files import rewrite_files

    image = element(PixelSettings().base_url, EXAMPLE_TOKEN)
    try:
        for result in rewrite_files([str(file) for file in files], folder, element=image):
            click.echo(json.dumps(result))
    except OSError as error:
        raise WrongUse(f"{folder}: {error.strerror}") from None


@main.command("send-test")
@CONFIG
@click.option("--user", "name", default="", help="User of a credential.")
@click.option("--password", default="", help="Its password.")
@click.option("--from", "sender", default="office@club.test", show_default=True)
@click.argument("recipient")
def send_test(config_path: Path, name: str, password: str, sender: str, recipient: str) -> None:
    """
    Send one small invoice mail.

    It goes to RECIPIENT through the relay that runs with this configuration.
    """
    import smtplib

    from relay.preflight import host_and_port
    from relay.send_test import send

    host, port = host_and_port(read_config(config_path).relay.submission.listen[0])
    try:
        click.echo(send(host, port, user=name, password=password, sender=sender, recipient=recipient))
    except (OSError, smtplib.SMTPException) as error:
        raise WrongUse(f"{host}:{port}: {error}") from None


def _with_keys(config_path: Path, work: Callable[[Path, float], None]) -> None:
    """Do something with the DKIM keys of a configuration."""
    import time

    from relay.dkim_keys import DkimKeyError

    try:
        work(read_config(config_path).relay.dkim.keys, time.time())
    except BrokenPipeError:
        raise
    except (DkimKeyError, OSError) as error:
        raise WrongUse(str(error)) from None


def _lines(stream: Any) -> Any:
    """Read lines as text, whatever their octets."""
    for line in stream:
        yield line.decode("utf-8", "replace").rstrip("\r\n")


add_commands(main)
cli_people.add_commands(main)
cli_queue.add_commands(main)
cli_reports.add_commands(main)
cli_tokens.add_commands(main)
cli_webhooks.add_commands(main)
cli_embeds.add_commands(main)
