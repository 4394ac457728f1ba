"""From bare machines to nodes: once, whatever is cut off on the way, and without a word of a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import yaml

from provisioning.cluster import Machine
from provisioning.cluster.kubeadm import INIT_TOKEN
from provisioning.cluster.registration import registration_labels
from provisioning.run import ExitCode, Stop
from provisioning.run.planning import Prospect
from provisioning.scripts import tokens
from tests.doubles.hosts import BootstrapToken, CutsConnection, Fails, Reboots
from tests.doubles.kubernetes.certificates import Authority
from tests.provisioning.phases.nodes import SMALL, Rig, failures, rigged
from tests.provisioning.ssh.test_ssh_cut import soon

pytestmark = pytest.mark.long

TOKEN = re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The product's own cluster, brought to nodes once; its machines had swap."""
    with rigged(tmp_path_factory.mktemp("whole"), swap=True) as rig:
        result = rig.run()
        assert failures(result) == []
        yield rig


@pytest.fixture(autouse=True)
def no_fault_outlives_its_test(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "whole" in request.fixturenames:
        request.getfixturevalue("whole").world.faults.clear()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Rig]:
    """A cluster of few machines, bare."""
    with rigged(tmp_path, SMALL) as rig:
        yield rig


@pytest.fixture
def half(small: Rig) -> Rig:
    """The same, prepared and with a control plane; nobody has joined."""
    assert failures(small.run("reach", "prepare", "images", "init")) == []
    return small


def test_every_machine_is_a_node_with_its_own_labels_taints_and_provider_id(whole: Rig) -> None:
    machines = whole.site.machines()
    for node in whole.site.cluster.nodes:
        there = whole.api.get("Node", node.name)
        assert there is not None, node.name
        assert there["spec"]["providerID"] == machines[node.name].provider_id
        assert registration_labels(node).items() <= there["metadata"]["labels"].items()
        taints = {taint["key"] for taint in there["spec"]["taints"]}
        assert {taint.key for taint in node.taints} <= taints


def test_a_second_run_changes_nothing(whole: Rig) -> None:
    before = {name: sorted(_digests(host.path("/etc"))) for name, host in whole.world.hosts.items()}
    whole.world.records.clear()
    whole.api.requests.clear()
    result = whole.run()
    assert (result.exit_code, result.changed) == (ExitCode.DONE, 0)
    assert whole.world.mutations() == []
    assert whole.api.mutations() == []
    assert {name: sorted(_digests(host.path("/etc"))) for name, host in whole.world.hosts.items()} == before


def _digests(folder: Path) -> Iterator[tuple[str, int]]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield str(path), path.stat().st_mtime_ns


def test_the_kubeconfig_is_the_operators_alone_and_reaches_the_public_address(whole: Rig) -> None:
    path = whole.site.kubeconfig
    assert path.stat().st_mode & 0o777 == 0o600
    server = yaml.safe_load(path.read_text())["clusters"][0]["cluster"]["server"]
    assert server == f"https://{whole.site.hosts()[whole.site.control_plane].address}:6443"


def test_a_kubeconfig_that_was_lost_is_fetched_again_and_nothing_else_is_done(whole: Rig) -> None:
    whole.site.kubeconfig.unlink()
    whole.world.records.clear()
    result = whole.run("init")
    assert (result.exit_code, result.changed) == (ExitCode.DONE, 1)
    assert whole.world.mutations() == []
    assert whole.site.kubeconfig.stat().st_mode & 0o777 == 0o600


def test_no_token_and_no_certificate_above_all_rules_is_left(whole: Rig) -> None:
    assert whole.api.tokens() == []
    for host in whole.world.hosts.values():
        assert not host.exists("/etc/kubernetes/super-admin.conf")
        assert not host.exists("/etc/kubernetes/bootstrap-kubelet.conf")
        assert list(host.path("/run/eco2").iterdir()) == []


def test_no_secret_is_in_an_argument_a_log_or_the_journal(whole: Rig) -> None:
    key = yaml.safe_load(whole.site.kubeconfig.read_text())["users"][0]["user"]["client-key-data"]
    arguments = json.dumps([command.argv for command in whole.world.records.commands])
    for text in (arguments, whole.written(), whole.logs()):
        assert not TOKEN.search(text)
        assert key[:40] not in text
        assert "PRIVATE KEY" not in text


def test_a_stopped_api_server_is_waited_for_and_never_taken_for_a_reason_to_begin_anew(whole: Rig) -> None:
    whole.api.set_api(up=False)
    try:
        result = whole.run("init")
    finally:
        whole.api.set_api(up=True)
    assert failures(result) == [(whole.site.control_plane, "E-CONTROL-PLANE-DOWN")]
    assert whole.world.count(None, r"^kubeadm init --config") <= 1


def test_packages_that_cannot_be_had_at_first_are_tried_again(whole: Rig) -> None:
    worker = whole.workers[0]
    whole.world.hosts[worker].packages.installed.pop("conntrack")
    fault = whole.world.faults.add(worker, "^apt-get .*install", Fails(100, "E: Failed to fetch"), times=2)
    assert failures(whole.run("prepare")) == []
    assert fault.fired == 2


def test_packages_that_cannot_be_had_at_all_are_named(whole: Rig) -> None:
    worker = whole.workers[0]
    whole.world.hosts[worker].packages.installed.pop("conntrack")
    whole.world.faults.add(worker, "^apt-get .*install", Fails(100, "E: Version not found"), times=99)
    result = whole.run("prepare")
    assert failures(result) == [(worker, "E-PACKAGES")]
    assert result.exit_code == ExitCode.REMOTE_COMMAND
    whole.world.faults.clear()
    assert failures(whole.run("prepare")) == []


def test_a_containerd_that_did_not_restart_is_restarted_by_the_next_run(whole: Rig) -> None:
    """The file is the right one already then; the daemon still runs with the old one."""
    worker = whole.workers[0]
    whole.world.hosts[worker].remove("/etc/containerd/config.toml")
    whole.world.faults.add(worker, "^systemctl restart containerd", Fails(1, "Job failed"))
    assert failures(whole.run("prepare")) == [(worker, "E-SCRIPT")]
    whole.world.records.clear()
    assert failures(whole.run("prepare")) == []
    assert [command.line for command in whole.world.mutations()] == ["systemctl restart containerd"]


def test_a_node_that_works_is_not_upgraded_by_a_rebuild(whole: Rig) -> None:
    worker = whole.workers[0]
    installed = whole.world.hosts[worker].packages.installed
    right, installed["kubelet"] = installed["kubelet"], "1.33.1-1.1"
    whole.world.records.clear()
    result = whole.run("prepare")
    installed["kubelet"] = right
    assert failures(result) == [(worker, "E-NODE-VERSION")]
    assert whole.world.mutations() == []


def test_a_node_whose_object_was_deleted_registers_again(whole: Rig) -> None:
    worker = whole.workers[0]
    whole.kubectl.run(whole.step(), "delete", "node", worker)
    result = whole.run("join")
    assert (failures(result), result.changed) == ([], 1)
    assert whole.api.get("Node", worker) is not None
    assert whole.world.hosts[worker].joins == 1


# --- machines that are not as they should be ---


def test_a_plan_of_bare_machines_says_what_will_be_done_and_does_nothing(small: Rig) -> None:
    plan = small.plan()
    prospects = {step.phase: step.prospect for step in plan.steps}
    assert prospects == {
        "reach": Prospect.UNCHANGED,
        "prepare": Prospect.CHANGES,
        "images": Prospect.UNKNOWN,
        "init": Prospect.CHANGES,
        "join": Prospect.UNKNOWN,
    }
    titles = [action.title for _, action in plan.actions]
    version = small.site.cluster.kubernetes.version
    assert f"make the cluster: kubeadm init of Kubernetes {version}" in titles
    assert plan.exit_code == ExitCode.PLAN_HAS_CHANGES
    assert small.world.mutations() == []
    assert not any(host.exists("/etc/modules-load.d/eco2.conf") for host in small.world.hosts.values())


def test_all_that_is_wrong_with_the_machines_is_said_at_once(small: Rig) -> None:
    one, other = small.workers[:2]
    small.world.unreachable.add("pkgs.k8s.io")
    small.world.hosts[one].set_clock_skew(-90)
    small.world.hosts[other].occupied_ports.add(10250)
    result = small.run("reach")
    found = {record.node: record.message or "" for record in result.failures}
    assert {record.code for record in result.failures} == {"E-HOST-UNFIT"}
    assert all("[33]" in message for message in found.values())
    assert len(found) == len(small.site.nodes)
    assert "[31]" in found[one]
    assert "[32]" in found[other]
    assert small.world.mutations() == []


# --- cut off on the way ---

CUTS = [
    ("^apt-get .*install", "before"),
    ("^systemctl restart containerd", "before"),
    ("^crictl pull", "before"),
    ("^kubeadm init", "control-plane"),
    ("^kubeadm init", "addon"),
    ("^kubeadm token create", "after"),
    ("^kubeadm join", "tls-bootstrap"),
    ("^kubeadm token delete", "before"),
]


def test_connections_cut_all_the_way_change_nothing_of_the_outcome(small: Rig) -> None:
    faults = [small.world.faults.add(None, pattern, CutsConnection(), moment=moment) for pattern, moment in CUTS]
    assert failures(small.run()) == []
    assert [fault.fired for fault in faults] == [1] * len(CUTS)
    assert small.world.count(None, r"^kubeadm init --config") == 1
    assert [small.world.hosts[worker].joins for worker in small.workers] == [1] * len(small.workers)
    assert small.api.tokens() == []
    small.world.records.clear()
    assert small.run().changed == 0
    assert small.world.mutations() == []


def test_machines_that_restart_in_the_middle_are_brought_to_the_end(small: Rig) -> None:
    one, other = small.workers[:2]
    faults = [
        small.world.faults.add(one, "^apt-get .*install", Reboots()),
        small.world.faults.add(one, "^kubeadm join", Reboots(), moment="kubelet-start"),
        small.world.faults.add(other, "^kubeadm join", Reboots(), moment="tls-bootstrap"),
    ]
    result = small.run()
    for _ in faults:
        if failures(result):
            result = small.run()
    assert failures(result) == []
    assert [fault.fired for fault in faults] == [1, 1, 1]
    small.world.records.clear()
    assert small.run().changed == 0


def test_a_control_plane_that_went_down_in_the_middle_is_left_as_it_is(small: Rig) -> None:
    master = small.site.control_plane
    small.world.faults.add(master, "^kubeadm init", Reboots(), moment="control-plane")
    result = small.run()
    assert failures(result) == [(master, "E-INIT-UNSURE")]
    assert f"./inv node.reset {master}" in (result.failures[0].message or "")
    assert small.world.hosts[master].exists("/etc/kubernetes/pki/ca.key")
    assert small.world.count(None, "^kubeadm reset") == 0


def test_a_check_of_kubeadm_that_fails_changes_nothing_and_may_be_put_right(small: Rig) -> None:
    master = small.site.control_plane
    assert failures(small.run("reach", "prepare", "images")) == []
    small.world.hosts[master].occupied_ports.add(6443)
    result = small.run("init")
    assert failures(result) == [(master, "E-INIT")]
    small.world.hosts[master].occupied_ports.clear()
    assert failures(small.run()) == []


# --- joining ---


def test_what_a_killed_run_left_of_its_tokens_goes_first(half: Rig) -> None:
    worker = half.workers[0]
    half.api.add_token(BootstrapToken("aaaaaa", "0" * 16, None, tokens.description(worker)))
    half.api.add_token(BootstrapToken("bbbbbb", "0" * 16, None, "somebody else's"))
    assert failures(half.run("join")) == []
    assert [token.id for token in half.api.tokens()] == ["bbbbbb"]


def test_what_a_killed_run_left_of_the_inits_token_goes_once_and_nothing_else(half: Rig) -> None:
    half.api.add_token(BootstrapToken("aaaaaa", "0" * 16, None, INIT_TOKEN))
    half.api.add_token(BootstrapToken("bbbbbb", "0" * 16, None, f"{INIT_TOKEN}s"))
    result = half.run("init")
    assert (failures(result), result.changed) == ([], 1)
    assert [token.id for token in half.api.tokens()] == ["bbbbbb"]
    assert half.run("init").changed == 0


def test_an_init_whose_machine_goes_down_before_it_takes_its_token_back_is_finished_by_the_next_run(
    small: Rig,
) -> None:
    master = small.site.control_plane
    fault = small.world.faults.add(master, "^kubeadm token delete", Reboots())
    result = small.run("reach", "prepare", "images", "init")
    if failures(result):
        result = small.run("init")
    assert (failures(result), fault.fired) == ([], 1)
    assert small.api.tokens() == []
    assert small.world.count(None, r"^kubeadm init --config") == 1
    assert not small.world.hosts[master].exists("/etc/kubernetes/super-admin.conf")


def test_a_run_that_is_stopped_in_the_middle_of_a_join_takes_its_token_back(half: Rig) -> None:
    """The join itself goes on there; the next run finds a node and does not join it again."""
    half.world.delays["^kubeadm join"] = 3.0
    stop = Stop()
    asker = Thread(target=lambda: soon(lambda: half.world.count(None, "^kubeadm join") > 0) and stop.ask())
    asker.start()
    result = half.run("join", stop=stop)
    asker.join()
    assert result.exit_code == ExitCode.INTERRUPTED
    assert half.api.tokens() == []
    half.world.delays.clear()
    assert failures(half.run("join")) == []
    assert all(half.api.get("Node", worker) for worker in half.workers)


def test_a_node_of_another_cluster_keeps_what_it_has_and_the_others_join(half: Rig) -> None:
    worker, *others = half.workers
    host = half.world.hosts[worker]
    theirs = Authority.new().certificate
    host.write("/etc/kubernetes/pki/ca.crt", theirs)
    host.write("/etc/kubernetes/kubelet.conf", "of another cluster\n")
    result = half.run("join")
    assert failures(result) == [(worker, "E-NODE-ELSEWHERE")]
    assert host.read("/etc/kubernetes/pki/ca.crt") == theirs
    assert host.read("/etc/kubernetes/kubelet.conf") == "of another cluster\n"
    assert all(half.api.get("Node", other) for other in others)


def test_a_machine_that_was_replaced_does_not_take_the_old_ones_node(half: Rig) -> None:
    assert failures(half.run("join")) == []
    worker = half.workers[0]
    outputs = json.loads(half.site.outputs_file.read_text())
    outputs["nodes"][worker]["instance_id"] = "i-0fedcba9876543210"
    half.site.outputs_file.write_text(json.dumps(outputs))
    half.world.replace(worker, Machine.model_validate(outputs["nodes"][worker]))
    result = half.run()
    assert failures(result) == [(worker, "E-NODE-ANOTHERS")]
    assert half.world.hosts[worker].joins == 0


def test_further_control_planes_join_one_after_the_other(tmp_path: Path) -> None:
    text = SMALL.read_text()
    further = "".join(
        f"  - {{name: master-{index}, role: control-plane, type: t3a.medium, disk_gb: 40, zone: ap-northeast-2c, "
        "labels: {workload: control-plane}, taints: ['node-role.kubernetes.io/control-plane:NoSchedule']}\n"
        for index in (2, 3)
    )
    (tmp_path / "cluster.yaml").write_text(text.replace("releases:\n", f"{further}releases:\n"))
    with rigged(tmp_path, tmp_path / "cluster.yaml") as rig:
        rig.world.delays["^kubeadm join"] = 0.3
        assert failures(rig.run()) == []
        joins = [command for command in rig.world.commands if command.line.startswith("kubeadm join")]
        began = sorted(command.at for command in joins if command.host.startswith("master-"))
        assert len(began) == 2
        assert began[1] - began[0] > 0.3
        arguments = json.dumps([command.argv for command in rig.world.commands])
        assert not re.search(r"\b[0-9a-f]{64}\b", arguments)
        assert not re.search(r"\b[0-9a-f]{64}\b", "\n".join(rig.said) + rig.logs())
        assert rig.run().changed == 0
