"""
What the commands about webhooks do.

They work on the store beside a running relay, which sees what they changed within seconds. Each prints to standard
output; what cannot be done is raised as a StoreError or ValueError with a plain sentence.
"""

import json
from collections.abc import Callable
from dataclasses import replace

import click

from admin.webhooks.check import check
from admin.webhooks.signature_sendgrid import verification_key
from relay.config import Config
from relay.delivery.resolver import Resolver
from relay.tail import printable
from relay.webhooks import make_sender, url_rules
from store.event_fields import timestamp
from store.open import Store
from store.webhook_nouns import Shape, Webhook


async def add_webhook(store: Store, config: Config, new: Webhook, *, who: str, as_json: bool) -> None:
    """Make an endpoint, and print its secret."""
    check(new, url_rules(config.admin.webhooks))
    noted = await store.audit.prepare("webhook.add", who=who, after={"url": new.url})
    made = await store.webhooks.create(new, noted=noted)
    _print_secret(made, as_json=as_json)


async def list_webhooks(store: Store, *, as_json: bool) -> None:
    """Print all endpoints, without their secrets."""
    waiting = await store.webhook_calls.waiting_of_each()
    for it in await store.webhooks.list():
        count = waiting.get(it.id, (0, 0.0))[0]
        if as_json:
            click.echo(json.dumps(_fields(it) | {"waiting": count}, ensure_ascii=False))
            continue
        state = "on" if it.enabled else f"OFF since {_time(it.off_at)}: {it.off_why}"
        failing = f", fails since {_time(it.failing_since)}" if it.enabled and it.failing_since is not None else ""
        told = ", ".join(it.kinds) or "all events"
        click.echo(f"{it.id}  {printable(it.url)}  {it.shape.value}, {told}  {state}{failing}, {count} calls wait")


async def remove_webhook(store: Store, webhook_id: int, *, who: str) -> bool:
    """Take an endpoint away, with what was and will be told to it."""
    noted = await store.audit.prepare("webhook.remove", str(webhook_id), who=who)
    removed = await store.webhooks.remove(webhook_id, noted=noted)
    click.echo("Removed." if removed else _no_such(webhook_id))
    return removed


async def rotate_webhook(store: Store, webhook_id: int, *, who: str, as_json: bool) -> bool:
    """Give an endpoint a new secret, and print it."""
    noted = await store.audit.prepare("webhook.rotate", str(webhook_id), who=who)
    rotated = await store.webhooks.rotate(webhook_id, noted=noted)
    if rotated is None:
        click.echo(_no_such(webhook_id), err=True)
        return False
    _print_secret(rotated, as_json=as_json)
    if not as_json:
        click.echo(f"Until {_time(rotated.previous_until)} calls are signed with the secret before as well.")
    return True


async def switch_webhook(store: Store, webhook_id: int, *, on: bool, who: str, now: float) -> bool:
    """Switch an endpoint on, which is then told what it missed, or off."""

    def switched(it: Webhook) -> Webhook:
        if it.enabled == on:
            return it
        return replace(it, enabled=True) if on else replace(it, enabled=False, off_at=now, off_why=f"by {who}")

    noted = await store.audit.prepare("webhook.change", str(webhook_id), who=who, after={"enabled": on})
    changed = await store.webhooks.change(webhook_id, switched, noted=noted)
    if changed is None:
        click.echo(_no_such(webhook_id), err=True)
        return False
    click.echo("It is on; what happened meanwhile is told now." if on else "It is off; nothing is told until it is on.")
    return True


async def show_calls(store: Store, webhook_id: int, *, limit: int, as_json: bool) -> bool:
    """Print what was told to an endpoint, the newest first."""
    if await store.webhooks.get(webhook_id) is None:
        click.echo(_no_such(webhook_id), err=True)
        return False
    for it in await store.webhook_calls.history(webhook_id, limit):
        first = timestamp(it.first_event_at)
        if as_json:
            fields = {"id": str(it.id), "name": it.name, "state": it.state.value, "events": it.events, "at": first}
            answer = {"attempts": it.attempts, "status": it.last_status, "error": it.last_error or None}
            click.echo(json.dumps(fields | answer | {"next_attempt_at": _time(it.next_attempt_at)}, ensure_ascii=False))
            continue
        said = it.last_error or (str(it.last_status) if it.last_status else "not tried yet")
        due = f", next {_time(it.next_attempt_at)}" if it.next_attempt_at is not None else ""
        click.echo(f"{it.id}  {first}  {it.name}  {it.state.value}  attempts: {it.attempts}, {printable(said)}{due}")
    return True


async def resend_calls(store: Store, webhook_id: int, *, call_id: int | None, since: float, now: float) -> bool:
    """Make one call once more, or all that failed since a time."""
    if await store.webhooks.get(webhook_id) is None:
        click.echo(_no_such(webhook_id), err=True)
        return False
    if call_id is None:
        count = await store.webhook_calls.resend_since(webhook_id, since, now=now, failed_only=True)
    else:
        count = int(await store.webhook_calls.resend(webhook_id, call_id, now=now))
    click.echo(f"{count} calls are made once more.")
    return True


async def test_webhook(
    store: Store, config: Config, webhook_id: int, *, clock: Callable[[], float], draw: Callable[[], float]
) -> bool:
    """Make one call to an endpoint, of an event that never was, and print how it ended."""
    webhook = await store.webhooks.get(webhook_id)
    if webhook is None:
        click.echo(_no_such(webhook_id), err=True)
        return False
    resolver = Resolver(config.relay.dns, clock=clock)
    sender = make_sender(config.admin.webhooks, resolver, ipv6=config.relay.delivery.ipv6, clock=clock, draw=draw)
    try:
        answer = await sender.test(webhook)
    finally:
        await sender.close()
        await resolver.close()
    if answer.well:
        click.echo(f"It answered {answer.status} within {answer.seconds:.2f} s.")
    else:
        click.echo(f"This did not work: {printable(answer.error)}.")
    if answer.text:
        click.echo(printable(answer.text))
    return answer.well


def _print_secret(webhook: Webhook, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_fields(webhook) | {"secret": webhook.secret}, ensure_ascii=False))
        return
    click.echo(f"Webhook {webhook.id}. Calls are signed with this secret, by the convention of Standard Webhooks:")
    click.echo(webhook.secret)
    if key := _verification_key(webhook):
        click.echo(f"Programs written for SendGrid verify its own signature with this public key:\n{key}")


def _verification_key(it: Webhook) -> str:
    return verification_key(it.secret) if it.shape is Shape.SENDGRID and it.secret else ""


def _fields(it: Webhook) -> dict[str, object]:
    return {
        "id": str(it.id),
        "url": it.url,
        "verification_key": _verification_key(it) or None,
        "description": it.description,
        "kinds": it.kinds,
        "tags": it.tags,
        "customers": it.customers,
        "shape": it.shape.value,
        "batch_size": it.batch_size,
        "batch_seconds": it.batch_seconds,
        "enabled": it.enabled,
        "off_at": _time(it.off_at),
        "off_why": it.off_why or None,
        "failing_since": _time(it.failing_since),
    }


def _time(at: float | None) -> str | None:
    return None if at is None else timestamp(at)


def _no_such(webhook_id: int) -> str:
    return f"There is no webhook {webhook_id}."
