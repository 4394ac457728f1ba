"""The fear: the store of old metrics may too much, runs where it must not, or cannot reach the bucket."""

from pathlib import Path

from tests.charts.policies import Network, Peer
from tests.charts.rendering import Manifest, container, named, of_kind, parsed, text_of, workload
from tests.charts.restricted import violations
from tests.monitoring.chart import THANOS, release, targets


def test_thanos_may_nothing_that_it_need_not(with_thanos: list[Manifest]) -> None:
    assert violations(workload(with_thanos)) == []


def test_thanos_runs_where_it_is_told_and_takes_what_it_is_given(with_thanos: list[Manifest]) -> None:
    pod = workload(with_thanos)

    assert pod.spec["nodeSelector"] == THANOS["nodeSelector"]
    assert pod.spec["tolerations"] == THANOS["tolerations"]
    requests = [one["resources"]["requests"] for one in pod.containers]
    assert sum(int(one["cpu"].removesuffix("m")) for one in requests) == 100
    assert sum(int(one["memory"].removesuffix("Mi")) for one in requests) == 256
    assert sum(int(one["resources"]["limits"]["memory"].removesuffix("Mi")) for one in pod.containers) == 512


def test_only_grafana_and_prometheus_reach_thanos_and_it_the_bucket_and_the_sidecar(
    with_thanos: list[Manifest],
) -> None:
    network, pod = Network(of_kind(with_thanos, "NetworkPolicy")), workload(with_thanos)
    ports = {port["name"]: port["containerPort"] for one in pod.containers for port in one["ports"]}
    thanos = Peer("monitoring", pod.labels, ports)
    grafana = Peer("monitoring", {"app.kubernetes.io/name": "grafana"})
    prometheus = Peer("monitoring", {"app.kubernetes.io/name": "prometheus"})
    stranger = Peer("eco2", {"app.kubernetes.io/name": "grafana"})

    assert network.allows(grafana, thanos, 9090)
    assert network.allows(prometheus, thanos, 10902)
    assert network.allows(thanos, prometheus, 10901)
    assert network.allows(thanos, Peer(address="52.219.60.1"), 443)
    assert network.allows(thanos, Peer(address="169.254.169.254"), 80)
    assert not network.allows(stranger, thanos, 9090)
    assert not network.allows(grafana, thanos, 10901)
    assert not network.allows(thanos, Peer(address="10.0.0.1"), 443)


def test_thanos_is_scraped_itself(with_thanos: list[Manifest]) -> None:
    of = [one for one in targets(of_kind(with_thanos, "ServiceMonitor"), with_thanos) if one.labels["job"] == "thanos"]

    assert [(one.port, one.labels["pod"]) for one in of] == [("metrics", "the-pod")]


def test_what_is_no_secret_is_all_that_is_in_it(program: Path) -> None:
    """The bucket's settings come from a Secret that is not of this chart."""
    text = text_of(program, release(thanos=THANOS))

    assert not of_kind(parsed(text), "Secret")
    assert "secretName: thanos-bucket" in text


def test_its_pod_has_a_name_that_can_be_looked_up(with_thanos: list[Manifest]) -> None:
    of = named(with_thanos, "Service", workload(with_thanos).owner["spec"]["serviceName"])

    assert of["spec"]["clusterIP"] == "None"


def test_old_and_new_are_asked_at_once(with_thanos: list[Manifest]) -> None:
    """The store beside it for what is in the bucket, and the sidecar for what Prometheus itself still has."""
    args = container(workload(with_thanos), "query")["args"]

    assert [one.partition("=")[2] for one in args if one.startswith("--endpoint=")] == [
        "127.0.0.1:10901",
        "dnssrv+_grpc._tcp.prometheus-operated.monitoring.svc.cluster.local",
    ]
