"""
The words of the API's tokens: what a program may do.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a token may do."""

    READ = "read"  # see everything that is kept about mails
    SEND = "send"  # send mails, and nothing else
    ADMIN = "admin"  # everything, also what READ and SEND may


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is known of a token; not the token itself."""

    name: str
    scopes: tuple[Scope, ...]
    from_domains: tuple[str, ...] = ()  # may send from these domains; none: from any
    rate: int = 0  # messages per hour; 0: any number
    created_at: float = 0.0
    expires_at: float | None = None
    last_used_at: float | None = None  # to the minute
    last_used_from: str = ""  # IP address
    revoked_at: float | None = None

    def may(self, scope: Scope) -> bool:
        """Whether it has a scope; ADMIN has all."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def in_force(self, now: float) -> bool:
        """Whether it is neither revoked nor past its time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
