"""relay/people_commands.py: who may see the pages, over a real store."""

import json

import pytest

from relay.people_commands import add_person, list_people, remove_person, set_password, set_role
from store.nouns import Role
from store.open import Store


async def test_a_persons_life(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Added, changed and removed; a password that was made is printed once; all is audited."""
    await add_person(store, "ada", Role.ADMIN, "blue whale 42", made=False, who="shell:eva", as_json=False)
    await add_person(store, "vera", Role.VIEWER, "made-for-her", made=True, who="shell:eva", as_json=True)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "ada can log in as admin."
    assert json.loads(said[1]) == {"name": "vera", "role": "viewer", "password": "made-for-her"}
    assert await set_role(store, "vera", Role.OPERATOR, who="shell:eva")
    assert await set_password(store, "vera", "green whale 43", made=True, who="shell:eva")
    assert "Password  green whale 43" in capsys.readouterr().out
    await list_people(store, as_json=False)
    assert [line.partition(",")[0] for line in capsys.readouterr().out.splitlines()] == ["ada: admin", "vera: operator"]
    await list_people(store, as_json=True)
    assert [json.loads(line)["role"] for line in capsys.readouterr().out.splitlines()] == ["admin", "operator"]
    assert await remove_person(store, "vera", who="shell:eva")
    for nobody in (
        set_role(store, "vera", Role.ADMIN, who="shell:eva"),
        set_password(store, "vera", "green whale 43", made=False, who="shell:eva"),
        remove_person(store, "vera", who="shell:eva"),
    ):
        assert not await nobody
    assert [line.action for line in await store.audit.list()] == [
        "person.remove",
        "person.password",
        "person.role",
        "person.add",
        "person.add",
    ]
    assert {line.who for line in await store.audit.list()} == {"shell:eva"}
    assert "whale" not in str(await store.audit.list())


async def test_what_cannot_be(store: Store) -> None:
    """A weak password and the last admin's end are told in a sentence."""
    await add_person(store, "ada", Role.ADMIN, "blue whale 42", made=False, who="shell:eva", as_json=False)
    with pytest.raises(ValueError, match="at least 10"):
        await add_person(store, "vera", Role.VIEWER, "short", made=False, who="shell:eva", as_json=False)
    with pytest.raises(ValueError, match="last admin"):
        await remove_person(store, "ada", who="shell:eva")
