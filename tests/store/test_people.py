"""store/people.py, store/passwords.py, store/sessions.py, store/audit.py: who is let in, is in, changed what."""

import hashlib

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from store.nouns import Role
from store.open import Store
from store.passwords import weakness
from store.people import People
from store.schema import person, session
from store.sessions import LONGEST, MOST
from tests.conftest import Clock

RIGHT = "blue whale 42"
IDLE = 3_600.0


async def begin(store: Store, name: str = "ann") -> str:
    return await store.sessions.begin(name, address="192.0.2.7", agent="Firefox", idle=IDLE)


@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("short", "at least 10"),
        ("x" * 9, "at least 10"),
        ("y" * 1_025, "at most 1024"),
        ("aaaaaaaaaaaa", "tried first"),
        ("Password123!", "tried first"),
        ("1234567890", "tried first"),
        ("hominghoming", "tried first"),
        ("Anna-Maria 2026", "your name"),
        ("blue whale", ""),
        ("abcdefghij" + "y" * 1_014, ""),
    ],
)
def test_weak_passwords(password: str, word: str) -> None:
    """At the limits and one past them; what guessers begin with; the name itself."""
    assert word in weakness(password, "anna-maria")
    assert bool(weakness(password, "anna-maria")) == bool(word)


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_password_is_judged(password: str, name: str) -> None:
    """Whatever it is: a sentence or nothing."""
    assert weakness(password, name) == "" or weakness(password, name).endswith(".")


async def test_only_the_right_password_of_a_known_name(store: Store) -> None:
    """Another one, another name, none and a very long one are wrong."""
    await store.people.create("ann", RIGHT, Role.VIEWER)
    found = await store.people.check("ann", RIGHT)
    assert found is not None
    assert (found.name, found.role, found.language) == ("ann", Role.VIEWER, "")
    for name, password in (("ann", "blue whale 43"), ("bob", RIGHT), ("", ""), ("ann", RIGHT * 200), ("ann", "\ud800")):
        assert await store.people.check(name, password) is None


@pytest.mark.parametrize("name", ["", " ann", "a\nb", "x" * 65, "ann"])
async def test_names_that_cannot_be(store: Store, name: str) -> None:
    """Empty, with blanks around, unseen, too long, taken."""
    await store.people.create("ann", RIGHT)
    with pytest.raises(ValueError, match=r"name|already"):
        await store.people.create(name, RIGHT)
    assert await store.people.count() == 1


async def test_an_old_hash_is_renewed_at_log_in(store: Store) -> None:
    """Where the parameters rose, the hash is made anew; the password stays."""
    await store.people.create("ann", RIGHT)
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(RIGHT)
    await store._connection.run(lambda c: c.execute(update(person).values(password_hash=cheap)))
    assert await store.people.check("ann", RIGHT) is not None
    hashed = await store._reader.run(lambda c: c.execute(select(person.c.password_hash)).scalar_one())
    assert hashed != cheap
    assert await store.people.check("ann", RIGHT) is not None


async def test_the_last_admin_stays(store: Store) -> None:
    """Neither removed nor made less, until there is another one."""
    await store.people.create("ann", RIGHT)
    for attempt in (store.people.remove("ann"), store.people.set_role("ann", Role.OPERATOR)):
        with pytest.raises(ValueError, match="last admin"):
            await attempt
    await store.people.create("bob", RIGHT)
    assert await store.people.set_role("ann", Role.VIEWER)
    assert not await store.people.set_role("nobody", Role.VIEWER)
    assert not await store.people.remove("nobody")
    assert [(one.name, one.role) for one in await store.people.list()] == [("ann", Role.VIEWER), ("bob", Role.ADMIN)]


async def test_a_change_of_rights_or_password_logs_out(store: Store) -> None:
    """W6: another password, another role and removal end all sessions of that person, and nobody else's."""
    await store.people.create("bob", RIGHT)
    await store.people.create("ann", RIGHT)
    other = await begin(store, "bob")
    for change in (
        store.people.set_password("ann", "green whale 43"),
        store.people.set_role("ann", Role.VIEWER),
        store.people.remove("ann"),
    ):
        token = await begin(store)
        assert await store.sessions.find(token, idle=IDLE) is not None
        assert await change
        assert await store.sessions.find(token, idle=IDLE) is None
    assert await store.people.get("ann") is None
    assert await store.sessions.find(other, idle=IDLE) is not None


async def test_the_store_has_no_token(store: Store) -> None:
    """What lies in the store is the SHA-256 of 256 random bits."""
    await store.people.create("ann", RIGHT)
    token = await begin(store)
    hashes = await store._reader.run(lambda c: c.execute(select(session.c.token_hash)).scalars().all())
    assert hashes == [hashlib.sha256(token.encode()).digest()]
    assert len(token) >= 43
    assert await begin(store) != token
    for other in ("", token[:-1], token + "x", "\ud800"):
        assert await store.sessions.find(other, idle=IDLE) is None


async def test_a_session_ends_when_idle_and_after_seven_days(store: Store, clock: Clock) -> None:
    """Used, it lives on; at the limit it is there, one second past it not."""
    await store.people.create("ann", RIGHT)
    token = await begin(store)
    clock.now += IDLE
    assert await store.sessions.find(token, idle=IDLE) is not None
    clock.now += IDLE
    assert await store.sessions.find(token, idle=IDLE) is not None
    clock.now += IDLE + 1
    assert await store.sessions.find(token, idle=IDLE) is None
    token = await begin(store)
    clock.now += LONGEST
    assert await store.sessions.find(token, idle=LONGEST) is not None
    clock.now += 1
    assert await store.sessions.find(token, idle=LONGEST) is None
    assert await store.sessions.list(idle=LONGEST) == []


async def test_sessions_are_listed_and_ended(store: Store, clock: Clock) -> None:
    """With where and by what; the password given again is noted; at most twenty of one person."""
    await store.people.create("ann", RIGHT, Role.OPERATOR)
    tokens = []
    for _ in range(MOST + 1):
        clock.now += 1
        tokens.append(await begin(store))
    assert await store.sessions.find(tokens[0], idle=IDLE) is None
    listed = await store.sessions.list(idle=IDLE)
    assert len(listed) == MOST
    first = listed[0]
    assert (first.person, first.role, first.address, first.agent) == ("ann", Role.OPERATOR, "192.0.2.7", "Firefox")
    clock.now += 5
    await store.sessions.prove(first.id)
    assert await store.sessions.end(listed[1].id) == 1
    left = await store.sessions.list(idle=IDLE)
    assert len(left) == MOST - 1
    assert left[0].proved_at == clock.now


async def test_roles_contain_one_another() -> None:
    """Each role may what the one before may."""
    assert [[role.may(needed) for needed in Role] for role in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


async def test_the_audit_gives_the_newest_first(store: Store, clock: Clock) -> None:
    """Page by page by id, whole, and by hand it can only be added to; retention ends it."""
    for number in range(3):
        clock.now += 1
        await store.audit.note(
            "suppression.lift", f"a{number}@b.test", who="ann", address="192.0.2.7", before={"n": number}
        )
    newest = await store.audit.list(2)
    assert [line.subject for line in newest] == ["a2@b.test", "a1@b.test"]
    (oldest,) = await store.audit.list(before=newest[-1].id)
    assert (oldest.who, oldest.action, dict(oldest.before), dict(oldest.after)) == (
        "ann",
        "suppression.lift",
        {"n": 0},
        {},
    )
    await store.retention.sweep(clock.now)
    assert len(await store.audit.list()) == 3


async def test_people_are_checked_two_at_a_time(store: Store) -> None:
    """S22: however many ask, two hashes at most are made at once."""
    people: People = store.people
    assert people._turns._value == 2
