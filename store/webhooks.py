"""
Webhooks: the endpoints that are told of events, with their secrets.

A secret is 256 random bits that we make. It must sign each call, so it is kept sealed (``secret_box.py``) and not
hashed; no view shows it.
"""

import base64
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from store.audit import Note, submit
from store.engine import Reader
from store.nodes import Nodes
from store.schema import event
from store.secret_box import SecretBox
from store.sql import among
from store.webhook_nouns import Shape, Webhook
from store.webhook_schema import webhook, webhook_attempt, webhook_call
from store.writer import Kind, Transaction, Writer

SECRET_PREFIX = "whsec_"  # noqa: S105  what a secret begins with is none
ROTATION_SECONDS = 86_400.0  # for which the secret before signs as well

_ADD = insert(webhook)
_ALL = select(webhook).order_by(webhook.c.id)
_SECRETS = select(webhook.c.id, webhook.c.secret, webhook.c.previous_secret)
_GET = select(webhook).where(webhook.c.id == bindparam("id"))
_NEWEST = select(func.coalesce(func.max(event.c.position), 0))
_CALLS_OF = select(webhook_call.c.id).where(webhook_call.c.webhook_id == bindparam("id")).limit(bindparam("limit"))
_DELETE_CALLS = (
    delete(webhook_attempt).where(among(webhook_attempt.c.call_id, "ids")),
    delete(webhook_call).where(among(webhook_call.c.id, "ids")),
)
_CHUNK = 500  # calls of one transaction: mail that waits behind it waits for milliseconds
_REMOVE_ITSELF = delete(webhook).where(webhook.c.id == bindparam("b_id"))
_CHANGE = update(webhook).where(webhook.c.id == bindparam("b_id"))
# After it was switched on again, what waited is tried at once and has all its attempts before it.
_AFRESH = (
    update(webhook_call)
    .where(webhook_call.c.webhook_id == bindparam("b_id"), webhook_call.c.state == "due")
    .values(next_attempt_at=bindparam("now"), attempts=0)
)

_Step = Callable[[Transaction], Any]
_STEPS: Kind[_Step, Any] = Kind("change webhooks", lambda transaction, steps: [step(transaction) for step in steps])


class Webhooks:
    """Makes, changes and gives endpoints. What may be a URL is checked by ``admin/webhooks/endpoints.py``."""

    def __init__(
        self, reader: Reader, writer: Writer, nodes: Nodes, clock: Callable[[], float], box: SecretBox
    ) -> None:
        self._box = box
        self._reader = reader
        self._writer = writer
        self._nodes = nodes
        self._clock = clock

    async def create(self, new: Webhook, *, noted: Note | None = None) -> Webhook:
        """
        Make an endpoint that is told of what happens from now on.

        Its id, secret, position and time are given; ``noted`` is about that id.
        """
        await self._nodes.join()
        made = replace(new, id=self._nodes.ids.next(), secret=_new_secret(), created_at=self._clock())

        def step(transaction: Transaction) -> int:
            position: int = transaction.connection.execute(_NEWEST).scalar_one()
            row = self._values(made) | {"id": made.id, "created_at": made.created_at, "position": position}
            transaction.connection.execute(_ADD, row)
            return position

        noted = noted.about(made.id) if noted else None
        return replace(made, position=await submit(self._writer, _STEPS, step, noted))

    async def list(self) -> Sequence[Webhook]:
        """Give all, the oldest first."""
        return await self._reader.run(lambda connection: [self._webhook(row) for row in connection.execute(_ALL)])

    async def get(self, webhook_id: int) -> Webhook | None:
        """Give one; None: there is none."""
        return await self._reader.run(lambda connection: self._get(connection, webhook_id))

    async def change(
        self, webhook_id: int, change: Callable[[Webhook], Webhook], *, noted: Note | None = None
    ) -> Webhook | None:
        """
        Change an endpoint in one transaction.

        Args:
            webhook_id: Which one.
            change: Gives what it shall be; id, position and creation stay. Switched on again, it has no failures.
            noted: Its line in the audit.

        Returns:
            What it is now; None: there is none.
        """
        now = self._clock()

        def step(transaction: Transaction) -> Webhook | None:
            before = self._get(transaction.connection, webhook_id)
            if before is None:
                return None
            after = change(before)
            if after.enabled and not before.enabled:
                after = replace(after, off_at=None, off_why="", failing_since=None)
                transaction.connection.execute(_AFRESH, {"b_id": webhook_id, "now": now})
            values = self._values(after)
            for name in ("secret", "previous_secret"):
                if getattr(after, name) == getattr(before, name):
                    del values[name]  # it stays as it is, also where it cannot be opened here
            transaction.connection.execute(_CHANGE, values | {"b_id": webhook_id})
            return after

        changed: Webhook | None = await submit(self._writer, _STEPS, step, noted, happened=_is_something)
        return changed

    async def rotate(
        self, webhook_id: int, *, keep: float = ROTATION_SECONDS, noted: Note | None = None
    ) -> Webhook | None:
        """Give an endpoint a new secret; the one before signs as well for ``keep`` seconds. None: there is none."""
        until = self._clock() + keep
        secret = _new_secret()
        return await self.change(
            webhook_id,
            lambda it: replace(it, secret=secret, previous_secret=it.secret, previous_until=until),
            noted=noted,
        )

    async def remove(self, webhook_id: int, *, noted: Note | None = None) -> bool:
        """Take an endpoint away, with its calls. False: there is none."""

        def remove(transaction: Transaction) -> bool:
            return transaction.connection.execute(_REMOVE_ITSELF, {"b_id": webhook_id}).rowcount > 0

        def delete_calls(transaction: Transaction) -> int:
            connection = transaction.connection
            ids = list(connection.execute(_CALLS_OF, {"id": webhook_id, "limit": _CHUNK}).scalars())
            for statement in _DELETE_CALLS:
                connection.execute(statement, {"ids": ids})
            return len(ids)

        # First: from here on no call is added.
        removed: bool = await submit(self._writer, _STEPS, remove, noted, happened=bool)
        while await self._writer.submit(_STEPS, delete_calls, weight=_CHUNK) == _CHUNK:
            pass
        return removed

    async def seal_again(self) -> int:
        """Seal what still lies in clear, or under an older key, under the current one. Gives how many rows changed."""

        def sealed(connection: Connection) -> list[tuple[Any, dict[str, Any]]]:
            rows = connection.execute(_SECRETS).all()
            return [(row, now) for row in rows if (now := self._sealed_anew(row)) != _kept(row)]

        def step(transaction: Transaction) -> int:
            changed = sealed(transaction.connection)
            for row, now in changed:
                transaction.connection.execute(_CHANGE, now | {"b_id": row.id})
            return len(changed)

        if not await self._reader.run(sealed):
            return 0
        count: int = await self._writer.submit(_STEPS, step)
        return count

    def _sealed_anew(self, row: Any) -> dict[str, Any]:
        """Give both secrets of a row as they should be kept; what cannot be opened stays as it is."""
        kept = _kept(row)
        return {
            name: self._box.seal(opened, row.id) if (opened := self._box.open(text, row.id)) else text
            for name, text in kept.items()
        }

    def _get(self, connection: Connection, webhook_id: int) -> Webhook | None:
        row = connection.execute(_GET, {"id": webhook_id}).one_or_none()
        return None if row is None else self._webhook(row)

    def _values(self, it: Webhook) -> dict[str, Any]:
        """Give what can be changed, as it is kept."""
        return {
            "url": it.url,
            "description": it.description,
            "kinds": json.dumps(it.kinds),
            "tags": json.dumps(it.tags),
            "customers": json.dumps(it.customers),
            "shape": it.shape.value,
            "batch_size": it.batch_size,
            "batch_seconds": it.batch_seconds,
            "secret": self._box.seal(it.secret, it.id),
            "previous_secret": self._box.seal(it.previous_secret, it.id),
            "previous_until": it.previous_until,
            "enabled": it.enabled,
            "off_at": it.off_at,
            "off_why": it.off_why,
            "failing_since": it.failing_since,
        }

    def _webhook(self, row: Any) -> Webhook:
        lists = {name: tuple(json.loads(getattr(row, name))) for name in ("kinds", "tags", "customers")}
        opened = {name: self._box.open(text, row.id) for name, text in _kept(row).items()}
        fields = {**row._mapping, **lists, **opened, "shape": Shape(row.shape)}  # noqa: SLF001  its way to a dict
        return Webhook(**fields)


def _kept(row: Any) -> dict[str, str]:
    return {"secret": row.secret, "previous_secret": row.previous_secret}


def _is_something(result: object) -> bool:
    return result is not None


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")
