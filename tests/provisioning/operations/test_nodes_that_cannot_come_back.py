"""A node that is reset can join again; one that is replaced is the same node on another machine; no other is harmed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioning.cluster import Machine
from provisioning.operations import commands
from provisioning.operations.looking import look
from provisioning.operations.performing import Asked
from provisioning.phases.join import Join
from provisioning.phases.label import Label
from provisioning.phases.terraform import TerraformApply
from provisioning.run import ExitCode
from provisioning.site import Site
from provisioning.terraform.runner import Terraform
from tests.doubles.aws import AwsAccount
from tests.doubles.hosts import Fails, network, operator_key
from tests.doubles.terraform import Fault, TerraformDouble
from tests.provisioning.operations.conftest import Lives
from tests.provisioning.operations.living import Rig, Wanted, deployment
from tests.provisioning.operations.talking import Heard

pytestmark = pytest.mark.long

MASTER, API, AI = "k8s-master", "k8s-api-waste", "k8s-worker-ai"
TWO = Wanted((MASTER, API, AI), "1.34.12")


def test_a_node_is_taken_out_wiped_and_joins_again(lives: Lives) -> None:
    rig = lives(TWO)
    host = rig.world.hosts[AI]
    host.write("/etc/cni/net.d/10-calico.conflist", "{}")
    rig.api.put(deployment("walking", 1, {}))
    rig.api.settle()
    heard = Heard()
    plan = commands.node_reset(rig.site, Asked(plan=True), AI, screen=heard.screen)
    assert plan is ExitCode.PLAN_HAS_CHANGES
    assert "kubeadm reset" in heard.out
    assert rig.api.get("Node", AI) is not None
    # Nobody agreed.
    assert commands.node_reset(rig.site, Asked(), AI, screen=heard.screen) is ExitCode.NOT_AGREED
    # Cut off once the Node is gone: the rest is done by --resume.
    rig.world.faults.add(AI, "kubeadm reset", Fails(1, "device or resource busy"))
    assert commands.node_reset(rig.site, Asked(yes=True), AI, screen=heard.screen) is ExitCode.REMOTE_COMMAND
    assert rig.api.get("Node", AI) is None
    assert host.exists("/etc/kubernetes/kubelet.conf")
    resumed = commands.node_reset(rig.site, Asked(yes=True, resume=True), AI, screen=heard.screen)
    assert resumed is ExitCode.DONE, heard.text
    for path in ("/etc/kubernetes/kubelet.conf", "/etc/cni/net.d/10-calico.conflist", "/var/lib/kubelet/config.yaml"):
        assert not host.exists(path)
    # A second time there is nothing to do.
    assert commands.node_reset(rig.site, Asked(plan=True), AI, screen=heard.screen) is ExitCode.DONE
    rig.done(Join(rig.site, rig.hosts, rig.kubectl))
    rig.api.settle()
    rig.done(Label(rig.site, rig.kubectl))
    assert rig.api.get("Node", AI) is not None
    assert rig.world.count(API, "kubeadm reset") == 0


def test_the_only_control_plane_is_refused_until_the_cluster_s_name_is_given(lives: Lives) -> None:
    rig = lives(Wanted((MASTER, API), "1.34.12"))
    heard = Heard()
    reset = commands.node_reset
    assert reset(rig.site, Asked(yes=True), MASTER, screen=heard.screen) is ExitCode.CONFIGURATION
    assert "E-ONLY-CONTROL-PLANE" in heard.text
    wrong = reset(rig.site, Asked(yes=True), MASTER, lose_cluster="eco3", screen=heard.screen)
    assert wrong is ExitCode.NOT_AGREED
    assert commands.node_replace(rig.site, Asked(yes=True), MASTER, screen=heard.screen) is ExitCode.CONFIGURATION
    assert reset(rig.site, Asked(yes=True), "k8s-mastr", screen=heard.screen) is ExitCode.CONFIGURATION
    assert rig.api.api_answers()
    name = rig.site.cluster.name
    assert reset(rig.site, Asked(yes=True), MASTER, lose_cluster=name, screen=heard.screen) is ExitCode.DONE, heard.text
    assert not rig.api.api_answers()
    assert not rig.world.hosts[MASTER].exists("/var/lib/etcd/member")


@contextmanager
def cloud(rig: Rig, node: str) -> Iterator[None]:
    """Starts a machine as soon as Terraform has made one for the node."""
    old, ended = rig.site.machines()[node], threading.Event()

    def watch() -> None:
        while not ended.is_set():
            now = rig.site.machines()[node]
            if now.instance_id != old.instance_id:
                rig.world.replace(node, now)
                return
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def by_terraform(site: Site) -> Mapping[str, Machine]:
    """Machines that stand in Terraform's state."""
    operator_key(Path(site.cluster.access.key_file))
    terraform = Terraform(site)
    phase = TerraformApply(site, terraform)
    step = look(site, "terraform", timeout_s=120)
    phase.act(step, list(phase.plan(phase.facts(step))))
    return site.machines()


def test_a_dead_machine_is_replaced_and_the_others_are_left_alone(
    lives: Lives, aws: AwsAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network()
    addresses = {name: f"{net}.{number}" for number, name in enumerate(TWO.nodes or (), 1)}
    double = TerraformDouble(tmp_path / "terraform", addresses=addresses)
    monkeypatch.setenv("PATH", double.path, prepend=":")
    rig = lives(TWO, equip=by_terraform)
    before = rig.site.machines()
    heard = Heard()
    rig.world.power_off(AI)
    rig.api.settle()
    joins = {name: rig.world.count(name, "kubeadm join") for name in rig.site.nodes}
    # AWS has none of the kind for a moment, once the old machine is gone.
    double.set(Fault("aws_instance", "InsufficientInstanceCapacity", times=1))
    with cloud(rig, AI):
        ended = commands.node_replace(rig.site, Asked(yes=True), AI, screen=heard.screen)
    assert ended is ExitCode.DONE, heard.text
    after = rig.site.machines()
    assert after[AI].instance_id != before[AI].instance_id
    assert after[AI].host_key == before[AI].host_key
    node = rig.api.get("Node", AI)
    assert node is not None
    assert node["spec"]["providerID"] == after[AI].provider_id
    assert double.deleted() == [f'module.node["{AI}"].aws_instance.this']
    for name in (MASTER, API):
        assert after[name] == before[name]
        assert rig.world.count(name, "kubeadm join") == joins[name]
    assert double.violations == []
    # To go on with what has ended changes nothing.
    heard = Heard()
    resumed = commands.node_replace(rig.site, Asked(yes=True, resume=True), AI, screen=heard.screen)
    assert resumed is ExitCode.DONE, heard.text
    assert rig.site.machines() == after
