"""The fear: monitors that lead nowhere, or to targets with other labels than the rules ask for."""

from collections.abc import Callable

import pytest

from tests.charts.policies import Network, Peer
from tests.charts.rendering import Manifest, named, of_kind, workload
from tests.charts.values import DOMAINS, STORES, WORKERS
from tests.monitoring.chart import NAME, Target, targets

Rendered = Callable[[str], list[Manifest]]


@pytest.fixture(scope="module")
def found(made: list[Manifest], of_release: Rendered) -> list[Target]:
    """The targets among the Services of every release of ours."""
    services = [one for name in (*DOMAINS, *WORKERS, *STORES) for one in of_kind(of_release(name), "Service")]
    return list(targets(of_kind(made, "ServiceMonitor"), services))


@pytest.mark.parametrize(
    ("job", "releases", "port"),
    [
        ("eco2-gateway", DOMAINS, "gateway-metrics"),
        ("eco2-service", DOMAINS, "metrics"),
        ("eco2-worker", WORKERS, "metrics"),
        ("rabbitmq", ("rabbitmq",), "metrics"),
        ("rabbitmq-detailed", ("rabbitmq",), "metrics"),
        ("postgresql", ("postgresql",), "metrics"),
        ("redis", ("redis",), "metrics"),
    ],
)
def test_each_job_has_its_targets_once(found: list[Target], job: str, releases: tuple[str, ...], port: str) -> None:
    """By the names of the Services' ports, and each process is there, so that no alert stands for ever."""
    of = [target for target in found if target.labels["job"] == job]

    assert sorted(target.release for target in of) == sorted(releases)
    assert {target.port for target in of} == {port}


def test_no_target_is_asked_for_twice_under_the_same_labels(found: list[Target]) -> None:
    """Each address has two ports at most; the labels alone have to tell them apart."""
    labels = [(target.release, target.port, target.path) for target in found]

    assert len(set(labels)) == len(labels)
    assert len({(target.release, target.port, target.labels["job"]) for target in found}) == len(found)


def test_a_target_has_our_labels_and_no_others(found: list[Target]) -> None:
    """`service` is a label of our own metrics, and would be pushed aside."""
    for target in found:
        ours = {"domain"} if target.labels["job"].startswith("eco2-") else set()
        assert set(target.labels) == {"job", "namespace", "pod", "instance", "node"} | ours
        assert target.labels["node"] == "the-node"
        assert target.labels.get("domain", target.release) == target.release


def test_a_gateways_metrics_of_another_domain_keep_that_domain(found: list[Target]) -> None:
    assert {target.honors_labels for target in found if target.labels["job"] == "eco2-gateway"} == {True}
    assert {target.honors_labels for target in found if target.labels["job"] != "eco2-gateway"} == {False}


def test_single_queues_are_asked_for(made: list[Manifest]) -> None:
    (endpoint,) = named(made, "ServiceMonitor", f"{NAME}-rabbitmq-detailed")["spec"]["endpoints"]

    assert endpoint["path"] == "/metrics/detailed"
    assert endpoint["params"] == {"family": ["queue_coarse_metrics", "queue_consumer_count"]}


def test_prometheus_may_reach_every_target(of_release: Rendered, found: list[Target]) -> None:
    prometheus = Peer("monitoring", {"app.kubernetes.io/name": "prometheus"})
    for name in {target.release for target in found}:
        manifests = of_release(name)
        pod, network = workload(manifests), Network(of_kind(manifests, "NetworkPolicy"))
        ports = {port["name"]: port["containerPort"] for one in pod.containers for port in one.get("ports", [])}
        target = Peer(pod.owner["metadata"]["namespace"], pod.labels, ports)
        for service in of_kind(manifests, "Service"):
            if service["metadata"]["labels"].get("app.kubernetes.io/component") == "metrics":
                for port in service["spec"]["ports"]:
                    assert network.allows(prometheus, target, ports[port["targetPort"]]), f"{name}: {port['name']}"
