"""``GET /recipients/{recipient_id}``: what loaded the pixel, as far as the tracking mode let it be kept."""

import pytest

from store.nouns import TrackingMode
from store.open import Store
from tests.admin.api.conftest import Api
from tests.admin.test_read_with import opened
from tests.conftest import Clock


@pytest.mark.parametrize("mode", [TrackingMode.FULL, TrackingMode.VERDICT])
async def test_loads(api: Api, store: Store, clock: Clock, mode: TrackingMode) -> None:
    """By time with what said so; program, device and country in mode full alone. No address, no agent."""
    id_ = await opened(store, clock, mode)
    loads = (await api.get(f"/recipients/{id_}"))["loads"]
    assert [it["verdict"] for it in loads] == ["person", "person", "scanner"]
    assert {it["rule"] for it in loads} == {"test"}
    known = [(it["client"], it["device"], it["country"]) for it in loads]
    full = [("Thunderbird", "computer", "FR"), ("<b>Mail</b>", "phone", None), (None, None, None)]
    assert known == (full if mode is TrackingMode.FULL else [(None, None, None)] * 3)
    assert set(loads[0]) == {"at", "verdict", "rule", "client", "device", "country"}


async def test_there_are_none(api: Api, store: Store, clock: Clock) -> None:
    """Where opens are not followed."""
    id_ = await opened(store, clock, TrackingMode.OFF)
    assert (await api.get(f"/recipients/{id_}"))["loads"] == []
