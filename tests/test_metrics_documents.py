"""docs/metrics.md tells all metrics that there are, and the dashboard and the alert rules ask for no others."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from admin.metrics.names import ALL, Kind

DOCS = Path(__file__).parents[1] / "docs"
NAMES = {metric.name for metric in ALL}
# What an expression may ask for: a histogram by its parts, everything else by its name.
SERIES = {metric.name for metric in ALL if metric.kind is not Kind.HISTOGRAM} | {
    f"{metric.name}_{part}" for metric in ALL if metric.kind is Kind.HISTOGRAM for part in ("bucket", "sum", "count")
}
LABELS = {metric.name: {*metric.labels, "worker", "le"} for metric in ALL}


def expressions() -> Iterator[str]:
    """Give what the dashboard and the rules ask for."""
    for panel in json.loads((DOCS / "grafana.json").read_text(encoding="utf-8"))["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from re.findall(r"^ +expr: (.*)$", (DOCS / "alerts.yml").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_tells_each_metric_as_it_is() -> None:
    """Name, kind, labels and meaning in a row of the table, in the order of the code."""
    rows = re.findall(
        r"^\| `(homing_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", (DOCS / "metrics.md").read_text("utf-8"), re.MULTILINE
    )
    told = [(metric.name, metric.kind.value, metric.labels, metric.help) for metric in ALL]
    assert [(name, kind, tuple(re.findall(r"`(\w+)`", labels)), says) for name, kind, labels, says in rows] == told


@pytest.mark.parametrize("expression", list(expressions()))
def test_what_is_asked_for_exists(expression: str) -> None:
    """Each series is exported, and each label that it is chosen or summed by is one of a metric's."""
    asked = set(re.findall(r"homing_\w+", expression))
    assert asked
    assert asked <= SERIES
    labels = {label for name, allowed in LABELS.items() if name in expression for label in allowed}
    by = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
    assert by | set(re.findall(r"[{,](\w+)=", expression)) <= labels


def test_other_documents_name_metrics_that_exist() -> None:
    """Wherever one is named in backticks."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))
    named = set(re.findall(r"`(homing_[a-z_]+)`", text))
    assert named <= NAMES | SERIES
