"""An upgrade goes node by node, is stopped by what must not happen, and goes on where it was cut off."""

from __future__ import annotations

import threading
import time

import pytest

from provisioning.cluster import Version
from provisioning.operations import upgrade
from provisioning.operations.looking import look
from provisioning.operations.nodes import CORDONED
from provisioning.operations.scripts import etcd as etcd_scripts
from provisioning.operations.upgrade_checks import UpgradeChecks
from provisioning.operations.upgrade_nodes import UpgradeControlPlane, UpgradeNodes
from provisioning.run import Stop
from tests.doubles.hosts import Fails
from tests.provisioning.operations.conftest import Lives
from tests.provisioning.operations.living import AnyPhase, Rig, Wanted, at_version, budget, deployment, failures

TO = Version(1, 34, 12)
MASTER, API, AI = "k8s-master", "k8s-api-waste", "k8s-worker-ai"


def phases(rig: Rig, *, drain_s: float = 20.0) -> list[AnyPhase]:
    site = at_version(rig.site, str(TO))
    return [
        UpgradeChecks(site, rig.hosts, rig.kubectl, TO),
        UpgradeControlPlane(site, rig.hosts, rig.kubectl, TO, drain_s=drain_s),
        UpgradeNodes(site, rig.hosts, rig.kubectl, TO, drain_s=drain_s),
    ]


def snapshot(rig: Rig) -> None:
    """What the phase before the control plane's does; kubeadm's model asks for it before etcd 3.6."""
    rig.hosts.run(look(rig.site, "snapshot", MASTER), MASTER, etcd_scripts.snapshot())


def versions(rig: Rig) -> dict[str, str]:
    return {node["metadata"]["name"]: node["status"]["nodeInfo"]["kubeletVersion"] for node in rig.api.list("Node")}


def cordoned(rig: Rig) -> dict[str, str | None]:
    return {
        node["metadata"]["name"]: node["metadata"].get("annotations", {}).get(CORDONED)
        for node in rig.api.list("Node")
        if node["spec"].get("unschedulable")
    }


def test_every_node_goes_once_from_1_33_to_1_34_and_a_second_run_changes_nothing(lives: Lives) -> None:
    rig = lives()
    # No minor is left out.
    assert upgrade.hops(at_version(rig.site, str(TO)), rig.hosts, rig.kubectl) == [TO]
    assert upgrade.hops(rig.site, rig.hosts, rig.kubectl) == [Version(1, 33, 13)]
    assert upgrade.hops(at_version(rig.site, "1.35.9"), rig.hosts, rig.kubectl) == [TO, Version(1, 35, 9)]
    rig.api.put(deployment("walking", 1, {"domain": "ai"}))
    rig.api.settle()
    snapshot(rig)
    rig.done(*phases(rig))
    assert any("walking" in each.path for each in rig.api.requests if each.path.endswith("/eviction"))
    assert set(versions(rig).values()) == {f"v{TO}"}
    assert cordoned(rig) == {}
    assert rig.world.count(MASTER, "kubeadm upgrade apply v1.34.12 --yes") == 1
    for node in rig.site.nodes:
        if node != MASTER:
            assert rig.world.count(node, "kubeadm upgrade node") == 1
        assert "pause:3.10.1" in rig.world.hosts[node].read("/etc/containerd/config.toml")
    mutations, changes = len(rig.world.mutations()), len(rig.api.mutations())
    assert rig.run(*phases(rig)).changed == 0
    assert (len(rig.world.mutations()), len(rig.api.mutations())) == (mutations, changes)


def test_a_budget_that_holds_a_pod_stops_the_upgrade_and_names_both_and_the_node_takes_pods_again(lives: Lives) -> None:
    rig = lives()
    rig.api.put(deployment("needed", 2, {"domain": "waste"}))
    rig.api.put(budget("needed", minAvailable=1))
    rig.api.settle()
    snapshot(rig)
    # Its pods run on this one node alone, so the second has nowhere to go once the first is gone.
    upgrading = phases(rig, drain_s=7)
    result = rig.run(*upgrading)
    [(node, code, message)] = failures(result)
    assert (node, code) == (API, "E-DRAIN-BLOCKED")
    assert message is not None
    assert "default/needed-" in message
    assert "PodDisruptionBudget needed" in message
    assert cordoned(rig) == {}
    assert versions(rig)[API] == "v1.33.13"
    # Nobody after it was begun.
    assert versions(rig)[AI] == "v1.33.13"
    assert versions(rig)[MASTER] == f"v{TO}"


def test_checks_tell_everything_at_once_before_anything_moves(lives: Lives) -> None:
    rig = lives()
    rig.api.put(deployment("never", 1, {"domain": "waste"}))
    rig.api.put(budget("never", minAvailable=1))
    rig.world.power_off(AI)
    rig.api.settle()
    [(_, code, message)] = failures(rig.run(*phases(rig)))
    assert code == "E-UPGRADE-BLOCKED"
    assert message is not None
    assert f"{AI} is not Ready" in message
    assert "default/never wants 1 of 1 pods" in message
    assert rig.world.count(None, "kubeadm upgrade") == 0


def test_a_node_that_was_left_cordoned_is_given_back_unless_somebody_else_cordoned_it(lives: Lives) -> None:
    rig = lives()
    rig.kubectl.run(look(rig.site, "cordon"), "cordon", AI)
    snapshot(rig)
    rig.world.faults.add(API, r"apt-get .*kubelet=", Fails(100, "E: Unable to fetch some archives"))
    result = rig.run(*phases(rig))
    [(node, code, _)] = failures(result)
    assert (node, code) == (API, "E-SCRIPT")
    assert cordoned(rig) == {API: "upgrade", AI: None}
    assert versions(rig)[AI] == "v1.33.13"
    rig.done(*phases(rig))
    assert cordoned(rig) == {AI: None}
    assert set(versions(rig).values()) == {f"v{TO}"}


def test_a_run_that_is_stopped_in_the_middle_upgrades_no_node_twice(lives: Lives) -> None:
    rig = lives()
    snapshot(rig)
    stop = Stop()

    def when_the_first_node_is_under_way() -> None:
        while not rig.world.count(API, "kubeadm upgrade node"):
            time.sleep(0.02)
        stop.ask()

    watcher = threading.Thread(target=when_the_first_node_is_under_way)
    watcher.start()
    rig.run(*phases(rig), stop=stop)
    watcher.join()
    rig.done(*phases(rig))
    assert {node: rig.world.count(node, "kubeadm upgrade (apply|node)") for node in rig.site.nodes} == dict.fromkeys(
        rig.site.nodes, 1
    )
    assert cordoned(rig) == {}


@pytest.mark.long
def test_all_nodes_of_the_product_s_own_cluster(lives: Lives) -> None:
    rig = lives(Wanted(None))
    snapshot(rig)
    rig.done(*phases(rig))
    assert set(versions(rig).values()) == {f"v{TO}"}
    # One at a time: what was begun on a node had ended before the next one's turn.
    order = [each.host for each in rig.world.commands if "systemctl restart kubelet" in each.line]
    assert sorted(set(order), key=order.index) == list(rig.site.nodes)
