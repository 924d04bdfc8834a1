"""store/audit.py: a change and its line of the audit stand in one transaction, on both engines."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from store.audit import Note
from store.nouns import Role
from store.open import Store
from store.queries.search import Search
from store.settle import Word
from store.token_nouns import Scope
from store.webhook_nouns import Webhook
from tests.conftest import Clock
from tests.store.mail import accept

PASSWORD = "blue whale 42"
Change = Callable[[Store, Note | None], Awaitable[object]]


async def note(store: Store, action: str = "test.change") -> Note:
    return await store.audit.prepare(action, "it", who="ann", address="192.0.2.1", before={"a": 1})


async def waiting(store: Store) -> list[int]:
    rows = await store.find.message(
        (await store.queries.messages.newest(Search(), limit=1)).items[0].message.message_id
    )
    return [row.recipient.recipient_id for row in rows]


async def hook(store: Store) -> int:
    return (await store.webhooks.list())[0].id


async def session(store: Store) -> int:
    return (await store.sessions.list(idle=60.0))[0].id


# Each change that people and programs make, where there is something to change, and where there is nothing.
CHANGES: dict[str, Change] = {
    "suppress": lambda store, it: store.suppressions.add("new@x.test", noted=it),
    "suppress a list": lambda store, it: store.suppressions.add_all([("a@x.test", ""), ("b@x.test", "c")], noted=it),
    "lift": lambda store, it: store.suppressions.lift("old@x.test", noted=it),
    "make a credential": lambda store, it: store.credentials.create("new", noted=it),
    "revoke a credential": lambda store, it: store.credentials.revoke("old", noted=it),
    "make a token": lambda store, it: store.tokens.create("new", [Scope.READ], noted=it),
    "revoke a token": lambda store, it: store.tokens.revoke("old", noted=it),
    "make a person": lambda store, it: store.people.create("new", PASSWORD, noted=it),
    "set a role": lambda store, it: store.people.set_role("old", Role.VIEWER, noted=it),
    "set a password": lambda store, it: store.people.set_password("old", PASSWORD + "!", noted=it),
    "remove a person": lambda store, it: store.people.remove("spare", noted=it),
    "log in": lambda store, it: store.sessions.begin("old", address="", agent="", idle=60.0, noted=it),
    "opt out": lambda store, it: store.opens.opt_out("new@x.test", noted=it),
    "opt in": lambda store, it: store.opens.opt_in("old@x.test", noted=it),
    "make a webhook": lambda store, it: store.webhooks.create(Webhook(id=0, url="https://x.test/"), noted=it),
}
OF_ID: dict[str, tuple[Callable[[Store], Awaitable[object]], Callable[..., Awaitable[object]]]] = {
    "hold": (waiting, lambda store, it, ids: store.queue.say(Word.HOLD, ids, noted=it)),
    "cancel": (waiting, lambda store, it, ids: store.queue.cancel(ids, noted=it)),
    "rotate": (hook, lambda store, it, id_: store.webhooks.rotate(id_, noted=it)),
    "change": (hook, lambda store, it, id_: store.webhooks.change(id_, lambda same: same, noted=it)),
    "remove": (hook, lambda store, it, id_: store.webhooks.remove(id_, noted=it)),
    "end": (session, lambda store, it, id_: store.sessions.end(id_, noted=it)),
}
NOTHING: dict[str, Change] = {
    "lift": lambda store, it: store.suppressions.lift("nobody@x.test", noted=it),
    "revoke a credential": lambda store, it: store.credentials.revoke("nobody", noted=it),
    "make it twice": lambda store, it: store.credentials.create("old", noted=it),
    "revoke a token": lambda store, it: store.tokens.revoke("nobody", noted=it),
    "set a role": lambda store, it: store.people.set_role("nobody", Role.VIEWER, noted=it),
    "the last admin": lambda store, it: store.people.set_role("boss", Role.VIEWER, noted=it),
    "make somebody twice": lambda store, it: store.people.create("old", PASSWORD, noted=it),
    "opt out again": lambda store, it: store.opens.opt_out("old@x.test", noted=it),
    "opt in": lambda store, it: store.opens.opt_in("nobody@x.test", noted=it),
    "end": lambda store, it: store.sessions.end(1, noted=it),
    "hold": lambda store, it: store.queue.say(Word.HOLD, [1], noted=it),
    "change": lambda store, it: store.webhooks.change(1, lambda same: same, noted=it),
    "remove": lambda store, it: store.webhooks.remove(1, noted=it),
    "resend": lambda store, it: store.webhook_calls.resend(1, 1, now=0.0, noted=it),
    "resend all": lambda store, it: store.webhook_calls.resend_since(1, 0.0, now=0.0, failed_only=False, noted=it),
}


@pytest.fixture
async def used(store: Store, clock: Clock) -> Store:
    """Something of everything, called old; the admin is the boss."""
    await store.suppressions.add("old@x.test")
    await store.credentials.create("old")
    await store.tokens.create("old", [Scope.READ])
    await store.people.create("boss", PASSWORD)
    await store.people.create("old", PASSWORD, Role.OPERATOR)
    await store.people.create("spare", PASSWORD, Role.VIEWER)
    await store.sessions.begin("old", address="", agent="", idle=60.0)
    await store.opens.opt_out("old@x.test")
    await store.webhooks.create(Webhook(id=0, url="https://old.test/"))
    await accept(store, "waits@x.test", now=clock())
    assert await store.audit.list() == []
    return store


async def whole(store: Store) -> list[object]:
    """Everything that any of the changes could change."""
    return [
        await store.suppressions.list(), await store.credentials.list(), await store.tokens.list(),
        await store.people.list(), await store.sessions.list(idle=60.0), await store.webhooks.list(),
        await store.queue.counts(), (await store.queries.stopped.opt_outs()).items,
    ]  # fmt: skip


async def test_each_change_has_its_line(used: Store) -> None:
    """With who, from where, and what was there; one line for each."""
    for name, change in CHANGES.items():
        await change(used, await note(used, name))
    for name, (of, change) in OF_ID.items():
        await change(used, await note(used, name), await of(used))
    lines = (await used.audit.list())[::-1]
    assert [line.action for line in lines] == [*CHANGES, *OF_ID]
    assert {(line.who, line.address, line.before["a"]) for line in lines} == {("ann", "192.0.2.1", 1)}
    made = next(line for line in lines if line.action == "make a webhook")
    assert made.subject == str((await used.webhooks.list())[-1].id)


async def test_a_line_that_cannot_be_written_takes_its_change_with_it(used: Store) -> None:
    """Neither is there: nobody changes anything without a trace."""
    before = await whole(used)
    ids = {name: await of(used) for name, (of, _) in OF_ID.items()}
    notes = iter([await note(used) for _ in range(len(CHANGES) + len(OF_ID))])
    await used._connection.run(lambda connection: connection.exec_driver_sql("ALTER TABLE audit RENAME TO gone"))
    for change in CHANGES.values():
        with pytest.raises(Exception, match="audit"):
            await change(used, next(notes))
    for name, (_, change_it) in OF_ID.items():
        with pytest.raises(Exception, match="audit"):
            await change_it(used, next(notes), ids[name])
    assert await whole(used) == before


async def test_what_changes_nothing_leaves_no_line(used: Store) -> None:
    """Because there is none, it is so already, or it may not be."""
    before = await whole(used)
    for change in NOTHING.values():
        with contextlib.suppress(ValueError):  # it says why not
            await change(used, await note(used))
    assert await used.audit.list() == []
    assert await whole(used) == before


async def test_one_that_fails_among_others(used: Store) -> None:
    """Of two who take one name at once, one has it and a line."""
    notes = [await note(used, f"number {n}") for n in range(2)]
    results = await asyncio.gather(*(used.credentials.create("same", noted=it) for it in notes), return_exceptions=True)
    (failed,) = (n for n, it in enumerate(results) if isinstance(it, ValueError))
    (line,) = await used.audit.list()
    assert line.action == f"number {1 - failed}"


async def test_the_result_is_told(used: Store) -> None:
    """What is known only when it is done: for how many it did something."""
    it = await used.audit.prepare(
        "queue.hold", who="ann", after={"by": "hand"}, tell=lambda count: {"recipients": count}
    )
    await used.queue.say(Word.HOLD, [*await waiting(used), 1, 2], noted=it)
    (line,) = await used.audit.list()
    assert line.after == {"by": "hand", "recipients": 1}
