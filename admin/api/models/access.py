"""
Credentials of applications, and tokens of the API.

Pure: no I/O, no clock, no chance.
"""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from admin.api.models.base import Asked, AwareDatetime, Given, Line, Name, Number
from store.token_nouns import Scope

Domain = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^(\*\.)?[A-Za-z0-9_.-]+$")]


class CredentialIn(Asked):
    """A credential to make."""

    name: Name
    from_domains: tuple[Domain, ...] = Field((), max_length=100, description="Sends from these only; none: from any.")
    networks: tuple[Line, ...] = Field((), max_length=100, description="Logs in from these only; none: from anywhere.")
    rate: Number = Field(0, ge=0, lt=2**31, description="Messages an hour; 0: any number.")
    network_login: bool = Field(False, description="A client of its networks needs no password.")


class CredentialOut(Given):
    """What an application logs in with."""

    name: str
    user: str
    from_domains: list[str]
    networks: list[str]
    rate: int
    network_login: bool
    created_at: datetime
    revoked_at: datetime | None


class NewCredentialOut(CredentialOut):
    """A credential just made."""

    password: str = Field(description="It is never to be had again.")


class CredentialsOut(Given):
    """All credentials, the revoked ones too."""

    items: list[CredentialOut]


class TokenIn(Asked):
    """A token to make."""

    name: Name
    scopes: tuple[Scope, ...] = Field(min_length=1, max_length=3)
    expires_at: AwareDatetime | None = None
    from_domains: tuple[Domain, ...] = Field((), max_length=100, description="Sends from these only; none: from any.")
    rate: Number = Field(0, ge=0, lt=2**31, description="Messages an hour; 0: any number.")


class TokenOut(Given):
    """A token of the API; not the token itself."""

    name: str
    scopes: list[Scope]
    from_domains: list[str]
    rate: int
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")
    last_used_from: str
    revoked_at: datetime | None


class NewTokenOut(TokenOut):
    """A token just made."""

    token: str = Field(description="It is never to be had again.")


class TokensOut(Given):
    """All tokens, the revoked ones too."""

    items: list[TokenOut]
