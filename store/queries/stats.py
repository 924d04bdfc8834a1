"""Numbers of a time: by day, domain, reason, or tag."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from store.engine import Reader
from store.queries import narrow
from store.queries.counting import COUNTED, counts, total
from store.queries.search import Search
from store.queries.standing import Counts
from store.schema import message, recipient
from store.sql import slot

DAY = 86_400
LINES = 1_000  # of one answer, the most frequent first; days come in order


class By(StrEnum):
    """What is counted apart."""

    DAY = "day"  # of acceptance, UTC
    DOMAIN = "domain"
    REASON = "reason"  # of what bounced, waits, or was not delivered
    TAG = "tag"  # a message with several is counted under each


_KEYS: dict[By, ColumnElement[Any]] = {
    By.DAY: slot(recipient.c.accepted_at, DAY),
    By.DOMAIN: recipient.c.domain,
    By.REASON: recipient.c.reason,
    By.TAG: message.c.tags,
}


@dataclass(frozen=True, slots=True)
class StatLine:
    """One line of numbers."""

    key: str  # "2026-11-27", a domain, the name of a reason, a tag
    counts: Counts


class Stats:
    """Counts."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def by(self, what: By, search: Search) -> list[StatLine]:
        """Count the recipients that fit, apart by ``what``. Days in order, everything else the most frequent first."""
        statement = (
            select(_KEYS[what].label("key"), *COUNTED)
            .join_from(recipient, message, message.c.id == recipient.c.message_id)
            .where(*narrow.recipients(search))
            .group_by("key")
        )
        if what is By.REASON:
            statement = statement.where(recipient.c.reason.is_not(None), recipient.c.delivered_at.is_(None))
        if what is By.TAG:
            statement = statement.where(message.c.tags != "[]")

        def read(connection: Connection) -> list[tuple[Any, Counts]]:
            return [(row.key, counts(row)) for row in connection.execute(statement)]

        return _lines(what, await self._reader.run(read))


def _lines(what: By, found: list[tuple[Any, Counts]]) -> list[StatLine]:
    if what is By.DAY:
        return [StatLine(_day(key), numbers) for key, numbers in sorted(found)][-LINES:]
    if what is By.TAG:
        found = _apart(found)
    return [StatLine(str(key), numbers) for key, numbers in sorted(found, key=_frequent)][:LINES]


def _apart(found: list[tuple[Any, Counts]]) -> list[tuple[Any, Counts]]:
    """Count lists of tags under each tag in them."""
    tags: dict[str, list[Counts]] = {}
    for listed, numbers in found:
        for tag in dict.fromkeys(json.loads(listed)):
            tags.setdefault(tag, []).append(numbers)
    return [(tag, total(several)) for tag, several in tags.items()]


def _frequent(line: tuple[Any, Counts]) -> tuple[int, str]:
    return (-line[1].recipients, str(line[0]))


def _day(number: int) -> str:
    return datetime.fromtimestamp(number * DAY, UTC).date().isoformat()
