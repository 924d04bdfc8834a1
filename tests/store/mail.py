"""Short ways to make messages, recipients and changes for the tests of the store."""

from collections.abc import Sequence
from typing import Any

from store.accept import Acceptance
from store.addresses import address_key, ascii_domain, split_address
from store.changes import Change, NewSuppression, RecipientFacts
from store.events import Bounced, Deferred, Delivered
from store.nouns import NewMessage, NewRecipient, Reason, RecipientStatus, State, TrackingMode
from store.open import Store

CONTENT = b"Subject: Invoice\r\n\r\nPlease pay.\r\n"


def new_recipient(store: Store, address: str, **more: Any) -> NewRecipient:
    return NewRecipient(
        id=store.ids.next(),
        forward_path=address,
        address_key=address_key(address),
        domain=ascii_domain(split_address(address)[1]),
        **{"tracking": TrackingMode.VERDICT, **more},
    )


async def accept(
    store: Store,
    *addresses: str,
    now: float,
    content: bytes = CONTENT,
    hold: bool = True,
    recipients: Sequence[NewRecipient] = (),
    **more: Any,
) -> Acceptance:
    """Take one message to some addresses."""
    message = NewMessage(
        **{
            "id": store.ids.next(),
            "accepted_at": now,
            "expires_at": now + 3 * 86_400.0,
            "credential": "app",
            "reverse_path": "office@club.example",
            **more,
        }
    )
    made = [new_recipient(store, address) for address in addresses]
    return await store.queue.accept(message, content, [*made, *recipients], hold=hold)


def delivered(at: float) -> "Decide":
    return Decide(
        lambda facts: Change(
            status=RecipientStatus.DELIVERED,
            state=State.SETTLED,
            delivered_at=at,
            count_attempt=True,
            lift=True,
            last_reply="250 2.0.0 ok",
            events=(
                Delivered(message_id=facts.message_id, recipient_id=facts.recipient_id, at=at, reply="250 2.0.0 ok"),
            ),
        )
    )


def deferred(at: float, until: float, reason: Reason = Reason.RATE_LIMITED) -> "Decide":
    return Decide(
        lambda facts: Change(
            state=State.DUE,
            next_attempt_at=until,
            count_attempt=True,
            reason=reason,
            events=(
                Deferred(
                    message_id=facts.message_id,
                    recipient_id=facts.recipient_id,
                    at=at,
                    reason=reason,
                    next_attempt_at=until,
                ),
            ),
        )
    )


def bounced(
    at: float, reason: Reason = Reason.NO_SUCH_USER, *, expires_at: float | None = None, suppress: bool = True
) -> "Decide":
    return Decide(
        lambda facts: Change(
            status=RecipientStatus.BOUNCED,
            state=State.SETTLED,
            bounced_at=at,
            reason=reason,
            permanent=True,
            count_attempt=True,
            events=(Bounced(message_id=facts.message_id, recipient_id=facts.recipient_id, at=at, reason=reason),),
            suppress=NewSuppression(
                address_key=facts.address_key,
                address=facts.forward_path,
                reason=reason,
                caused_by=facts.recipient_id,
                at=at,
                expires_at=expires_at,
            )
            if suppress
            else None,
        )
    )


class Decide:
    """A decision that remembers the facts it was asked about."""

    def __init__(self, decide: Any) -> None:
        self._decide = decide
        self.facts: RecipientFacts | None = None

    def __call__(self, facts: RecipientFacts) -> Change | None:
        self.facts = facts
        change: Change | None = self._decide(facts)
        return change
