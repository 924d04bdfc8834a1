"""What a person, a program, Prometheus and a reader of the database each see of one store, read from what they get."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection

from admin.api.door import Door
from admin.metrics.page import MetricsPage
from admin.metrics.sample import of_measures
from admin.outside import Outside
from admin.server import AdminServer
from admin.settings import AdminSettings
from store.nouns import Role
from store.open import Store
from store.token_nouns import Scope
from tests.admin.api.conftest import all_routes
from tests.admin.rig import LOG, PASSWORD, Answer, Visitor
from tests.conftest import Clock

_COUNTED = re.compile(r"(.+?) (\d[\d ]*)")
_NUMBER = re.compile(r"\d+")
STANDS = {"Delayed": "Sending", "Held": "Sending"}  # words of a row, by the status that they are of

Metrics = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@dataclass
class Eyes:
    """Each of them at the same store."""

    store: Store
    visitor: Visitor
    token: str

    async def page(self, target: str) -> Answer:
        """Open a page as a person does."""
        answer = await self.visitor.get(target)
        assert answer.status == 200, f"{target}: {answer.status}"
        return answer

    async def api(self, path: str) -> Any:
        """Ask the API."""
        answer = await self.visitor.get(f"/api/v1{path}", Authorization=f"Bearer {self.token}", Accept="*/*")
        assert answer.status == 200, f"{path}: {answer.text}"
        return json.loads(answer.text)

    async def sql(self, query: str) -> list[dict[str, Any]]:
        """Read a view of the database."""

        def read(connection: Connection) -> list[dict[str, Any]]:
            return [dict(row._mapping) for row in connection.exec_driver_sql(query)]

        return await self.store._reader.run(read)

    async def metrics(self) -> Metrics:
        """Scrape; gives each line by its name and labels, without that of the worker."""
        answer = await self.visitor.get("/metrics", Authorization=f"Bearer {self.token}")
        assert answer.status == 200
        return {
            (sample.name, tuple(sorted((name, it) for name, it in sample.labels.items() if name != "worker"))): it
            for family in text_string_to_metric_families(answer.text)
            for sample, it in ((sample, sample.value) for sample in family.samples)
        }


def counted(answer: Answer, selector: str) -> Counter[str]:
    """Read words with a number behind: the chips of a list, the legend of a bar. What has none is left out."""
    found = [_COUNTED.fullmatch(text) for text in answer.texts(selector)]
    return Counter({it[1]: int(it[2].replace(" ", "")) for it in found if it is not None})


def numbers(text: str) -> list[int]:
    """Read the numbers of a sentence."""
    return [int(it) for it in _NUMBER.findall(re.sub(r"(?<=\d) (?=\d{3})", "", text))]


def statuses(answer: Answer) -> Counter[str]:
    """Count the rows of a list by the status that each shows."""
    return Counter(STANDS.get(word, word) for word in answer.texts(".list .chip"))


@asynccontextmanager
async def eyes(store: Store, clock: Clock) -> AsyncIterator[Eyes]:
    """Serve pages, API and metrics of a store, with somebody who is logged in and a token."""
    store.people._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    await store.people.create("vera", PASSWORD, Role.VIEWER)
    token = await store.tokens.create("program", [Scope.READ])

    async def may_read(token: str, address: str) -> bool:
        found = await store.tokens.check(token, address)
        return found is not None and found.may(Scope.READ)

    door = Door(
        all_routes(store, clock), tokens=store.tokens, audit=store.audit, per_minute=10**6, clock=clock, log=LOG
    )
    metrics = MetricsPage(
        processes=lambda: {"0": of_measures(store.measures)},
        figures=store.figures,
        may_read=may_read,
        networks=(),
        clock=clock,
        log=LOG,
    )
    server = AdminServer(
        settings=AdminSettings(listen=("127.0.0.1:0",)),
        store=store,
        ready=dict,
        outside=Outside(),
        clock=clock,
        log=LOG,
        api=door,
        before=[metrics.middleware],
    )
    await server.start()
    try:
        visitor = Visitor(server)
        assert (await visitor.log_in("vera")).status == 303
        yield Eyes(store, visitor, token)
    finally:
        await server.stop()
