"""
Which recipients are due: those that wait longest first, but for some domains.

The domains that are left out may have a million recipients due, all before the others. So only so many are looked at
in the order of their time; where all of those are left out, the search goes from domain to domain.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, Text, bindparam, func, not_, select
from sqlalchemy.sql import ColumnElement

from store.schema import message, recipient
from store.sql import DUE, among

HEAD = 2_000  # of the earliest due that are looked at one by one
DOMAINS = 50  # that one search from domain to domain serves

_COLUMNS = (
    recipient.c.id,
    recipient.c.message_id,
    recipient.c.forward_path,
    recipient.c.domain,
    recipient.c.tracking,
    recipient.c.attempts,
    recipient.c.next_attempt_at,
    recipient.c.in_doubt,
    recipient.c.notify,
    recipient.c.original_recipient,
    recipient.c.crashes,
    message.c.reverse_path,
    message.c.no_pixel_why,
    message.c.prepended,
    message.c.content_segment,
    message.c.content_offset,
    message.c.content_length,
    message.c.smtputf8,
    message.c.accepted_at,
    message.c.expires_at,
    message.c.size,
    message.c.eight_bit,
    message.c.header_from,
    message.c.envelope_id,
    message.c.ret,
)
# All that a job needs.
JOBS = select(*_COLUMNS).join_from(recipient, message, message.c.id == recipient.c.message_id)
_IS_DUE: tuple[ColumnElement[bool], ...] = (recipient.c.state == DUE, recipient.c.next_attempt_at <= bindparam("now"))


def _earliest(*conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        JOBS.where(*_IS_DUE, recipient.c.crashes < bindparam("crashes"), *conditions)
        .order_by(recipient.c.next_attempt_at)
        .limit(bindparam("limit"))
        .with_for_update(of=recipient, skip_locked=True)
    )


# Served by recipient_due.
_DUE = _earliest()
_HEAD = (
    select(recipient.c.id, recipient.c.domain)
    .where(*_IS_DUE)
    .order_by(recipient.c.next_attempt_at)
    .limit(bindparam("head"))
    .subquery()
)
_DUE_IN_HEAD = _earliest(recipient.c.id.in_(select(_HEAD.c.id).where(not_(among(_HEAD.c.domain, "excluded", Text)))))
# Served by recipient_due_domain, as is each step from one domain to the next.
_DUE_OF_DOMAIN = _earliest(recipient.c.domain == bindparam("domain"))


def _domains() -> Select[Any]:
    """Give the domains for which something is due, those first that wait longest."""
    lowest = select(func.min(recipient.c.domain).label("domain")).where(recipient.c.state == DUE)
    walk = lowest.cte("walk", recursive=True)
    following = select(func.min(recipient.c.domain)).where(recipient.c.state == DUE, recipient.c.domain > walk.c.domain)
    walk = walk.union_all(select(following.scalar_subquery()).where(walk.c.domain.is_not(None)))
    first = select(func.min(recipient.c.next_attempt_at)).where(
        recipient.c.state == DUE, recipient.c.domain == walk.c.domain
    )
    found = (
        select(walk.c.domain, first.scalar_subquery().label("first_at"))
        .where(walk.c.domain.is_not(None), not_(among(walk.c.domain, "excluded", Text)))
        .subquery()
    )
    return (
        select(found.c.domain)
        .where(found.c.first_at <= bindparam("now"))
        .order_by(found.c.first_at)
        .limit(bindparam("limit"))
    )


_DOMAINS = _domains()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Up to ``limit`` that are due at ``now``, that fewer than ``crashes`` processes died with, of other domains."""

    limit: int
    excluded: Collection[str]
    now: float
    crashes: int


def find(connection: Connection, wanted: Wanted) -> list[Any]:
    """
    Find and lock what is wanted, as rows of JOBS, the longest due first.

    Where it goes from domain to domain each gets an equal share of the limit.
    """
    given = {"now": wanted.now, "crashes": wanted.crashes, "limit": wanted.limit}
    if not wanted.excluded:
        return list(connection.execute(_DUE, given))
    rows = list(connection.execute(_DUE_IN_HEAD, {**given, "excluded": wanted.excluded, "head": HEAD}))
    if rows:
        return rows
    limit = min(DOMAINS, wanted.limit)
    domains = list(
        connection.execute(_DOMAINS, {"now": wanted.now, "excluded": wanted.excluded, "limit": limit}).scalars()
    )
    for domain in domains:
        of_domain = {**given, "limit": max(1, wanted.limit // len(domains)), "domain": domain}
        rows += connection.execute(_DUE_OF_DOMAIN, of_domain)
    return rows
