"""Found in rendered manifests, before there is a machine: pods without a node, without room, without their Secrets."""

from typing import Any

import pytest

from provisioning.cluster import Cluster
from provisioning.cluster.placement import placement
from provisioning.kubernetes.manifests import amount, references, untolerated, workloads
from provisioning.kubernetes.render import FITS, PLACED, REFERS, SCRAPED, findings

Object = dict[str, Any]


def deployment(name: str, replicas: int = 1, kind: str = "Deployment", **pod: Any) -> Object:
    container = {"name": name, "image": "example:1", "resources": pod.pop("resources", {})}
    container |= {key: pod.pop(key) for key in ("env", "envFrom") if key in pod}
    spec: Object = {"template": {"spec": {"containers": [container], **pod}}}
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def placed(cluster: Cluster, release: str, pod: str) -> Object:
    """The pod of a release as its chart would place it."""
    values = placement(cluster, release)[pod]
    place = {key: values[key] for key in ("nodeSelector", "tolerations", "resources")}
    return deployment(pod, values.get("replicas", 1), **place)


def found(cluster: Cluster, manifests: dict[str, list[Object]], *secrets: str) -> list[tuple[int, str]]:
    return [(finding.number, finding.text) for finding in findings(cluster, manifests, secrets)]


def test_what_the_file_places_runs(cluster: Cluster) -> None:
    manifests = {
        name: [placed(cluster, name, pod) for pod, said in release.pods.items() if said.nodes is not None]
        for name, release in cluster.releases.items()
    }
    assert found(cluster, manifests) == []


def test_a_selector_that_no_node_has_is_found(cluster: Cluster) -> None:
    [(number, text)] = found(cluster, {"waste": [deployment("waste", nodeSelector={"domain": "wast"})]})
    assert number == PLACED
    assert text == "waste: Deployment eco2/waste: no node has domain=wast"


def test_a_taint_that_is_not_tolerated_is_found(cluster: Cluster) -> None:
    [(number, text)] = found(cluster, {"redis": [deployment("redis", nodeSelector={"domain": "redis"})]})
    assert number == PLACED
    assert "workload=infrastructure:NoSchedule" in text


def test_a_pod_for_every_node_has_to_tolerate_every_taint(cluster: Cluster) -> None:
    agent = deployment("agent", kind="DaemonSet")
    tolerant = deployment("agent", kind="DaemonSet", tolerations=[{"operator": "Exists"}])
    assert [number for number, _ in found(cluster, {"waste": [agent]})] == [PLACED]
    assert found(cluster, {"waste": [tolerant]}) == []


@pytest.mark.parametrize(
    ("toleration", "runs"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "workload", "operator": "Exists"}, True),
        ({"key": "workload", "value": "worker"}, True),
        ({"key": "workload", "operator": "Equal", "value": "worker", "effect": "NoSchedule"}, True),
        ({"key": "workload", "operator": "Equal", "value": "infrastructure", "effect": "NoSchedule"}, False),
        ({"key": "workload", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_a_toleration_counts_as_the_scheduler_counts_it(toleration: Object, runs: bool, cluster: Cluster) -> None:
    [workload] = workloads("ai", "eco2", [deployment("ai", tolerations=[toleration])])
    worker = cluster.of_role("worker")[0]
    assert (untolerated(workload, worker) == []) is runs


def test_requests_that_no_node_can_give_are_found_with_what_is_left(cluster: Cluster) -> None:
    greedy = deployment("waste", 2, nodeSelector={"domain": "waste"}, resources={"requests": {"memory": "2Gi"}})
    texts = [text for number, text in found(cluster, {"waste": [greedy]}) if number == FITS]
    assert texts, "two pods of 2Gi do not fit on one node of 4Gi"
    assert "wants 0m CPU and 2048Mi" in texts[0]
    assert "left of" in texts[0]


def test_releases_that_are_not_rendered_want_their_room_too(cluster: Cluster) -> None:
    # What postgresql's node has beside postgresql itself and the pods of every node is less than this.
    other = deployment("other", nodeSelector={"domain": "postgresql"}, resources={"requests": {"memory": "1500Mi"}})
    other["spec"]["template"]["spec"]["tolerations"] = [{"operator": "Exists"}]
    assert [number for number, _ in found(cluster, {"redis": [other]})] == [FITS]


def test_a_secret_that_nobody_makes_is_found_once(cluster: Cluster) -> None:
    place = {"nodeSelector": {"domain": "waste"}, "envFrom": [{"secretRef": {"name": "backends"}}]}
    place["env"] = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "backends", "key": "a"}}}]
    waste = deployment("waste", **place)
    assert found(cluster, {"waste": [waste]}) == [
        (REFERS, "waste: Deployment eco2/waste wants the Secret backends, which nobody makes in eco2")
    ]
    assert found(cluster, {"waste": [waste]}, "eco2/backends") == []
    # One of the same name in another namespace is another.
    assert found(cluster, {"waste": [waste]}, "data/backends") != []


def test_a_config_map_of_the_same_release_is_there(cluster: Cluster) -> None:
    volumes = [{"name": "config", "configMap": {"name": "settings"}}]
    waste = deployment("waste", nodeSelector={"domain": "waste"}, volumes=volumes)
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
    assert found(cluster, {"waste": [waste, settings]}) == []
    assert [number for number, _ in found(cluster, {"waste": [waste]})] == [REFERS]


def test_every_place_that_can_name_a_secret_is_looked_at() -> None:
    pod = deployment(
        "x",
        imagePullSecrets=[{"name": "registry"}],
        volumes=[
            {"name": "a", "secret": {"secretName": "tls"}},
            {"name": "b", "projected": {"sources": [{"secret": {"name": "projected"}}]}},
            {"name": "c", "secret": {"secretName": "left-out", "optional": True}},
        ],
        initContainers=[{"name": "i", "envFrom": [{"secretRef": {"name": "first"}}]}],
    )
    [workload] = workloads("waste", "eco2", [pod])
    assert {name for kind, name in references(workload)} == {"registry", "tls", "projected", "first"}


def monitor(port: str, **labels: str) -> Object:
    spec = {"selector": {"matchLabels": labels}, "endpoints": [{"port": port}]}
    spec["namespaceSelector"] = {"matchNames": ["eco2"]}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "m"}, "spec": spec}


def test_a_service_monitor_scrapes_a_port_that_a_service_has(cluster: Cluster) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "waste", "labels": {"app": "waste"}}}
    service["spec"] = {"ports": [{"name": "http", "port": 80}]}  # type: ignore[assignment]
    apis = {"waste": [service]}
    assert found(cluster, {**apis, "auth": [monitor("http", app="waste")]}) == []
    [(number, text)] = found(cluster, {**apis, "auth": [monitor("metrics", app="waste")]})
    assert (number, "scrapes the port metrics; its Services have http" in text) == (SCRAPED, True)
    [(number, text)] = found(cluster, {**apis, "auth": [monitor("http", app="wast")]})
    assert text == "auth: ServiceMonitor eco2/m finds no Service"


def test_a_service_monitor_that_names_releases_wants_one_of_them(cluster: Cluster) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "waste", "labels": {"release": "waste"}}}
    service["spec"] = {"ports": [{"name": "http", "port": 80}]}  # type: ignore[assignment]
    one, other = monitor("http"), monitor("http")
    for each, names in ((one, ["waste", "auth"]), (other, ["auth"])):
        each["spec"]["selector"]["matchExpressions"] = [{"key": "release", "operator": "In", "values": names}]
    assert found(cluster, {"waste": [service], "auth": [one]}) == []
    [(number, _)] = found(cluster, {"waste": [service], "auth": [other]})
    assert number == SCRAPED


def test_the_monitors_of_a_component_may_watch_services_that_its_operator_makes(cluster: Cluster) -> None:
    assert found(cluster, {"monitoring": [monitor("https-metrics", k8s_app="kubelet")]}) == []


@pytest.mark.parametrize(("text", "value"), [("250m", 0.25), ("2", 2), ("1.5", 1.5), ("64Mi", 67108864), ("1G", 10**9)])
def test_amounts_are_read_as_kubernetes_writes_them(text: str, value: float) -> None:
    assert float(amount(text)) == value


def test_an_amount_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no quantity"):
        amount("lots")
