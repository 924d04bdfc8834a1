"""
What delivery asks of the other parts, no more.

``store.queue``, ``store.contents``, ``bounce.consequence`` and ``route.Routes`` fit these shapes.
"""

from collections.abc import Awaitable, Collection, Sequence
from typing import Protocol

from relay.delivery.envelope import Finding
from relay.delivery.route import Destination, NoRoute
from store.nouns import Attempt, ContentRef, Job


class Queue(Protocol):
    """Where claimed recipients come from. Every method may raise StoreUnavailable."""

    async def claim_due(self, limit: int, *, exclude_domains: Collection[str] = ()) -> list[Job]:
        """Claim due recipients."""

    async def next_due_at(self) -> float | None:
        """Tell the time of the earliest due recipient."""

    def mark_dot_at_once(self, job: Job) -> bool:
        """Note without waiting that the final dot is about to be sent; False: ``mark_dot`` must do it."""

    async def mark_dot(self, recipient_id: int) -> None:
        """Note that the final dot is about to be sent; ClaimLost when the recipient is not ours any more."""

    async def give_back(self, recipient_ids: Sequence[int], *, next_attempt_at: float | None = None) -> None:
        """Return claims as they were."""

    async def hold(self, recipient_ids: Sequence[int], *, note: str = "") -> int:
        """Keep recipients back until a person releases them."""


class Contents(Protocol):
    """Where contents lie."""

    async def read(self, ref: ContentRef) -> bytes:
        """Read a content; ContentDamaged when it is not what was stored."""


class Consequence(Protocol):
    """What follows from an attempt."""

    def of_attempt(self, attempt: Attempt, next_attempt_at: float | None, job: Job) -> Awaitable[object]:
        """Settle an attempt of a job in one transaction."""


class Routes(Protocol):
    """Where mail goes; see ``route.Routes``."""

    def known(self, domain: str) -> Destination | None:
        """Give what was found before, at once."""

    async def find(self, domain: str) -> Destination | NoRoute:
        """Look up."""


class Keep(Protocol):
    """See ``store.transcripts.Transcripts.keep``."""

    def __call__(self, recipient_id: int, at: float, dialogue: str) -> None:
        """Keep what was said in an attempt; never waits, never raises."""


def forget(recipient_id: int, at: float, dialogue: str) -> None:
    """Keep nothing."""


class Sign(Protocol):
    """See ``relay.signing.Signing.sign``."""

    async def __call__(self, copy: bytes, at: float) -> bytes | Finding:
        """Sign a copy of a message that was accepted at this time; or say why it must wait."""


async def unsigned(copy: bytes, at: float) -> bytes | Finding:  # noqa: ARG001 - the shape of Sign
    """Leave a copy as it is, where nothing is signed."""
    return copy
