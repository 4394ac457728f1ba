"""The metrics that our processes have, read off the code that declares them: importing it would start eventlet."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
PARTS = ("services", "workers", "wal")
KINDS = {"Counter": "counter", "Gauge": "gauge", "Histogram": "histogram"}

# A target's own labels: charts/monitoring/templates/monitors.yaml; on one machine job and domain.
TARGET_LABELS = {"job", "domain", "namespace", "pod", "node", "instance"}


@dataclass(frozen=True)
class Metric:
    name: str
    kind: str
    labels: tuple[str, ...]
    # Where it is declared, from the repository's root.
    path: Path

    @property
    def series(self) -> set[str]:
        """The names that Prometheus knows it by."""
        if self.kind == "histogram":
            return {f"{self.name}_{part}" for part in ("bucket", "count", "sum")}
        return {self.name}


@cache
def declared() -> dict[str, Metric]:
    """Each series' name -> the metric that it is of."""
    files = (path.relative_to(ROOT) for part in PARTS for path in sorted((ROOT / part).rglob("*.py")))
    return {name: metric for path in files for metric in _of(path) for name in metric.series}


def _of(path: Path) -> Iterator[Metric]:
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in KINDS:
            continue
        if not node.args or not isinstance(name := getattr(node.args[0], "value", None), str):
            continue
        labels = ast.literal_eval(node.args[2]) if len(node.args) > 2 else []
        kind = KINDS[node.func.id]
        if kind == "counter":
            name = f"{name.removesuffix('_total')}_total"
        yield Metric(name, kind, tuple(labels), path)
