"""The text that Prometheus reads, of the samples of one process or of several."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from admin.metrics.names import ALL, Kind, Metric
from admin.metrics.sample import Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Samples(Collector):
    def __init__(self, samples: Mapping[str, Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterable[Family]:
        """Give the family of each metric that some sample has."""
        for metric in ALL:
            family = _family(metric)
            for worker, sample in self._samples.items():
                _add(family, metric, sample, worker)
            yield family


def exposition(samples: Mapping[str, Sample]) -> bytes:
    """
    Write samples as text.

    Args:
        samples: By worker. Each worker's values are a series of its own, so that a worker that begins anew is seen as
            such; what the store says stands under "".
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Samples(samples))
    return generate_latest(registry)


def _family(metric: Metric) -> Family:
    labels = (*metric.labels, "worker")
    if metric.kind is Kind.COUNTER:
        return CounterMetricFamily(metric.name, metric.help, labels=labels)
    if metric.kind is Kind.GAUGE:
        return GaugeMetricFamily(metric.name, metric.help, labels=labels)
    return HistogramMetricFamily(metric.name, metric.help, labels=labels)


def _add(family: Family, metric: Metric, sample: Sample, worker: str) -> None:
    for values, value in sorted(sample.values.get(metric.name, {}).items()):
        assert isinstance(family, CounterMetricFamily | GaugeMetricFamily)
        family.add_metric((*values, worker), value)
    if metric.name in sample.histograms:
        assert isinstance(family, HistogramMetricFamily)
        bounds, counts, total = sample.histograms[metric.name]
        ends = [*(f"{bound:g}" for bound in bounds), "+Inf"]
        family.add_metric((worker,), buckets=list(zip(ends, counts, strict=True)), sum_value=total)
