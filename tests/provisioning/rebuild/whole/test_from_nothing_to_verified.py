"""The whole of a rebuild: what its plan says beforehand, what stands at the end, and a second run without work."""

from __future__ import annotations

import json
import stat

from provisioning.cluster.registration import node_labels, node_taints
from provisioning.run import ExitCode
from tests.provisioning.rebuild.whole.conftest import Rebuilt
from tests.provisioning.rebuild.world import PHASES


def test_a_plan_changes_nothing_and_says_what_it_cannot_know_yet(rebuilt: Rebuilt) -> None:
    assert rebuilt.planned.code == ExitCode.PLAN_HAS_CHANGES, rebuilt.planned.text
    assert rebuilt.changes_by_plan == rebuilt.changes_before
    plan = json.loads(rebuilt.planned.out)
    by_phase = {step["phase"]: step for step in plan["steps"]}
    assert list(by_phase) == PHASES
    machines = [each for each in by_phase["terraform"]["actions"] if "aws_instance" in each["title"]]
    assert len(machines) == len(rebuilt.world.site.nodes)
    assert by_phase["prepare"]["state"] == "unknown"
    assert "Terraform" in by_phase["prepare"]["reason"]


def test_it_ends_verified(rebuilt: Rebuilt) -> None:
    assert rebuilt.first.code == ExitCode.DONE, rebuilt.first.text


def test_every_node_is_what_the_cluster_file_says(rebuilt: Rebuilt) -> None:
    world = rebuilt.world
    found = {node["metadata"]["name"]: node for node in world.api.list("Node")}
    machines = world.site.machines()
    assert set(found) == set(world.site.nodes)
    labels, taints = node_labels(world.cluster), node_taints(world.cluster)
    for name, node in found.items():
        conditions = {each["type"]: each["status"] for each in node["status"]["conditions"]}
        assert conditions["Ready"] == "True", name
        assert node["spec"]["providerID"] == machines[name].provider_id
        assert labels[name].items() <= node["metadata"]["labels"].items()
        assert {(each["key"], each["effect"]) for each in node["spec"].get("taints", [])} == {
            (taint.key, taint.effect) for taint in taints[name]
        }
        assert node["status"]["nodeInfo"]["kubeletVersion"] == f"v{world.cluster.kubernetes.version}"


def test_what_may_happen_once_happened_once(rebuilt: Rebuilt) -> None:
    machines = rebuilt.world.machines
    assert machines is not None
    control_plane = rebuilt.world.site.control_plane
    assert machines.count(None, r"^kubeadm init --") == 1
    for name in rebuilt.world.site.nodes:
        assert machines.count(name, r"^kubeadm join") == (0 if name == control_plane else 1)


def test_no_token_is_left_with_which_a_stranger_could_join(rebuilt: Rebuilt) -> None:
    assert rebuilt.world.api.tokens() == []


def test_the_kubeconfig_is_its_owners_alone(rebuilt: Rebuilt) -> None:
    assert stat.S_IMODE(rebuilt.world.site.kubeconfig.stat().st_mode) == 0o600


def test_names_of_the_domain_point_to_the_load_balancer(rebuilt: Rebuilt) -> None:
    world = rebuilt.world
    records = world.account.client("route53").list_resource_record_sets(HostedZoneId=world.zone)["ResourceRecordSets"]
    aliases = {each["Name"].rstrip("."): each["AliasTarget"]["DNSName"] for each in records if "AliasTarget" in each}
    balancer = world.account.client("elbv2").describe_load_balancers()["LoadBalancers"][0]["DNSName"]
    for which in ("api", "www", "grafana"):
        assert aliases[str(world.cluster.domain.host(which))].rstrip(".").endswith(balancer)


def test_a_second_run_changes_nothing_anywhere(rebuilt: Rebuilt) -> None:
    assert rebuilt.second.code == ExitCode.DONE, rebuilt.second.text
    assert rebuilt.changes_by_second == rebuilt.changes_by_first


def test_afterwards_a_plan_is_empty(rebuilt: Rebuilt) -> None:
    assert rebuilt.planned_again.code == ExitCode.DONE, rebuilt.planned_again.text
    assert "Nothing to do" in rebuilt.planned_again.out
