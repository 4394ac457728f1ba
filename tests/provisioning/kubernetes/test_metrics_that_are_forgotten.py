"""Thanos, where the cluster file asks for it: one bucket on both sides, room for both, and nothing of it elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioning.cluster import CLUSTER_FILE, Cluster, load
from provisioning.cluster.capacity import fit
from provisioning.cluster.quantities import Resources, memory_bytes, millicores
from provisioning.kubernetes import Helm
from provisioning.kubernetes.charts import MIRRORS
from provisioning.kubernetes.components import component
from provisioning.kubernetes.monitoring import MONITORING, WATCHING, workload
from provisioning.kubernetes.release_table import release
from provisioning.kubernetes.render import findings, loads
from provisioning.kubernetes.secrets import secrets_needed
from provisioning.kubernetes.thanos import POD
from provisioning.run import NotYet
from provisioning.site import Site
from tests.doubles.charts import ChartRepository
from tests.provisioning.kubernetes.world import Heard, made

Object = dict[str, Any]


def commented() -> str:
    """The cluster file with its own example, which is a comment there, taken in."""
    before, found, example = CLUSTER_FILE.read_text().partition(f"      # {POD}:")
    assert found, "the cluster file has no example"
    lines = f"# {POD}:{example}".splitlines()
    return before + "\n".join(f"      {line.strip().removeprefix('# ')}" for line in lines) + "\n"


@pytest.fixture(scope="module")
def thanos(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    file = tmp_path_factory.mktemp("thanos") / "with-thanos.yaml"
    file.write_text(commented())
    return load(file)


@pytest.fixture
def site(thanos: Cluster, tmp_path: Path) -> Site:
    return made(thanos, tmp_path)


@pytest.fixture(scope="module")
def rendered(
    thanos: Cluster, programs: Path, repository: ChartRepository, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Object]]:
    """Both releases, rendered once."""
    site = made(thanos, tmp_path_factory.mktemp("rendered"))
    (site.folder.parent / "bin").symlink_to(programs)
    helm, heard = Helm(site), Heard(site.redactor)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(MIRRORS, json.dumps(repository.mirrors()))
        return {name: helm.rendered(heard.step(), release(site, name)) for name in (MONITORING, WATCHING)}


def of_kind(objects: list[Object], kind: str, name: str) -> Object:
    [found] = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def test_the_cluster_files_own_example_is_a_cluster_that_fits(thanos: Cluster) -> None:
    assert POD not in load().releases[MONITORING].pods
    assert POD in thanos.releases[MONITORING].pods
    assert fit(thanos.nodes, thanos.kubernetes, thanos.releases).shortages == ()


def test_a_store_that_is_too_large_for_its_node_is_refused_by_the_file(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    file.write_text(commented().replace("cpu: 80m, memory: 256Mi", "cpu: 80m, memory: 3Gi").replace("640Mi", "3Gi"))
    with pytest.raises(Exception, match=POD):
        load(file)


def test_sidecar_and_store_read_one_secret_with_the_bucket_of_the_backups_and_no_key(
    site: Site, rendered: dict[str, list[Object]]
) -> None:
    prometheus = of_kind(rendered[MONITORING], "Prometheus", "monitoring-prometheus")["spec"]
    asked = prometheus["thanos"]["objectStorageConfig"]
    secret = of_kind(rendered[MONITORING], "Secret", asked["name"])
    assert secret["metadata"]["namespace"] == site.cluster.releases[MONITORING].namespace
    said = yaml.safe_load(secret["stringData"][asked["key"]])
    assert said == {
        "type": "S3",
        "config": {
            "bucket": site.outputs().buckets["backups"],
            "endpoint": f"s3.{site.cluster.region}.amazonaws.com",
            "region": site.cluster.region,
        },
        # What the nodes' role may (terraform/iam_nodes.tf).
        "prefix": "thanos",
    }
    store = of_kind(rendered[WATCHING], "StatefulSet", "thanos-store")["spec"]["template"]["spec"]
    [volume] = [each["secret"] for each in store["volumes"] if "secret" in each]
    assert (volume["secretName"], volume["items"][0]["key"]) == (asked["name"], asked["key"])


def test_prometheus_and_the_store_are_of_one_version(rendered: dict[str, list[Object]]) -> None:
    prometheus = of_kind(rendered[MONITORING], "Prometheus", "monitoring-prometheus")["spec"]
    store = of_kind(rendered[WATCHING], "StatefulSet", "thanos-store")["spec"]["template"]["spec"]
    assert {each["image"] for each in store["containers"]} == {prometheus["thanos"]["image"]}
    assert prometheus["thanos"]["image"].endswith(f":{prometheus['thanos']['version']}")
    # Blocks in a bucket have to say whose they are.
    assert prometheus["externalLabels"]


def test_the_store_runs_where_the_file_says_with_what_the_file_gives(
    thanos: Cluster, rendered: dict[str, list[Object]]
) -> None:
    said = thanos.releases[MONITORING].pods[POD]
    stateful = of_kind(rendered[WATCHING], "StatefulSet", workload(MONITORING, POD))["spec"]
    pod = stateful["template"]["spec"]
    assert pod["nodeSelector"] == said.nodes
    requests = [each["resources"]["requests"] for each in pod["containers"]]
    together = Resources.total([Resources(millicores(each["cpu"]), memory_bytes(each["memory"])) for each in requests])
    assert together == Resources(said.requests.cpu, said.requests.memory)
    [claim] = stateful["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == f"{said.volume_gib}Gi"


def test_the_sidecars_part_is_taken_from_prometheus_and_counted_once(
    thanos: Cluster, rendered: dict[str, list[Object]]
) -> None:
    said = thanos.releases[MONITORING].pods["prometheus"]
    values = component_values(rendered)
    each = [values["resources"], values["thanos"]["resources"]]
    taken = Resources.total(
        [Resources(millicores(one["requests"]["cpu"]), memory_bytes(one["requests"]["memory"])) for one in each]
    )
    # The rest is the reloader's.
    assert Resources(said.requests.cpu, said.requests.memory) - taken == Resources(5, memory_bytes("24Mi"))
    nodes = {load.node.name: load for load in loads(thanos, rendered)}
    by_file = {load.node.name: load for load in fit(thanos.nodes, thanos.kubernetes, thanos.releases).loads}
    [node] = [each.name for each in thanos.nodes if each.matches(said.nodes)]
    assert nodes[node].requested == by_file[node].requested
    assert "thanos-store" in nodes[node].pods


def component_values(rendered: dict[str, list[Object]]) -> Object:
    spec: Object = of_kind(rendered[MONITORING], "Prometheus", "monitoring-prometheus")["spec"]
    return spec


def test_nothing_of_it_is_left_dangling(thanos: Cluster, rendered: dict[str, list[Object]]) -> None:
    # The pods that it watches are of other releases.
    alone = {name: [each for each in objects if each["kind"] != "ServiceMonitor"] for name, objects in rendered.items()}
    assert findings(thanos, alone, {each.id for each in secrets_needed(thanos)}) == []
    without = {**alone, MONITORING: [each for each in alone[MONITORING] if each["metadata"]["name"] != "thanos-bucket"]}
    found = findings(thanos, without, {each.id for each in secrets_needed(thanos)})
    assert {each.release for each in found} == {MONITORING, WATCHING}


def test_grafana_asks_the_store_beside_prometheus(rendered: dict[str, list[Object]]) -> None:
    service = of_kind(rendered[WATCHING], "Service", f"{WATCHING}-thanos")
    ports = {each["port"] for each in service["spec"]["ports"]}
    assert 9090 in ports
    configs = [each for each in rendered[MONITORING] if each["kind"] == "ConfigMap" and "Thanos" in json.dumps(each)]
    assert any(f"http://{WATCHING}-thanos.monitoring:9090/" in json.dumps(each) for each in configs)


def test_before_there_is_a_bucket_its_name_is_not_made_up(site: Site) -> None:
    site.outputs_file.unlink()
    with pytest.raises(NotYet):
        component(site, MONITORING)


def test_without_it_there_is_nothing_of_it(cluster: Cluster, tmp_path: Path) -> None:
    bare = made(cluster, tmp_path / "bare")
    assert "thanos" not in json.dumps(release(bare, MONITORING).values).replace("thanosRuler", "")
    assert release(bare, WATCHING).values["thanos"] == {"enabled": False}
