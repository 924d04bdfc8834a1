"""The text of ``/metrics``, read back with Prometheus's own parser."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from admin.metrics import names
from admin.metrics.exposition import exposition
from admin.metrics.sample import Sample, of_measures, of_store
from store.figures import StoreFigures, WebhookFigures
from store.measures import Measures
from store.nouns import State

FIGURES = StoreFigures(
    queue={State.DUE: 3, State.CLAIMED: 2, State.HELD: 0},
    suppressions=4,
    webhooks=(WebhookFigures(7, "on", 2, 1.5), WebhookFigures(8, "off", 9, 0.0)),
    database=1000,
    contents=None,
    free=None,
)


def read(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Give each line by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_each_worker_has_series_of_its_own() -> None:
    """So one that begins anew is seen as such; how the store stands is said once."""
    busy, fresh = Measures(), Measures()
    busy.events["delivered", "", ""] = 5
    busy.events["bounced", "no_such_user", ""] = 2
    fresh.events["delivered", "", ""] = 1
    busy.accept.observe(0.002)
    found = read(exposition({"0": of_measures(busy), "1": of_measures(fresh), "": of_store(FIGURES)}))
    assert found["homing_events_total", (("event", "delivered"), ("worker", "0"))] == 5
    assert found["homing_events_total", (("event", "delivered"), ("worker", "1"))] == 1
    failed = (("event", "bounced"), ("reason", "no_such_user"), ("worker", "0"))
    assert found["homing_failures_total", failed] == 2
    assert found["homing_queue_recipients", (("state", "due"), ("worker", ""))] == 3
    assert found["homing_webhook_lag_seconds", (("webhook", "7"), ("worker", ""))] == 1.5
    assert found["homing_webhook_endpoints", (("state", "off"), ("worker", ""))] == 1
    assert found["homing_accept_seconds_bucket", (("le", "0.0025"), ("worker", "0"))] == 1
    assert found["homing_accept_seconds_count", (("worker", "0"),)] == 1
    assert found["homing_accept_seconds_sum", (("worker", "0"),)] == pytest.approx(0.002)


@given(
    st.dictionaries(st.tuples(st.sampled_from(["opened", "deferred"]), st.just(""), st.text()), st.integers(0, 9**9)),
    st.lists(st.floats(0, 1e6), max_size=5),
)
def test_a_sample_comes_through_another_process(events: dict[tuple[str, str, str], int], seconds: list[float]) -> None:
    """As JSON and back it says the same; whatever a label holds, the text can be read."""
    measures = Measures()
    measures.events.update(events)
    for value in seconds:
        measures.attempt.observe(value)
    sample = of_measures(measures)
    again = Sample.from_json(json.loads(json.dumps(sample.as_json())))
    assert exposition({"0": again}) == exposition({"0": sample})
    assert read(exposition({"0": sample}))


def test_names_follow_the_conventions() -> None:
    """A counter ends in _total, and nothing else does; each name once; help is one sentence."""
    assert len({metric.name for metric in names.ALL}) == len(names.ALL)
    for metric in names.ALL:
        assert metric.name.endswith("_total") == (metric.kind is names.Kind.COUNTER)
        assert metric.name.startswith("homing_")
        assert metric.help.endswith(".")
    listed = {value for value in vars(names).values() if isinstance(value, names.Metric)}
    assert listed == set(names.ALL)
