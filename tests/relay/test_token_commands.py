"""relay/token_commands.py: tokens by command, over a real store."""

import json

import pytest

from relay.token_commands import add_token, list_tokens, revoke_token
from store.open import Store
from store.token_nouns import Scope
from tests.conftest import Clock


async def test_a_token_by_command(store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Made and shown once, listed without it, revoked once; each change is in the audit."""
    made = {"expires": "90d", "from_domains": ["club.example"], "rate": 10, "now": clock()}
    await add_token(store, "app", [Scope.SEND], as_json=False, **made)
    token = capsys.readouterr().out.splitlines()[0]
    assert await store.tokens.check(token, "192.0.2.1")
    await add_token(store, "other", [Scope.READ], expires="", from_domains=(), rate=0, as_json=True, now=clock())
    assert json.loads(capsys.readouterr().out)["token"].startswith("homing_")
    await store.check()
    await list_tokens(store, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("app: send, in force, until 2026-12-20T14:13:20.000Z, from club.example, at most 10")
    assert lines[0].endswith("last used 2026-09-21T14:13:20.000Z from 192.0.2.1")
    assert lines[1] == "other: read, in force, never used"
    assert await revoke_token(store, "app")
    assert not await revoke_token(store, "app")
    await list_tokens(store, as_json=True)
    kept = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [it["revoked_at"] is None for it in kept] == [False, True]
    assert [it.action for it in await store.audit.list()] == ["token.revoke", "token.add", "token.add"]
    with pytest.raises(ValueError, match="a duration"):
        await add_token(store, "x", [Scope.READ], expires="soon", from_domains=(), rate=0, as_json=True, now=clock())
