"""The repository: an index and archives over HTTP on a free port, one folder for each real repository."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import yaml

from provisioning.cluster import matrix
from provisioning.cluster.versions import Chart
from tests.doubles.charts.archive import Archive, archive

_APP_VERSIONS = {
    "tigera-operator": "v3.31.3",
    "aws-cloud-controller-manager": "v1.35.0",
    "aws-ebs-csi-driver": "1.64.0",
    "aws-load-balancer-controller": "v3.5.0",
    "metrics-server": "0.8.1",
    "kube-prometheus-stack": "v0.88.0",
}


class ChartRepository:
    """Serves every chart of ``versions.yaml`` from where `mirror_environment` says it is.

    ``requests`` are the paths that were asked for; while ``broken`` is set, every answer is that HTTP code.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.broken: int | None = None
        self._folders: dict[str, str] = {}
        self._archives: dict[str, dict[str, Archive]] = {}
        for component in matrix().components.values():
            if component.chart is not None:
                self._offer(archive(component.chart, _APP_VERSIONS[component.chart.name]))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="charts", daemon=True)
        self._thread.start()

    def _offer(self, made: Archive) -> None:
        folder = self._folders.setdefault(made.chart.repository, f"{len(self._folders)}")
        self._archives.setdefault(folder, {})[made.file_name] = made

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def mirrors(self) -> dict[str, str]:
        """Real repository -> where it is here."""
        return {real: f"{self.url}/{folder}" for real, folder in self._folders.items()}

    def mirror_environment(self) -> dict[str, str]:
        """What to put into the environment so that charts come from here."""
        return {"ECO2_CHART_REPOSITORIES": json.dumps(self.mirrors())}

    def change(self, chart: Chart, files: Mapping[str, str]) -> None:
        """Offers the chart with other files in the same version, as a publisher should not and does."""
        self._offer(archive(chart, _APP_VERSIONS[chart.name], files))

    def answer(self, path: str) -> tuple[int, bytes]:
        self.requests.append(path)
        if self.broken is not None:
            return self.broken, b"broken\n"
        folder, _, name = path.strip("/").partition("/")
        offered = self._archives.get(folder, {})
        if name == "index.yaml" and offered:
            return 200, yaml.safe_dump(_index(offered)).encode()
        return (200, offered[name].content) if name in offered else (404, b"not found\n")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> ChartRepository:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _index(offered: Mapping[str, Archive]) -> dict[str, Any]:
    entries: dict[str, list[dict[str, Any]]] = {}
    for name, each in offered.items():
        entries.setdefault(each.chart.name, []).append(
            {
                "apiVersion": "v2", "name": each.chart.name, "version": each.chart.version,
                "appVersion": each.app_version, "digest": each.digest, "urls": [name],
                "created": "2026-01-01T00:00:00Z",
            }
        )  # fmt: skip
    return {"apiVersion": "v1", "entries": entries, "generated": "2026-01-01T00:00:00Z"}


def _handler(repository: ChartRepository) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, content = repository.answer(self.path)
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are recorded, not printed."""

    return Handler
