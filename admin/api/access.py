"""Routes about who may send and ask: credentials of SMTP, tokens of the API. All need the scope admin."""

from typing import Any

from admin.api.models.access import (
    CredentialIn,
    CredentialOut,
    CredentialsOut,
    NewCredentialOut,
    NewTokenOut,
    TokenIn,
    TokenOut,
    TokensOut,
)
from admin.api.models.base import at, when
from admin.api.problems import Problem, missing
from admin.api.route import Call, Route
from store.credentials import Credential
from store.open import Store
from store.token_nouns import Scope, Token

_GROUP = "Access"


class Access:
    """Answers about credentials and tokens."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route(
                method="GET", path="/credentials", handler=self.credentials, scope=Scope.ADMIN, group=_GROUP,
                summary="List what applications log in with", answer=CredentialsOut,
            ),
            Route(
                method="POST", path="/credentials", handler=self.add_credential, scope=Scope.ADMIN, group=_GROUP,
                summary="Make a credential; its password is shown this once", body=CredentialIn,
                answer=NewCredentialOut, status=201, errors=(409,),
            ),
            Route(
                method="DELETE", path="/credentials/{name}", handler=self.revoke_credential, scope=Scope.ADMIN,
                group=_GROUP, summary="End a credential, within seconds", errors=(404,),
            ),
            Route(
                method="GET", path="/tokens", handler=self.tokens, scope=Scope.ADMIN, group=_GROUP,
                summary="List the tokens of this API, and when each was used last", answer=TokensOut,
            ),
            Route(
                method="POST", path="/tokens", handler=self.add_token, scope=Scope.ADMIN, group=_GROUP,
                summary="Make a token; it is shown this once", body=TokenIn, answer=NewTokenOut, status=201,
                errors=(409,),
            ),
            Route(
                method="DELETE", path="/tokens/{name}", handler=self.revoke_token, scope=Scope.ADMIN, group=_GROUP,
                summary="End a token, within seconds", errors=(404,),
            ),
        ]  # fmt: skip

    async def credentials(self, call: Call) -> CredentialsOut:
        """List credentials."""
        del call
        return CredentialsOut(items=[CredentialOut(**_credential(it)) for it in await self._store.credentials.list()])

    async def add_credential(self, call: Call) -> NewCredentialOut:
        """Make a credential."""
        told: CredentialIn = call.body
        try:
            _, password = await self._store.credentials.create(
                told.name,
                from_domains=told.from_domains,
                networks=told.networks,
                rate=told.rate,
                network_login=told.network_login,
                noted=await call.noting("credential.add", told.name, after={"from_domains": list(told.from_domains)}),
            )
        except ValueError as error:
            raise _refused(error) from None
        made = next(it for it in await self._store.credentials.list() if it.name == told.name)
        return NewCredentialOut(**_credential(made), password=password)

    async def revoke_credential(self, call: Call) -> None:
        """End a credential."""
        name = call.path["name"]
        noted = await call.noting("credential.revoke", name)
        if "\0" in name or not await self._store.credentials.revoke(name, noted=noted):
            raise missing("credential in force")

    async def tokens(self, call: Call) -> TokensOut:
        """List tokens."""
        del call
        return TokensOut(items=[TokenOut(**_token(it)) for it in await self._store.tokens.list()])

    async def add_token(self, call: Call) -> NewTokenOut:
        """Make a token."""
        told: TokenIn = call.body
        try:
            token = await self._store.tokens.create(
                told.name,
                told.scopes,
                expires_at=told.expires_at.timestamp() if told.expires_at else None,
                from_domains=told.from_domains,
                rate=told.rate,
                noted=await call.noting(
                    "token.add", told.name, after={"scopes": [scope.value for scope in told.scopes]}
                ),
            )
        except ValueError as error:
            raise _refused(error) from None
        made = next(it for it in await self._store.tokens.list() if it.name == told.name)
        return NewTokenOut(**_token(made), token=token)

    async def revoke_token(self, call: Call) -> None:
        """End a token; its own too."""
        name = call.path["name"]
        noted = await call.noting("token.revoke", name)
        if "\0" in name or not await self._store.tokens.revoke(name, noted=noted):
            raise missing("token in force")


def _refused(error: ValueError) -> Problem:
    """Say why it cannot be made, in the sentence of the store."""
    taken = "already" in str(error)  # the name is taken, or its time is over
    return Problem(409 if taken else 422, f"{str(error)[:1].upper()}{str(error)[1:]}.")


def _credential(it: Credential) -> dict[str, Any]:
    return {
        "name": it.name,
        "user": it.user,
        "from_domains": list(it.from_domains),
        "networks": list(it.networks),
        "rate": it.rate,
        "network_login": it.network_login,
        "created_at": when(it.created_at),
        "revoked_at": at(it.revoked_at),
    }


def _token(it: Token) -> dict[str, Any]:
    return {
        "name": it.name,
        "scopes": list(it.scopes),
        "from_domains": list(it.from_domains),
        "rate": it.rate,
        "created_at": when(it.created_at),
        "expires_at": at(it.expires_at),
        "last_used_at": at(it.last_used_at),
        "last_used_from": it.last_used_from,
        "revoked_at": at(it.revoked_at),
    }
