"""A stand-in as the archive that a repository offers, made from its folder."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from provisioning.cluster.versions import Chart
from tests.doubles.charts.schema import values_schema

STAND_INS = Path(__file__).with_name("stand_ins")


@dataclass(frozen=True)
class Archive:
    """One chart in one version."""

    chart: Chart
    content: bytes
    app_version: str

    @property
    def file_name(self) -> str:
        return f"{self.chart.name}-{self.chart.version}.tgz"

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def archive(chart: Chart, app_version: str, changed: Mapping[str, str] | None = None) -> Archive:
    """The stand-in of this name. ``changed`` are files (``templates/x.yaml``) with the text that they have instead."""
    folder = STAND_INS / chart.name
    files = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    keys = yaml.safe_load(files.pop("keys.yaml"))
    files["values.schema.json"] = json.dumps(values_schema(keys), indent=1)
    files["Chart.yaml"] = yaml.safe_dump(
        {
            "apiVersion": "v2",
            "name": chart.name,
            "version": chart.version,
            "appVersion": app_version,
            "type": "application",
        }
    )
    files |= dict(changed or {})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.GNU_FORMAT) as tar:
        for name, text in sorted(files.items()):
            content = text.encode()
            about = tarfile.TarInfo(f"{chart.name}/{name}")
            about.size, about.mode = len(content), 0o644
            tar.addfile(about, io.BytesIO(content))
    return Archive(chart, packed.getvalue(), app_version)
