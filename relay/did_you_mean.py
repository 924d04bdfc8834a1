"""Asks "did you mean", for the pages and for ``homing status`` alike: only where it makes sense, with what is known."""

from collections.abc import Sequence
from typing import Protocol

from bounce.mistyped import did_you_mean, worth_asking
from store.rows import RecipientRow


class Domains(Protocol):
    """What is needed of ``store.domains``."""

    async def most_used(self, credential: str) -> Sequence[str]:
        """Give the domains that a sender writes to most."""


class DidYouMean:
    """Proposes the address that was probably meant. Handed to the pages, which know nothing of bounces."""

    def __init__(self, domains: Domains) -> None:
        self._domains = domains

    async def __call__(self, row: RecipientRow) -> str:
        """Give the address that was probably meant in place of the recipient's; "" where none comes near."""
        if not worth_asking(row):
            return ""
        return did_you_mean(row.forward_path, await self._domains.most_used(row.credential)) or ""
