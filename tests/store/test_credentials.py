"""Credentials of applications, and people."""

from typing import Literal

import pytest
from argon2 import PasswordHasher

from store.open import Store
from tests.conftest import Clock
from tests.store.conftest import OpenAgain
from tests.store.mail import accept


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


async def test_what_a_credential_may_do_is_kept(store: Store) -> None:
    """Rate and network login come back with the proof, in the list, and by the user alone."""
    plain, _ = await store.credentials.create("plain")
    user, password = await store.credentials.create("printer", networks=["192.0.2.0/24"], rate=20, network_login=True)
    proved = await store.credentials.check(user, password, "192.0.2.1")
    assert proved is not None
    assert (proved.rate, proved.network_login) == (20, True)
    assert await store.credentials.current(user) == proved
    assert proved in await store.credentials.list()
    unlimited = await store.credentials.current(plain)
    assert unlimited is not None
    assert (unlimited.rate, unlimited.network_login) == (0, False)


@pytest.mark.parametrize("rate", [-1, 2**31])
async def test_a_rate_that_makes_no_sense(store: Store, rate: int) -> None:
    """Refused in plain words."""
    with pytest.raises(ValueError, match="makes no sense"):
        await store.credentials.create("app", rate=rate)


async def test_a_network_stands_in_for_a_password_only_where_it_is_said(store: Store) -> None:
    """The narrowest of several networks says who it is; others, and networks that only limit, say nothing."""
    await store.credentials.create("limited", networks=["192.0.2.0/24"])
    assert await store.credentials.of_network("192.0.2.1") is None
    await store.credentials.create("office", networks=["192.0.2.0/24", "2001:db8::/32"], network_login=True)
    await store.credentials.create("printer", networks=["192.0.2.8/30"], network_login=True)
    for client, name in (("192.0.2.1", "office"), ("192.0.2.9", "printer"), ("::ffff:192.0.2.1", "office")):
        found = await store.credentials.of_network(client)
        assert found is not None
        assert found.name == name
    for stranger in ("192.0.3.1", "2001:db9::1", "unknown", ""):
        assert await store.credentials.of_network(stranger) is None
    await store.credentials.revoke("printer")
    found = await store.credentials.of_network("192.0.2.9")
    assert found is not None
    assert found.name == "office"


async def test_no_network_of_everybody_stands_in_for_a_password(store: Store) -> None:
    """That would be an open relay, and so would be none."""
    for networks in ((), ("0.0.0.0/0",), ("192.0.2.0/24", "::/0")):
        with pytest.raises(ValueError, match="password"):
            await store.credentials.create("app", networks=networks, network_login=True)


async def test_a_revoked_credential_is_not_current(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """At once in the process that revoked it, within seconds in others."""
    user, _ = await store.credentials.create("app")
    tool = await open_again(serving=False)
    assert await tool.credentials.current(user)
    await store.credentials.revoke("app")
    assert await store.credentials.current(user) is None
    clock.move(5)
    assert await tool.credentials.current(user) is None


async def test_messages_of_a_credential_are_counted(store: Store, clock: Clock) -> None:
    """Its own only, from the time on, whatever became of them."""
    for credential in ("app", "app", "other"):
        await accept(store, "ann@club.example", now=clock(), credential=credential)
    clock.move(3600)
    await accept(store, "ann@club.example", now=clock(), credential="app")
    now = clock()
    assert await store.credentials.taken_since("app", now - 3601) == 3
    assert await store.credentials.taken_since("app", now - 1) == 1
    assert await store.credentials.taken_since("nobody", 0) == 0


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
