"""A chart's repository that is gone, that is elsewhere, that was asked already."""

import functools
import http.server
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from provisioning.cluster.versions import Chart
from provisioning.kubernetes import Helm, ReleaseSpec
from provisioning.kubernetes.charts import digest, repository
from provisioning.kubernetes.errors import ChartUnreachable
from provisioning.site import Site
from tests.provisioning.kubernetes.world import Heard, chart

REAL = "https://charts.example.com/stable"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: {{ .Values.x | quote }}}\n"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[http.server.HTTPServer]:
    """A repository with one chart, that stands for the real one."""
    folder = tmp_path / "repository"
    folder.mkdir()
    with tarfile.open(folder / "small-1.2.3.tgz", "w:gz") as archive:
        archive.add(chart(tmp_path / "small", {"map.yaml": CONFIG_MAP}, version="1.2.3"), "small")
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    address = f"http://127.0.0.1:{server.server_port}"
    entry = {"apiVersion": "v2", "name": "small", "version": "1.2.3", "urls": [f"{address}/small-1.2.3.tgz"]}
    (folder / "index.yaml").write_text(yaml.safe_dump({"apiVersion": "v1", "entries": {"small": [entry]}}))
    monkeypatch.setenv("ECO2_CHART_REPOSITORIES", json.dumps({REAL: address}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def local(site: Site, programs: Path) -> Site:
    """A site with the programs and without a cluster."""
    (site.folder.parent / "bin").symlink_to(programs)
    return site


def small(version: str = "1.2.3") -> ReleaseSpec:
    return ReleaseSpec("small", "eco2", Chart(name="small", version=version, repository=REAL), {"x": "1"})


def test_a_chart_is_fetched_once_and_then_needs_no_network(
    local: Site, heard: Heard, helm: Helm, mirror: http.server.HTTPServer
) -> None:
    [found] = helm.rendered(heard.step(), small())
    assert found["data"] == {"x": "1"}
    mirror.shutdown()
    mirror.server_close()
    assert helm.rendered(heard.step(), small()) == [found]
    assert heard.text.count("fetching") == 1
    # Nothing half unpacked is left beside it.
    assert [path.name for path in (local.folder.parent / "charts").iterdir()] == ["small-1.2.3"]


def test_a_version_that_the_repository_has_not_is_told_with_its_address(
    local: Site, heard: Heard, helm: Helm, mirror: http.server.HTTPServer
) -> None:
    with pytest.raises(ChartUnreachable, match=r"small 9\.9\.9 from http://127"):
        helm.digests(heard.step(), [small("9.9.9")])
    assert ChartUnreachable.transient


def test_a_repository_that_does_not_answer_is_an_error_that_may_be_tried_again(
    local: Site, heard: Heard, helm: Helm, mirror: http.server.HTTPServer
) -> None:
    mirror.shutdown()
    mirror.server_close()
    with pytest.raises(ChartUnreachable):
        helm.digests(heard.step(), [small()])
    assert list((local.folder.parent / "charts").iterdir()) == []


def test_without_a_mirror_the_real_repository_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECO2_CHART_REPOSITORIES", raising=False)
    assert repository(Chart(name="small", version="1", repository=REAL)) == REAL


def test_every_file_of_a_chart_and_every_value_counts(tmp_path: Path) -> None:
    folder = chart(tmp_path / "small", {"map.yaml": CONFIG_MAP})
    before = digest(folder, {"a": 1, "b": 2})
    assert digest(folder, {"b": 2, "a": 1}) == before
    assert digest(folder, {"a": 1, "b": 3}) != before
    (folder / "templates" / "map.yaml").write_text(CONFIG_MAP + "# changed\n")
    assert digest(folder, {"a": 1, "b": 2}) != before
