"""The values of metrics at one moment, as plain data: made by each process, put together by the one that is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from admin.metrics import names
from admin.metrics.names import Metric
from store.figures import StoreFigures
from store.measures import Histogram, Measures

_FAILURES = ("deferred", "bounced", "expired", "suppressed")


@dataclass(slots=True)
class Sample:
    """
    Values by metric.

    ``values``: by the values of the labels, in their order. ``histograms``: bounds, counts up to each of them and up to
    infinity, and the sum.
    """

    values: dict[str, dict[tuple[str, ...], float]] = field(default_factory=dict)
    histograms: dict[str, tuple[tuple[float, ...], tuple[int, ...], float]] = field(default_factory=dict)

    def put(self, metric: Metric, value: float, *labels: str) -> None:
        """Add a value; of the same labels all are added up."""
        assert len(labels) == len(metric.labels)
        of = self.values.setdefault(metric.name, {})
        of[labels] = of.get(labels, 0.0) + value

    def put_histogram(self, metric: Metric, histogram: Histogram) -> None:
        """Take a histogram as it stands."""
        self.histograms[metric.name] = (histogram.bounds, tuple(histogram.buckets()), histogram.sum)

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON values, for another process."""
        values = {name: [[list(labels), value] for labels, value in of.items()] for name, of in self.values.items()}
        histograms = {
            name: [list(bounds), list(upto), total] for name, (bounds, upto, total) in self.histograms.items()
        }
        return {"values": values, "histograms": histograms}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Sample":
        """Read what ``as_json`` gave."""
        return cls(
            values={name: {tuple(labels): float(value) for labels, value in of} for name, of in data["values"].items()},
            histograms={
                name: (tuple(bounds), tuple(counts), float(total))
                for name, (bounds, counts, total) in data["histograms"].items()
            },
        )


def of_measures(measures: Measures) -> Sample:
    """Give what a process counted."""
    sample = Sample()
    for (kind, reason, verdict), count in measures.events.items():
        sample.put(names.EVENTS, count, kind)
        if kind in _FAILURES:
            sample.put(names.FAILURES, count, kind, reason or "undetermined")
        if kind == "opened":
            sample.put(names.OPENS, count, verdict or "uncertain")
    for metric, histogram in (
        (names.ACCEPT, measures.accept),
        (names.WHOLE_WAY, measures.whole_way),
        (names.ATTEMPT, measures.attempt),
        (names.COMMIT, measures.commit),
        (names.BATCH, measures.batch),
    ):
        sample.put_histogram(metric, histogram)
    return sample


def of_store(figures: StoreFigures) -> Sample:
    """Give how the store stands."""
    sample = Sample()
    for state, count in figures.queue.items():
        sample.put(names.QUEUE, count, state.value)
    sample.put(names.SUPPRESSIONS, figures.suppressions)
    sample.put(names.DATABASE, figures.database)
    if figures.contents is not None:
        sample.put(names.CONTENTS, figures.contents)
    if figures.free is not None:
        sample.put(names.FREE, figures.free)
    for stands in ("on", "failing", "off"):
        sample.put(names.WEBHOOKS, sum(it.state == stands for it in figures.webhooks), stands)
    for it in figures.webhooks:
        sample.put(names.WEBHOOK_WAITING, it.waiting, str(it.id))
        sample.put(names.WEBHOOK_LAG, it.lag, str(it.id))
    return sample
