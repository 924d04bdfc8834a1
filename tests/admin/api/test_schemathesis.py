"""The OpenAPI document and what the API does are the same: schemathesis finds no difference, with all its checks."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from store.open import Store
from tests.admin.api.conftest import Api
from tests.conftest import Clock
from tests.store.mail import accept, bounced, delivered

# What a network is, a URL that may be called, or what names a view, no pattern can say; a text drawn by lot is no mail.
SETTINGS = """
[[operations]]
include-name = "POST /credentials"
checks.positive_data_acceptance.expected-statuses = ["201", "409", "422"]

[[operations]]
include-name = "PATCH /webhooks/{webhook_id}"
checks.positive_data_acceptance.expected-statuses = ["200", "404", "422"]

[[operations]]
include-name = "POST /embeds"
checks.positive_data_acceptance.expected-statuses = ["201", "422"]

[[operations]]
include-name = "POST /webhooks"
checks.positive_data_acceptance.expected-statuses = ["201", "422"]

[[operations]]
include-name = "POST /messages/mime"
checks.positive_data_acceptance.expected-statuses = ["202", "422"]
"""
# It knows JSON and text; a mail is a text to it.
HOOKS = """
import schemathesis

schemathesis.serializer.alias("message/rfc822", "text/plain")
schemathesis.serializer.alias("text/csv", "text/plain")
"""


@pytest.mark.timeout(300)
async def test_no_difference(api: Api, store: Store, clock: Clock, tmp_path: Path) -> None:
    """
    Hundreds of requests, right and wrong, to every operation.

    No answer is 5xx, has a status, type or shape that is not described, takes what should be refused or refuses what
    should be taken; nothing answers without its token.
    """
    taken = await accept(store, "ann@example.org", "bob@example.org", now=clock(), customer="42", invoice="R-7")
    await store.queue.settle(taken.jobs[0].recipient_id, delivered(clock()))
    await store.queue.settle(taken.jobs[1].recipient_id, bounced(clock()))
    (tmp_path / "schemathesis.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "mail_hooks.py").write_text(HOOKS, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "st"),
        "--config-file",
        str(tmp_path / "schemathesis.toml"),
        "run",
        f"{api.url}/openapi.json",
        "--header",
        f"Authorization: Bearer {api.tokens['admin']}",
        "--checks",
        "all",
        "--max-examples",
        "8",
        "--seed",
        "1",
        "--phases",
        "examples,coverage,fuzzing",
        "--generation-database",
        "none",
        # It does not end: test_stream.py reads it.
        "--exclude-operation-id",
        "get_events_stream",
        # It learns names from answers, and would end its own token.
        "--exclude-operation-id",
        "delete_tokens_name",
        "--no-color",
        "--suppress-health-check",
        "all",
        cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "mail_hooks", "PYTHONPATH": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    told = said.decode()
    assert process.returncode == 0, told[told.find("= FAILURES =") :][:8_000]
