"""Charts on this machine: fetched once from their repository, or a folder of ours; what identifies their content."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from provisioning.cluster.versions import Chart
from provisioning.kubernetes.errors import ChartMissing

Values = dict[str, Any]

# A JSON object: the address of a repository -> where its mirror is.
MIRRORS = "ECO2_CHART_REPOSITORIES"


@dataclass(frozen=True)
class ReleaseSpec:
    """A release as it should be. ``chart`` is one of the version matrix, or the folder of one of ours.

    ``timeout_s`` is how long its pods may take to become ready; without ``wait`` nobody waits for them here.
    """

    name: str
    namespace: str
    chart: Chart | Path
    values: Values = field(default_factory=dict)
    timeout_s: float = 600.0
    wait: bool = True

    @property
    def chart_text(self) -> str:
        """The chart as people and Helm's lists name it: ``tigera-operator-v3.31.3``."""
        if isinstance(self.chart, Path):
            about = yaml.safe_load((self.chart / "Chart.yaml").read_text(encoding="utf-8"))
            return f"{about['name']}-{about['version']}"
        return f"{self.chart.name}-{self.chart.version}"


def repository(chart: Chart) -> str:
    """Where the chart is fetched from: its repository, or the mirror that stands for it."""
    mirrors = json.loads(os.environ.get(MIRRORS) or "{}")
    return str(mirrors.get(chart.repository, chart.repository))


def kept(folder: Path, chart: Chart | Path) -> Path | None:
    """The chart's own folder if it is on this machine; a chart of ours must be. Raises `ChartMissing`."""
    if isinstance(chart, Path):
        if not (chart / "Chart.yaml").is_file():
            raise ChartMissing(f"{chart} is no chart: it has no Chart.yaml")
        return chart
    path = folder / f"{chart.name}-{chart.version}"
    return path if (path / "Chart.yaml").is_file() else None


@contextmanager
def unpacking(folder: Path) -> Iterator[Path]:
    """A place beside the charts that are kept, gone afterwards with all that is left in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as place:
        yield Path(place)


def keep(folder: Path, chart: Chart, unpacked: Path) -> Path:
    """Moves a chart that was just unpacked to where it is kept from now on; it appears there whole or not at all."""
    path = folder / f"{chart.name}-{chart.version}"
    try:
        os.replace(unpacked / chart.name, path)
    except OSError:
        # Another step was quicker.
        if not (path / "Chart.yaml").is_file():
            raise
    return path


def digest(folder: Path, values: Values) -> str:
    """SHA-256 of all that decides what a release becomes: every file of the chart, and the values."""
    content = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        content.update(path.read_bytes())
    content.update(json.dumps(values, sort_keys=True, separators=(",", ":")).encode())
    return content.hexdigest()


def crds(folder: Path) -> list[dict[str, Any]]:
    """The custom resource definitions under the chart's ``crds/`` and those of the charts inside it."""
    return [thing for path in sorted(_crd_files(folder)) for thing in yaml.safe_load_all(path.read_text()) if thing]


def _crd_files(folder: Path) -> Iterator[Path]:
    for found in (folder / "crds", *folder.glob("charts/*/crds")):
        yield from (path for path in found.rglob("*") if path.suffix in (".yaml", ".yml", ".json"))
