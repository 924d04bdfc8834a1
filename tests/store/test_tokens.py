"""Tokens of the API: made once, kept as a hash, ended."""

import re

import pytest
from sqlalchemy import text

from store.open import Store
from store.token_nouns import Scope
from tests.conftest import Clock
from tests.store.conftest import OpenAgain


async def test_a_token_proves_itself(store: Store, clock: Clock) -> None:
    """A prefix that scanners know and 43 letters of 62; it gives what it may do, and nothing else does."""
    token = await store.tokens.create("app", [Scope.SEND], from_domains=["Club.example"], rate=5)
    assert re.fullmatch(r"homing_[0-9A-Za-z]{43}", token)
    found = await store.tokens.check(token, "192.0.2.1")
    assert found is not None
    assert (found.name, found.scopes, found.from_domains, found.rate) == ("app", (Scope.SEND,), ("club.example",), 5)
    assert found.created_at == clock()
    for wrong in ("", "homing_", token[:-1], token + "x", token.upper(), token[:-1] + "\u00fc", "x" * 50):
        assert await store.tokens.check(wrong, "192.0.2.1") is None


async def test_the_token_is_not_kept(store: Store) -> None:
    """256 random bits, shown once; the store has only their hash."""
    token = await store.tokens.create("app", [Scope.READ])
    row = await store._reader.run(lambda c: c.execute(text("SELECT * FROM api_token")).one())
    assert token.removeprefix("homing_") not in repr(row)


@pytest.mark.parametrize(
    ("held", "may"),
    [
        ([Scope.READ], {Scope.READ}),
        ([Scope.SEND], {Scope.SEND}),
        ([Scope.READ, Scope.SEND], {Scope.READ, Scope.SEND}),
        ([Scope.ADMIN], {Scope.READ, Scope.SEND, Scope.ADMIN}),
    ],
)
async def test_scopes(store: Store, held: list[Scope], may: set[Scope]) -> None:
    """A scope is no other one; admin is all of them."""
    found = await store.tokens.check(await store.tokens.create("app", held), "192.0.2.1")
    assert found is not None
    assert {scope for scope in Scope if found.may(scope)} == may


async def test_it_expires(store: Store, clock: Clock) -> None:
    """At its time, not before."""
    token = await store.tokens.create("app", [Scope.READ], expires_at=clock() + 60)
    clock.move(59.9)
    assert await store.tokens.check(token, "192.0.2.1")
    clock.move(0.1)
    assert await store.tokens.check(token, "192.0.2.1") is None
    assert await store.tokens.named("app") is None


async def test_revoked(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """A revoked token ends at once here, and within seconds in other processes."""
    token = await store.tokens.create("app", [Scope.READ])
    tool = await open_again(serving=False)
    assert await tool.tokens.check(token, "192.0.2.1")
    assert await store.tokens.revoke("app")
    assert not await store.tokens.revoke("app")
    assert await store.tokens.check(token, "192.0.2.1") is None
    clock.move(5)
    assert await tool.tokens.check(token, "192.0.2.1") is None
    (kept,) = await store.tokens.list()
    assert kept.revoked_at is not None


async def test_its_use_is_noted(store: Store, clock: Clock) -> None:
    """When and from where it was used last, to the minute; a check waits for no commit."""
    token = await store.tokens.create("app", [Scope.READ])
    for seconds, address in ((0, "192.0.2.1"), (30, "192.0.2.2"), (31, "2001:db8::1")):
        clock.move(seconds)
        assert await store.tokens.check(token, address)
    await store.check()
    (kept,) = await store.tokens.list()
    assert (kept.last_used_at, kept.last_used_from) == (clock(), "2001:db8::1")


@pytest.mark.parametrize(
    ("name", "more", "says"),
    [
        ("", {}, "needs a name"),
        ("a\nb", {}, "needs a name"),
        ("taken", {}, "a token named taken already"),
        ("app", {"scopes": []}, "may do nothing"),
        ("app", {"rate": -1}, "makes no sense"),
        ("app", {"expires_at": 1.0}, "have expired already"),
    ],
)
async def test_what_makes_no_sense_is_told(store: Store, name: str, more: dict[str, object], says: str) -> None:
    """In a plain sentence."""
    await store.tokens.create("taken", [Scope.READ])
    given = {"scopes": [Scope.READ], **more}
    with pytest.raises(ValueError, match=says):
        await store.tokens.create(name, **given)  # type: ignore[arg-type]
