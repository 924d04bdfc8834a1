"""
What the API needs of the rest of the relay: handed in as callables, so that it imports nothing of it.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from store.rows import RecipientRow
from store.token_nouns import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who hands a mail over, and for whom; what SMTP says before DATA."""

    token: Token
    address: str  # IP of the client
    reverse_path: str  # "" is the null path
    forward_paths: tuple[str, ...]


class Outcome(StrEnum):
    """What became of handing it over."""

    TAKEN = "taken"  # it is on disk
    REFUSED = "refused"  # not in this form
    FORBIDDEN = "forbidden"  # not from this sender
    TOO_OFTEN = "too_often"  # the token's rate is spent
    LATER = "later"  # our fault, or no room


@dataclass(frozen=True, slots=True)
class Handed:
    """How it ended, in words that SMTP would say."""

    outcome: Outcome
    words: str
    message_id: int = 0  # with TAKEN; the first message's, where the idempotency key is known


async def _no_guess(row: RecipientRow) -> str:  # noqa: ARG001 - in place of one that asks
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The rest of the relay."""

    send: Callable[[Envelope, bytes], Awaitable[Handed]]  # the very acceptance of SMTP
    send_again: Callable[[Sequence[int]], Awaitable[Sequence[int]]]  # ids of recipients -> ids of the new messages
    did_you_mean: Callable[[RecipientRow], Awaitable[str]] = _no_guess  # the address that was meant; "": none
    wake: Callable[[], None] = lambda: None  # has delivery look for what is due
    largest_message: int = 25 * 1024**2  # octets
    most_recipients: int = 1_000
