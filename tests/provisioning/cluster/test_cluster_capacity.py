"""What a node has for pods, and whether all pods find room."""

import pytest

from provisioning.cluster.capacity import allocatable, fit
from provisioning.cluster.instances import instance_type, instance_types, quotas, regions, zones_offering
from provisioning.cluster.loading import examine_text
from provisioning.cluster.model import Cluster
from provisioning.cluster.quantities import GIB, MIB, Resources, memory_bytes, memory_text, millicores
from provisioning.cluster.totals import expected_nodes, totals, vcpu_by_quota, volumes_gib


def test_a_nodes_room_is_its_memory_less_what_is_unseen_reserved_and_kept_from_eviction(small: Cluster) -> None:
    room = allocatable(small.node("api"), small.kubernetes)
    seen = int(4096 * MIB * 0.925)
    assert room == Resources(2000 - 100 - 100, seen - (256 + 320 + 128) * MIB, 60)


def test_every_pod_of_the_products_cluster_finds_room_with_some_to_spare(cluster: Cluster) -> None:
    placed = fit(cluster.nodes, cluster.kubernetes, cluster.releases)
    assert placed.shortages == ()
    for load in placed.loads:
        assert load.requested.memory < 0.75 * load.allocatable.memory, load.node.name
        assert load.requested.cpu < 0.75 * load.allocatable.cpu, load.node.name


def test_the_products_api_nodes_have_room_for_one_more_pod_while_an_update_rolls(cluster: Cluster) -> None:
    for load in fit(cluster.nodes, cluster.kubernetes, cluster.releases).loads:
        if load.node.role == "api":
            (pod,) = cluster.releases[load.node.labels["domain"]].pods.values()
            assert load.free.holds(pod.requests.one_pod), load.node.name


def test_the_worst_case_of_the_products_limits_leaves_no_dedicated_node_without_memory(cluster: Cluster) -> None:
    """Where pods may take all that they are limited to, the kernel would end one that is innocent."""
    for node in cluster.nodes:
        if node.role in ("worker", "infrastructure"):
            limits = sum(
                (pod.limits.memory if pod.limits else pod.requests.memory) * (pod.replicas or 1)
                for release in cluster.releases.values()
                for pod in release.pods.values()
                if node.matches(pod.nodes)
            )
            assert limits <= allocatable(node, cluster.kubernetes).memory, node.name


def test_replicas_are_spread_over_the_nodes_they_may_use(cluster: Cluster) -> None:
    loads = fit(cluster.nodes, cluster.kubernetes, cluster.releases).loads
    for pod in ("coredns", "calico-typha", "ebs-csi-controller", "aws-load-balancer-controller"):
        assert sorted(load.pods[pod] for load in loads if pod in load.pods) == [1, 1], pod


def test_pods_for_every_node_are_on_every_node_whatever_its_taints(cluster: Cluster) -> None:
    for load in fit(cluster.nodes, cluster.kubernetes, cluster.releases).loads:
        assert {"calico-node", "ebs-csi-node", "node-exporter", "kube-proxy"} <= set(load.pods)


def test_the_control_planes_own_pods_count(small: Cluster) -> None:
    loads = {load.node.name: load for load in fit(small.nodes, small.kubernetes, small.releases).loads}
    assert loads["master"].requested == Resources(650 + 150 + 100, (100 + 128 + 70) * MIB, 7)


def test_more_pods_than_a_node_may_have_find_no_room(small_text: str) -> None:
    text = small_text.replace("max_pods: 60", "max_pods: 10").replace(
        "replicas: 2, requests: {cpu: 300m", "replicas: 12, requests: {cpu: 1m"
    )
    text = text.replace("memory: 512Mi}, limits: {memory: 1Gi}", "memory: 1Mi}")
    (told,) = examine_text(text).errors
    assert told.path == "releases.waste.pods.waste.requests"
    assert "no place for one more than 10 pods" in told.message


def test_the_products_totals_are_the_specified_ones(cluster: Cluster) -> None:
    counted = totals(cluster.nodes)
    assert (counted.nodes, counted.vcpu, counted.memory_gib) == (13, 26, 64)
    assert expected_nodes(cluster) == {"control-plane": 1, "api": 6, "worker": 2, "infrastructure": 4}
    assert vcpu_by_quota(cluster) == {"L-1216C47A": 26}


def test_a_role_without_nodes_is_not_expected(small: Cluster) -> None:
    assert expected_nodes(small) == {"control-plane": 1, "api": 1, "worker": 1}
    assert volumes_gib(small) == 10


@pytest.mark.parametrize(
    ("name", "vcpu", "gib", "vpc_pods"),
    [
        ("t3a.medium", 2, 4, 17),
        ("t3a.large", 2, 8, 35),
        ("t3a.small", 2, 2, 8),
        ("t3.small", 2, 2, 11),
        ("m6i.large", 2, 8, 29),
    ],
)
def test_an_instance_type_is_what_aws_says(name: str, vcpu: int, gib: int, vpc_pods: int) -> None:
    found = instance_type(name)
    assert (found.vcpu, found.memory_gib, found.vpc_pods) == (vcpu, gib, vpc_pods)


def test_every_instance_type_counts_against_a_quota_of_the_table() -> None:
    assert {found.quota for found in instance_types().values()} == set(quotas())


def test_t3a_is_offered_in_two_zones_of_seoul_and_t3_in_all() -> None:
    assert zones_offering("t3a.medium", "ap-northeast-2") == ("ap-northeast-2a", "ap-northeast-2c")
    assert zones_offering("t3.medium", "ap-northeast-2") == regions()["ap-northeast-2"]


@pytest.mark.parametrize(("text", "amount"), [("250m", 250), ("2", 2000), ("1000m", 1000)])
def test_cpu_is_counted_in_millicores(text: str, amount: int) -> None:
    assert millicores(text) == amount


@pytest.mark.parametrize(("text", "amount"), [("512Mi", 512 * MIB), ("2Gi", 2 * GIB), ("64Ki", 65536)])
def test_memory_is_counted_in_bytes(text: str, amount: int) -> None:
    assert memory_bytes(text) == amount


@pytest.mark.parametrize(("amount", "text"), [(GIB, "1Gi"), (1536 * MIB, "1536Mi"), (0, "0Mi"), (GIB + 1, "1024Mi")])
def test_memory_is_written_short(amount: int, text: str) -> None:
    assert memory_text(amount) == text


@pytest.mark.parametrize("text", ["", "0", "0m", "-1", "1.5", "1e3", "250 m", "٢m"])
def test_what_is_no_amount_of_cpu_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no amount of CPU"):
        millicores(text)


@pytest.mark.parametrize("text", ["", "0Mi", "512", "512M", "1.5Gi", "512mi", "9999999999Mi"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no amount of memory"):
        memory_bytes(text)
