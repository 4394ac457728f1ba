"""A cluster that is almost what its file says: each difference is found, all of them at once."""

import copy
from typing import Any

import pytest

from provisioning.cluster.registration import node_labels
from provisioning.kubernetes.monitoring import workload
from provisioning.kubernetes.verification import Seen, problems
from provisioning.site import Site

Object = dict[str, Any]


@pytest.fixture
def seen(site: Site) -> Seen:
    """All as it should be."""
    cluster, machines = site.cluster, site.machines()
    nodes = [
        {
            "metadata": {"name": node.name, "labels": dict(node_labels(cluster)[node.name])},
            "spec": {
                "providerID": machines[node.name].provider_id,
                "taints": [taint.as_dict() for taint in node.taints],
            },
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "nodeInfo": {"kubeletVersion": f"v{cluster.kubernetes.version}"},
            },
        }
        for node in cluster.nodes
    ]
    workloads = [
        {
            "metadata": {"name": workload(release_name, name), "namespace": release.namespace},
            "status": {"readyReplicas": pod.replicas} if pod.nodes else {"numberReady": len(nodes)},
        }
        for release_name, release in cluster.releases.items()
        for name, pod in release.pods.items()
    ]
    return Seen(nodes, workloads, [], [], [])


def texts(site: Site, seen: Seen) -> list[str]:
    return [problem.text for problem in problems(site.cluster, site.machines(), seen)]


def test_a_cluster_as_its_file_says_has_no_problem(site: Site, seen: Seen) -> None:
    assert texts(site, seen) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda node: node["spec"].update(providerID="aws:///ap-northeast-2a/i-0000000000000dead"),
            "has the providerID",
        ),
        (lambda node: node["spec"].pop("providerID"), "has the providerID none"),
        (lambda node: node["metadata"]["labels"].update(domain="wrong"), "has the label domain=wrong"),
        (lambda node: node["metadata"]["labels"].pop("workload"), "has the label workload=(none)"),
        (lambda node: node["spec"].update(taints=[]), "lacks the taint workload=worker:NoSchedule"),
        (
            lambda node: node["spec"]["taints"].append({"key": "x", "value": "y", "effect": "NoExecute"}),
            "has the taint x=y:NoExecute",
        ),
        (lambda node: node["status"]["nodeInfo"].update(kubeletVersion="v1.33.1"), "runs Kubernetes v1.33.1"),
    ],
)
def test_a_node_that_differs_is_named_with_the_difference(change: Any, said: str, site: Site, seen: Seen) -> None:
    worker = site.cluster.of_role("worker")[0].name
    change(next(node for node in seen.nodes if node["metadata"]["name"] == worker))
    found = texts(site, seen)
    assert any(said in text and worker in text for text in found), found


def test_a_node_that_is_missing_and_one_too_many_are_both_told(site: Site, seen: Seen) -> None:
    stranger = copy.deepcopy(seen.nodes[-1])
    stranger["metadata"]["name"] = "k8s-stranger"
    left_out = seen.nodes[1]["metadata"]["name"]
    changed = Seen([seen.nodes[0], *seen.nodes[2:], stranger], seen.workloads, [], [], [])
    found = texts(site, changed)
    assert f"{left_out} has not joined" in found
    assert "k8s-stranger is a node of the cluster and none of the cluster file" in found


def test_nodes_are_counted_by_their_role(site: Site, seen: Seen) -> None:
    api = len(site.cluster.of_role("api"))
    seen.nodes[1]["status"]["conditions"] = [{"type": "Ready", "status": "False", "message": "PLEG is not healthy"}]
    found = texts(site, seen)
    assert f"{seen.nodes[1]['metadata']['name']} is not Ready: PLEG is not healthy" in found
    assert f"{api - 1} of {api} nodes of the role api are Ready" in found


def test_a_workload_that_is_missing_or_not_ready_is_told(site: Site, seen: Seen) -> None:
    workloads = [each for each in seen.workloads if each["metadata"]["name"] != "redis"]
    next(each for each in workloads if each["metadata"]["name"] == "waste")["status"] = {"readyReplicas": 1}
    found = texts(site, Seen(seen.nodes, workloads, [], [], []))
    assert found == ["waste: 1 of 2 pods of waste are ready", "redis: there is no workload data/redis"]


def test_what_calicos_operator_makes_is_looked_for_in_its_namespace_and_may_be_more(site: Site, seen: Seen) -> None:
    for each in seen.workloads:
        if each["metadata"]["name"].startswith("calico-"):
            each["metadata"]["namespace"] = "calico-system"
        if each["metadata"]["name"] == "calico-typha":
            each["status"] = {"readyReplicas": 3}
    assert texts(site, seen) == []


def test_a_pod_that_waits_and_a_claim_without_a_volume_are_told(site: Site, seen: Seen) -> None:
    pod = {"metadata": {"name": "x-1", "namespace": "eco2"}, "status": {"phase": "Pending"}}
    claim = {"metadata": {"name": "journal", "namespace": "eco2"}, "status": {"phase": "Pending"}}
    found = texts(site, Seen(seen.nodes, seen.workloads, [pod], [claim], []))
    assert found == ["pod eco2/x-1 is Pending", "the volume claim eco2/journal is Pending"]


def test_a_pod_that_is_being_replaced_and_a_job_made_good_are_no_problem(site: Site, seen: Seen) -> None:
    job = [{"kind": "Job", "uid": "1"}]
    gone = {"metadata": {"name": "x-1", "namespace": "eco2", "deletionTimestamp": "now"}, "status": {}}
    first = {"metadata": {"name": "m-1", "namespace": "eco2", "ownerReferences": job}, "status": {"phase": "Failed"}}
    second = {
        "metadata": {"name": "m-2", "namespace": "eco2", "ownerReferences": job},
        "status": {"phase": "Succeeded"},
    }
    assert texts(site, Seen(seen.nodes, seen.workloads, [gone, first, second], [], [])) == []


def test_only_what_may_be_over_in_a_moment_is_waited_for(site: Site, seen: Seen) -> None:
    seen.nodes[1]["status"]["conditions"] = []
    seen.nodes[2]["spec"]["providerID"] = "aws:///ap-northeast-2a/i-0000000000000dead"
    settles = {problem.text: problem.settles for problem in problems(site.cluster, site.machines(), seen)}
    assert [is_settling for text, is_settling in settles.items() if "providerID" in text] == [False]
    assert all(is_settling for text, is_settling in settles.items() if "Ready" in text)


def test_what_an_operator_has_still_to_make_is_waited_for_and_nothing_else_that_is_missing(
    site: Site, seen: Seen
) -> None:
    gone = ("prometheus-monitoring-prometheus", "grafana")
    left = [each for each in seen.workloads if each["metadata"]["name"] not in gone]
    found = problems(site.cluster, site.machines(), Seen(seen.nodes, left, [], [], []))
    assert {problem.text: problem.settles for problem in found} == {
        "monitoring: there is no workload monitoring/prometheus-monitoring-prometheus": True,
        "monitoring: there is no workload monitoring/grafana": False,
    }
