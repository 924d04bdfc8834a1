"""What the pages are handed of the rest of the relay: how a mail is read, sent again, and what is configured."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from admin.outside import Outside
from relay.config import Config
from relay.delivery.resolver import Resolver
from relay.did_you_mean import DidYouMean
from relay.domain_check import DomainCheck
from relay.first_start import smtp_settings
from relay.message.shown import shown
from relay.own_mail import TestMail
from relay.webhooks import url_rules
from store.nouns import Job
from store.open import Store

_SECRET = frozenset({"password", "url", "user"})  # keys whose value no page shows


def outside(
    config: Config,
    store: Store,
    *,
    submission: str,
    wake: Callable[[], None],
    resolver: Resolver,
    send_again: Callable[[Sequence[int]], Awaitable[Sequence[int]]],
    clock: Callable[[], float],
    deliver: Callable[[Sequence[Job], bytes], None],
) -> Outside:
    """
    Put it together.

    Args:
        config: What is running.
        store: What addresses that were probably meant are looked up in.
        submission: Where applications reach it, ``host:port``.
        wake: Has delivery look for what is due.
        resolver: What asks DNS.
        send_again: Sends to these recipients again; gives the ids of the new messages.
        clock: Unix seconds.
        deliver: Given the jobs of mail of our own.
    """
    sandbox, relay = config.relay.sandbox, config.relay
    test_address = f"ann@{sandbox.domain}" if sandbox.enabled else ""
    send_test = TestMail(
        store,
        to=test_address,
        hostname=relay.hostname,
        max_age=relay.delivery.max_age,
        clock=clock,
        deliver=deliver,
    )
    checker = DomainCheck(config, resolver)
    return Outside(
        smtp_settings=smtp_settings(config, submission),
        did_you_mean=DidYouMean(store.domains),
        read_mail=shown,
        wake=wake,
        keeps_contents=config.store.retention.contents,
        url_rules=url_rules(config.admin.webhooks),
        domains=checker.domains,
        check_domain=checker.check,
        send_again=send_again,
        send_test=send_test if test_address else None,
        test_address=test_address,
        settings=list(_settings(config)),
    )


def _settings(model: BaseModel, table: str = "") -> Iterator[tuple[str, str, str]]:
    """Give table, key and value of all that is configured; secrets are told as set or not."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        path = f"{table}.{name}" if table else name
        if isinstance(value, BaseModel):
            yield from _settings(value, path)
        elif isinstance(value, dict) and any(isinstance(each, BaseModel) for each in value.values()):
            for key, each in value.items():
                yield from _settings(each, f"{path}.{key}")
        else:
            yield table, name, _spell(name, value)


def _spell(name: str, value: Any) -> str:
    if name in _SECRET:
        return "(set)" if value else "(not set)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)
