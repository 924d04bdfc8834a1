"""A store of a few recipients in memory, for tests of who asks it what; the whole way has the real one."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from store.changes import Change, RecipientFacts
from store.errors import StoreUnavailable
from tests.bounce.facts import apply


@dataclass
class Remembered:
    """Queue, reports and finder at once. Each call yields to others first, as a real store does."""

    facts: dict[int, RecipientFacts] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    kept: list[tuple[int, float, str, bytes]] = field(default_factory=list)
    asked_history: list[bool] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    failing: str = ""  # name of the call that the store cannot do now

    async def _call(self, name: str) -> None:
        self.calls[name] += 1
        await asyncio.sleep(0)
        if name == self.failing:
            raise StoreUnavailable("the disk is full", full=True)

    async def settle(
        self, recipient_id: int, decide: Callable[[RecipientFacts], Change | None], *, with_history: bool = True
    ) -> Change | None:
        await self._call("settle")
        self.asked_history.append(with_history)
        if recipient_id not in self.facts:
            return None
        reports = sum(kept_for == recipient_id and kind == "bounce" for kept_for, _, kind, _ in self.kept)
        facts = replace(self.facts[recipient_id], reports=reports)
        change = decide(facts)
        self.facts[recipient_id] = apply(facts, change)
        if change is not None:
            self.changes.append(change)
        return change

    async def settle_soon(
        self,
        recipient_id: int,
        decide: Callable[[RecipientFacts], Change | None],
        *,
        with_history: bool = True,
        foreseen: Change | None = None,
    ) -> Change | None:
        assert foreseen is None or foreseen == decide(self.facts[recipient_id])
        return await self.settle(recipient_id, decide, with_history=with_history)

    async def keep(self, recipient_id: int, at: float, kind: str, raw: bytes) -> None:
        await self._call("keep")
        self.kept.append((recipient_id, at, kind, raw))

    async def holds(self, recipient_id: int, raw: bytes) -> bool:
        await self._call("holds")
        return any(kept_for == recipient_id and kept == raw for kept_for, _, _, kept in self.kept)

    async def count_since(self, recipient_id: int, at: float) -> int:
        await self._call("count_since")
        return sum(kept_for == recipient_id and came >= at for kept_for, came, _, _ in self.kept)

    async def recipient(self, recipient_id: int) -> RecipientFacts | None:
        await self._call("recipient")
        return self.facts.get(recipient_id)
