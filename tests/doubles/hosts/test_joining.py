"""kubeadm's refusals: a cluster is made once, and only who holds a good token and the right CA joins it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from tests.doubles.hosts import BootstrapToken, MemoryCluster, Reboots
from tests.doubles.hosts.client import TOKEN, Shell, changed, running
from tests.doubles.hosts.world import HostWorld

pytestmark = pytest.mark.long


def memory(world: HostWorld) -> MemoryCluster:
    assert isinstance(world.kubernetes, MemoryCluster)
    return world.kubernetes


def test_init_and_join_make_a_cluster(world: HostWorld, shell: Shell, master: str, node: str) -> None:
    shell.cluster()
    kubernetes, machines = memory(world), shell.machines()
    assert set(kubernetes.nodes) == {master, node}
    for name, registration in kubernetes.nodes.items():
        assert registration.provider_id == machines[name].provider_id
        assert registration.kubelet_version == f"v{shell.version}"
        assert "node.cloudprovider.kubernetes.io/uninitialized" in {taint["key"] for taint in registration.taints}
    assert dict(kubernetes.nodes[node].labels).items() >= shell.site.cluster.node(node).labels.items()
    config = yaml.safe_load(world.hosts[master].read("/etc/kubernetes/admin.conf"))
    assert config["clusters"][0]["cluster"]["server"].startswith("https://k8s-api.")
    assert world.violations == []


def test_a_second_init_is_refused(world: HostWorld, shell: Shell, master: str) -> None:
    shell.prepare(master)
    assert shell.init().returncode == 0
    again = shell.init()
    assert again.returncode == 1
    assert "[ERROR FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml]" in again.stderr
    assert "[ERROR DirAvailable--var-lib-etcd]: /var/lib/etcd is not empty" in again.stderr
    assert "[ERROR Port-6443]: Port 6443 is in use" in again.stderr
    assert world.inits == 1


def test_files_deleted_by_hand_do_not_make_room_for_another_cluster(
    world: HostWorld, shell: Shell, master: str
) -> None:
    shell.prepare(master)
    shell.init()
    shell(master, "systemctl stop kubelet; rm -rf /etc/kubernetes/* /var/lib/etcd")
    world.reboot(master)
    assert shell.init().returncode == 127
    assert "a cluster was made already" in world.violations[-1]


def test_what_is_not_ready_is_named_all_at_once(world: HostWorld, shell: Shell, master: str) -> None:
    shell.prepare(master)
    host = world.hosts[master]
    host.kernel.swap = True
    host.occupied_ports = {6443}
    shell.output(master, "sysctl -w net.ipv4.ip_forward=0; systemctl stop containerd")
    done = shell.init()
    for error in (
        "[ERROR CRI]",
        "[ERROR FileContent--proc-sys-net-ipv4-ip_forward]",
        "[ERROR Swap]",
        "[ERROR Port-6443]",
    ):
        assert error in done.stderr
    assert host.is_empty("/etc/kubernetes/pki")


def test_an_api_server_with_a_cloud_provider_never_comes_up(world: HostWorld, shell: Shell, master: str) -> None:
    shell.prepare(master)
    argument = [{"name": "cloud-provider", "value": "external"}]
    text = changed(shell.init_text(), "ClusterConfiguration", apiServer={"extraArgs": argument})
    done = shell.with_configuration(master, "init", text)
    assert done.returncode == 1
    assert "unknown flag: --cloud-provider" in done.stderr
    assert not world.kubernetes.api_answers()


def test_a_wrong_cgroup_driver_never_comes_up(shell: Shell, master: str) -> None:
    shell.prepare(master)
    shell.output(master, "sed -i 's/SystemdCgroup = true/SystemdCgroup = false/' /etc/containerd/config.toml")
    shell.output(master, "systemctl restart containerd")
    done = shell.init()
    assert done.returncode == 1
    assert "cgroupfs" in done.stderr


@pytest.fixture
def made(world: HostWorld, shell: Shell, master: str, node: str) -> MemoryCluster:
    shell.prepare(master)
    shell.prepare(node)
    assert shell.init().returncode == 0
    return memory(world)


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A cluster that one machine is to join; whoever is refused leaves it as it was."""
    with running(tmp_path_factory.mktemp("refusing")) as world:
        shell = Shell(world)
        for name in world.hosts:
            shell.prepare(name)
        assert shell.init().returncode == 0
        yield shell


@pytest.fixture
def refused(refusing: Shell) -> Iterator[Shell]:
    """The node is as fresh after the test as before it."""
    refusing.world.violations.clear()
    yield refusing
    assert not refusing.world.hosts[joining(refusing)].exists("/etc/kubernetes/kubelet.conf")
    assert set(memory(refusing.world).nodes) == {refusing.world.first_control_plane}


def joining(shell: Shell) -> str:
    return next(name for name in shell.world.hosts if name != shell.world.first_control_plane)


def test_another_ca_is_not_joined(refused: Shell) -> None:
    node = joining(refused)
    done = refused.with_configuration(node, "join", refused.join_text(node, TOKEN, "sha256:" + "0" * 64))
    assert done.returncode == 1
    assert "cluster CA found in cluster-info ConfigMap is invalid" in done.stderr


def test_an_expired_token_joins_nobody(refused: Shell) -> None:
    node, kubernetes = joining(refused), memory(refused.world)
    kubernetes.add_token(BootstrapToken("expire", "d" * 16, datetime.now(UTC) - timedelta(seconds=1)))
    done = refused.with_configuration(node, "join", refused.join_text(node, "expire." + "d" * 16))
    assert done.returncode == 1
    assert 'could not find a JWS signature in the cluster-info ConfigMap for token ID "expire"' in done.stderr


@pytest.mark.parametrize("token", ["nobody.0123456789abcdef", "abcdef.fedcba9876543210"])
def test_an_unknown_or_forged_token_joins_nobody(refused: Shell, token: str) -> None:
    node = joining(refused)
    done = refused.with_configuration(node, "join", refused.join_text(node, token))
    assert done.returncode == 1
    assert "could not find a JWS signature" in done.stderr


def test_a_token_in_the_arguments_or_in_an_open_file_is_a_violation(refused: Shell) -> None:
    node = joining(refused)
    assert refused(node, f"kubeadm join 10.0.1.10:6443 --token {TOKEN}").returncode == 127
    text = refused.join_text(node, TOKEN)
    open_file = f"umask 022; cat > /run/j.yaml <<'END'\n{text}END\nkubeadm join --config /run/j.yaml"
    assert refused(node, open_file).returncode == 127
    assert "others may read it" in refused.world.violations[-1]


def test_an_unpinned_ca_is_a_violation(refused: Shell) -> None:
    node = joining(refused)
    part = {"token": TOKEN, "apiServerEndpoint": "k8s-api.eco2.internal:6443", "unsafeSkipCAVerification": True}
    text = changed(refused.join_text(node, TOKEN), "JoinConfiguration", discovery={"bootstrapToken": part})
    assert refused.with_configuration(node, "join", text).returncode == 127
    assert "not pinned" in refused.world.violations[-1]


def test_a_second_join_is_refused(made: MemoryCluster, world: HostWorld, shell: Shell, node: str) -> None:
    text = shell.join_text(node, TOKEN)
    assert shell.with_configuration(node, "join", text).returncode == 0
    again = shell.with_configuration(node, "join", text)
    assert again.returncode == 1
    assert "[ERROR FileAvailable--etc-kubernetes-kubelet.conf]" in again.stderr
    assert "[ERROR Port-10250]" in again.stderr
    assert world.hosts[node].joins == 1


def test_a_ready_node_of_the_same_name_is_not_replaced(
    made: MemoryCluster, world: HostWorld, shell: Shell, node: str
) -> None:
    assert shell.with_configuration(node, "join", shell.join_text(node, TOKEN)).returncode == 0
    before = made.nodes[node]
    shell.output(node, "kubeadm reset -f")
    made.kubelets[node] = True
    done = shell.with_configuration(node, "join", shell.join_text(node, TOKEN))
    assert done.returncode == 1
    assert f'a Node with name "{node}" and status "Ready" already exists' in done.stderr
    assert made.nodes[node] == before


def test_tokens_are_made_listed_and_deleted(made: MemoryCluster, shell: Shell, master: str) -> None:
    [first] = made.tokens()
    token = shell.output(master, "kubeadm token create --ttl 15m --description 'join a'").strip()
    listed = shell.output(master, "kubeadm token list -o json")
    assert listed.count('"kind": "BootstrapToken"') == 2
    assert '"description": "join a"' in listed
    shell.output(master, f"kubeadm token delete {token[:6]}")
    assert made.tokens() == [first]
    assert shell(master, f"kubeadm token delete {token[:6]}").returncode == 1


def test_an_init_that_a_power_cut_ends_leaves_what_it_had_written(world: HostWorld, shell: Shell, master: str) -> None:
    shell.prepare(master)
    fault = world.faults.add(master, "^kubeadm init", Reboots(), moment="wait-control-plane")
    assert shell.init().returncode != 0
    world.wait_until_up(master)
    host = world.hosts[master]
    assert fault.fired == 1
    assert world.inits == 0
    assert host.exists("/etc/kubernetes/admin.conf")
    assert host.exists("/var/lib/etcd/member")
    assert not world.kubernetes.api_answers()


def test_tokens_of_the_protocol_hide_their_secret() -> None:
    assert "0123456789abcdef" not in repr(BootstrapToken("abcdef", "0123456789abcdef"))
