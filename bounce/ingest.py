"""
Take in reports that came another way than to our listener: what lay in an old mailbox.

Whom a report is about is read from a signed return path in the fields that a mailbox's server writes of the envelope,
whatever its age. Only where there is none, the Message-ID of the mail it returns and an address it speaks of together
name a recipient: either alone is not enough, and both must be ours. From there it goes the way of every report.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from bounce.addresses_in import IN_TEXT
from bounce.consequence import Consequence
from bounce.inspect_files import as_json
from bounce.material import Material, collect
from bounce.report import Report, read
from bounce.verp import ReturnPaths
from store.changes import Change
from store.rows import Found, RecipientRow

FOREVER = float("inf")  # lifetime of return paths here: whoever has the mailbox vouches for what lies in it

# Fields in which servers say to whom, and by whom, a mail was handed over: the one nearest to the envelope first.
_ENVELOPE = ("return-path", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,990})>")
_MOST = 100  # Message-IDs and addresses that are looked up for one report


class Recipients(Protocol):
    """What is needed of ``store.find``."""

    async def recipient(self, recipient_id: int) -> Found | None:
        """Give one recipient."""

    async def by_header_message_id_and_address(self, header_message_id: str, address: str) -> list[Found]:
        """Give the recipients of a Message-ID that are this address, the newest first."""


@dataclass(frozen=True, slots=True)
class _About:
    """Whom a report is about, and how that was found out."""

    found_by: str  # "return path", "message-id" or ""
    rows: tuple[RecipientRow, ...]


class Ingest:
    """Takes reports in, one after the other."""

    def __init__(
        self,
        *,
        return_paths: ReturnPaths,
        recipients: Recipients,
        consequence: Consequence,
        clock: Callable[[], float],
        dry_run: bool = False,
    ) -> None:
        """
        Keep where to look and to settle.

        Args:
            return_paths: Made with the lifetime FOREVER.
            recipients: Of the store.
            consequence: Settles.
            clock: Unix seconds, UTC.
            dry_run: Say what would be done, and do nothing.
        """
        self._return_paths = return_paths
        self._recipients = recipients
        self._consequence = consequence
        self._clock = clock
        self._dry_run = dry_run

    async def take(self, raw: bytes) -> dict[str, Any]:
        """
        Take one mail in, whatever it is.

        Returns:
            ``kind``; ``found_by``; ``recipients``: of each whom it is about ``recipient``, ``address``, ``changed``,
            ``events``, ``status``, ``reason``, ``suppressed``; ``dry_run``. Raises StoreUnavailable.
        """
        report, material = read(raw), collect(raw)
        about = await self._about(report, material)
        done = [await self._settle(row, report, raw, material) for row in about.rows]
        return {
            "kind": as_json(report)["kind"],
            "found_by": about.found_by or None,
            "recipients": done,
            "dry_run": self._dry_run,
        }

    async def _about(self, report: Report, material: Material) -> _About:
        signed = self._signed_in(material, _ENVELOPE)
        if signed and report.kind == "not-a-bounce" and self._signed_in(material, ("return-path",)):
            return _About("return path", ())  # a copy of a mail of ours as it was delivered: it says nothing
        if signed:
            known = [await self._recipients.recipient(recipient_id) for recipient_id in sorted(signed)]
            return _About("return path", tuple(one.recipient for one in known if one is not None))
        rows: dict[int, RecipientRow] = {}
        pairs = [(one, address) for one in _message_ids(material) for address in _addresses(report, material)]
        for message_id, address in pairs[:_MOST]:
            for found in (await self._recipients.by_header_message_id_and_address(message_id, address))[:1]:
                rows.setdefault(found.recipient.recipient_id, found.recipient)
        return _About("message-id" if rows else "", tuple(rows.values()))

    def _signed_in(self, material: Material, names: Sequence[str]) -> set[int]:
        """Give the recipients whose return paths stand in fields of the mail's own header."""
        written = "\n".join(value for name in names for value in material.headers.all(name))
        found = {self._return_paths.decode(address, 0.0) for address in IN_TEXT.findall(written)}
        return {recipient_id for recipient_id in found if recipient_id is not None}

    async def _settle(self, row: RecipientRow, report: Report, raw: bytes, material: Material) -> dict[str, Any]:
        settle = self._consequence.foresee if self._dry_run else self._consequence.of_report
        sender = material.headers.get("return-path").strip()
        null = sender in ("", "<>") or bool(self._signed_in(material, ("return-path",)))
        at = max(row.accepted_at, min(self._clock(), _came_at(material) or FOREVER))
        change = await settle(row.recipient_id, report, raw, at, null_reverse_path=null)
        return {"recipient": str(row.recipient_id), "address": row.forward_path, **_told(row, change)}


def _told(row: RecipientRow, change: Change | None) -> dict[str, Any]:
    status = change.status if change is not None and change.status is not None else row.status
    reason = change.reason if change is not None and change.reason is not None else row.reason
    return {
        "changed": change is not None,
        "events": [event.kind for event in change.events] if change is not None else [],
        "status": status.value,
        "reason": reason.value if reason is not None else None,
        "suppressed": change is not None and change.suppress is not None,
    }


def _message_ids(material: Material) -> Iterator[str]:
    """Give the Message-IDs of the mail that a report returns; of a reply, of what it answers."""
    values: list[str] = []
    if material.returned is not None:
        values += material.returned.all("message-id")
    values += material.headers.all("in-reply-to")
    yield from dict.fromkeys(match[1] for value in values for match in _MESSAGE_ID.finditer(value))


def _addresses(report: Report, material: Material) -> Sequence[str]:
    """Give the addresses that a report speaks of; where it names none, who wrote it and whom the mail was to."""
    named = [recipient.address for recipient in report.recipients if "@" in recipient.address]
    if not named:
        values = material.headers.all("from") + (material.returned.all("to") if material.returned else [])
        named = [address for value in values for address in IN_TEXT.findall(value)]
    return list(dict.fromkeys(named))


def _came_at(material: Material) -> float | None:
    """Read when a mail came, Unix seconds: from the last server's trace field, else from its Date; None: neither."""
    traces = [value.rpartition(";")[2] for value in material.headers.all("received")[:1]]
    for written in (*traces, material.headers.get("date")):
        try:
            return parsedate_to_datetime(written.strip()).timestamp()
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None
