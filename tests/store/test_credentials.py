"""Credentials of applications, and people."""

from typing import Literal

import pytest
from argon2 import PasswordHasher

from store.open import Store
from tests.conftest import Clock
from tests.store.conftest import OpenAgain


async def test_a_credential_proves_itself(store: Store) -> None:
    """User and password together give the credential with all it may do; anything else gives None."""
    user, password = await store.credentials.create("class manager", from_domains=["Club.example"])
    it = await store.credentials.check(user, password, "192.0.2.1")
    assert it is not None
    assert (it.name, it.user, it.from_domains) == ("class manager", user, ("club.example",))
    for wrong in ((user, ""), (user, password + "x"), ("nobody", password), (user, "ü"), ("", "")):
        assert await store.credentials.check(*wrong, "192.0.2.1") is None


async def test_the_password_is_not_kept(store: Store) -> None:
    """160 random bits, shown once; the store has only their hash."""
    _, password = await store.credentials.create("app")
    assert len(password) == 32
    assert password not in repr(await store.credentials.list())


async def test_networks(store: Store) -> None:
    """A credential that is bound to networks works from nowhere else, IPv4 within IPv6 included."""
    user, password = await store.credentials.create("app", networks=["192.0.2.0/24", "2001:db8::/32"])
    inside = ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"]
    outside = ["192.0.3.7", "2001:db9::1", "unix socket", ""]
    for client in inside:
        assert await store.credentials.check(user, password, client)
    for client in outside:
        assert await store.credentials.check(user, password, client) is None
    with pytest.raises(ValueError, match="does not appear"):
        await store.credentials.create("other", networks=["everywhere"])


async def test_names_are_taken_once(store: Store) -> None:
    """A name that is taken is refused in plain words."""
    await store.credentials.create("app")
    with pytest.raises(ValueError, match="a credential named app already"):
        await store.credentials.create("app")


async def test_revoked(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """A revoked credential ends at once here, and within seconds in other processes."""
    user, password = await store.credentials.create("app")
    tool = await open_again(serving=False)
    assert await tool.credentials.check(user, password, "192.0.2.1")
    assert await store.credentials.revoke("app")
    assert not await store.credentials.revoke("app")
    assert await store.credentials.check(user, password, "192.0.2.1") is None
    clock.move(5)
    assert await tool.credentials.check(user, password, "192.0.2.1") is None
    assert [it.revoked_at is not None for it in await store.credentials.list()] == [True]


async def test_people(store: Store) -> None:
    """A person's password is checked, remembered for a minute, and gone at once when it is changed."""
    assert await store.people.count() == 0
    await store.people.create("office", "correct horse")
    assert await store.people.count() == 1
    for _ in range(2):
        assert await store.people.check("office", "correct horse")
        assert not await store.people.check("office", "wrong horse")
        assert not await store.people.check("nobody", "correct horse")
        assert not await store.people.check("office", "x" * 2000)
    await store.people.create("office", "battery staple")
    assert not await store.people.check("office", "correct horse")
    assert await store.people.check("office", "battery staple")
    assert await store.people.count() == 1
    assert len(store.people._remembered) == 1


async def test_people_are_not_told_apart(store: Store) -> None:
    """Where there is no such person a hash is computed all the same: the time tells nothing."""
    hashed: list[str | bytes] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the parent's word
            hashed.append(hash)
            return super().verify(hash, password)

    store.people._hasher = Counting()
    assert not await store.people.check("nobody", "x")
    assert len(hashed) == 1
