"""What other mails to an address came to: read for the decision about the next one."""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, case, func, or_, select

from store.changes import AddressHistory
from store.nouns import Reason
from store.schema import recipient
from store.sql import among

_this = recipient.alias("this")
_other = recipient.alias("other")
_DELIVERED = and_(_other.c.delivered_at.is_not(None), _other.c.bounced_at.is_(None))  # and not come back later
_FULL = and_(_other.c.bounced_at.is_not(None), _other.c.reason == Reason.MAILBOX_FULL.value)

# One row for each recipient asked about. Served by recipient_address.
_SUMMARY = (
    select(
        _this.c.id,
        func.max(case((_DELIVERED, _other.c.delivered_at))).label("delivered_at"),
        func.max(_other.c.opened_at).label("opened_at"),
        # What ends a run of full mailboxes: a delivery, an open, or a failure for another reason.
        func.max(
            case(
                (_DELIVERED, _other.c.delivered_at),
                (
                    and_(_other.c.bounced_at.is_not(None), _other.c.reason != Reason.MAILBOX_FULL.value),
                    _other.c.bounced_at,
                ),
            )
        ).label("run_ended_at"),
        func.sum(case((_FULL, 1), else_=0)).label("fulls"),
    )
    .join(_other, and_(_other.c.address_key == _this.c.address_key, _other.c.id != _this.c.id))
    .where(
        among(_this.c.id, "ids"),
        or_(_other.c.delivered_at.is_not(None), _other.c.bounced_at.is_not(None), _other.c.opened_at.is_not(None)),
    )
    .group_by(_this.c.id)
)
_FULLS = (
    select(_this.c.id, _other.c.bounced_at)
    .join(_other, and_(_other.c.address_key == _this.c.address_key, _other.c.id != _this.c.id))
    .where(among(_this.c.id, "ids"), _FULL)
)


def histories(connection: Connection, recipient_ids: Sequence[int]) -> dict[int, AddressHistory]:
    """Give the history of each recipient's address, without the recipient itself. What is missing has none."""
    rows = {row.id: row for row in connection.execute(_SUMMARY, {"ids": recipient_ids})}
    runs: dict[int, list[float]] = {}
    if full := [id_ for id_, row in rows.items() if row.fulls]:
        for row in connection.execute(_FULLS, {"ids": full}):
            ended = rows[row.id].run_ended_at
            if ended is None or row.bounced_at > ended:
                runs.setdefault(row.id, []).append(row.bounced_at)
    return {
        id_: AddressHistory(
            delivered_before=row.delivered_at is not None,
            opened_before=row.opened_at is not None,
            full_since=min(runs[id_]) if id_ in runs else None,
            full_mails=len(runs.get(id_, ())),
            last_delivered_at=row.delivered_at,
        )
        for id_, row in rows.items()
    }
