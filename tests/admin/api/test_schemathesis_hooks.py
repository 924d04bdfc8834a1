"""What the OpenAPI document says of webhooks and embeds is what they do: schemathesis finds no difference."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from admin.api.embeds import EmbedRoutes
from admin.api.webhooks import WebhookRoutes
from admin.settings import WebhookSettings
from relay.webhooks import make_sender, url_rules
from store.open import Store
from store.webhook_nouns import NewCall, Webhook
from tests.admin.api.serving import serving
from tests.admin.webhooks.conftest import Names
from tests.conftest import Clock

# What may be called, and which view is about what, no schema can say.
SETTINGS = """
[[operations]]
include-name = ["POST /webhooks", "PATCH /webhooks/{webhook_id}", "POST /embeds"]
checks.positive_data_acceptance.expected-statuses = ["200", "201", "404", "422"]
"""


@pytest.mark.timeout(300)
async def test_no_difference(store: Store, clock: Clock, tmp_path: Path) -> None:
    """No answer is 5xx or undescribed; none takes what should be refused, refuses what is right, or needs no token."""
    settings = WebhookSettings()
    sender = make_sender(settings, Names("192.0.2.1"), ipv6=False, clock=time.time, draw=lambda: 0.5)
    hook = await store.webhooks.create(Webhook(id=0, url="http://hooks.club.example/"))
    calls = [NewCall(name="evt_1", body="{}", recipients=(1,), events=1, first_event_at=clock())]
    await store.webhook_calls.add(hook.id, seen=hook.position, new=hook.position + 1, calls=calls, now=clock())
    routes = [
        *WebhookRoutes(store, url_rules(settings), sender).routes(),
        *EmbedRoutes("http://127.0.0.1:8026", [bytes(32)], longest=86_400.0).routes(),
    ]
    (tmp_path / "schemathesis.toml").write_text(SETTINGS, encoding="utf-8")
    async with serving(routes, store, clock) as api:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "st"),
            *("--config-file", str(tmp_path / "schemathesis.toml"), "run", f"{api.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {api.tokens['admin']}", "--checks", "all", "--max-examples", "8"),
            *("--seed", "1", "--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--no-color"),
            *("--suppress-health-check", "all"),
            cwd=tmp_path,
            env={**os.environ},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    await sender.close()
    assert process.returncode == 0, said.decode()[-8_000:]
