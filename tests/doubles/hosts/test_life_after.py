"""Upgrades, certificates, snapshots and resets: the rules by which Kubernetes lives on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from provisioning.cluster import Version, matrix
from tests.doubles.hosts import HostWorld
from tests.doubles.hosts.client import Shell
from tests.doubles.hosts.kubeadm.certs import age

pytestmark = pytest.mark.long

PKI = "/etc/kubernetes/pki/etcd"
ETCD = f"--endpoints=https://127.0.0.1:2379 --cacert={PKI}/ca.crt --cert={PKI}/server.crt --key={PKI}/server.key"
SAVE = f'crictl exec "$(crictl ps --name "^etcd$" -q)" etcdctl {ETCD} snapshot save /var/lib/etcd/s.db\n'


def next_minor(version: str) -> str:
    major, minor, _ = version.split(".")
    return str(matrix().newest(f"{major}.{int(minor) + 1}"))


def repository(line: str) -> str:
    return f"""\
curl -fsSL --max-time 20 https://pkgs.k8s.io/core:/stable:/v{line}/deb/Release.key |
  gpg --dearmor --yes -o /etc/apt/keyrings/kubernetes.gpg
echo "deb [signed-by=/etc/apt/keyrings/kubernetes.gpg] https://pkgs.k8s.io/core:/stable:/v{line}/deb/ /" \\
  > /etc/apt/sources.list.d/kubernetes.list
apt-get update -qq
"""


def install(version: str, *names: str) -> str:
    pins = " ".join(f"{name}={version}-1.1" for name in names)
    return f"apt-get install -yqq --allow-change-held-packages {pins}\n"


def test_an_upgrade_goes_by_kubeadm_then_the_kubelet(world: HostWorld, shell: Shell, master: str, node: str) -> None:
    shell.cluster()
    target = next_minor(shell.version)
    line = Version.parse(target).line
    shell.output(master, SAVE + repository(line) + install(target, "kubeadm") + f"kubeadm upgrade apply v{target} -y")
    assert world.hosts[master].kubelet_version == f"v{shell.version}"
    shell.output(master, install(target, "kubelet", "kubectl"))
    assert world.hosts[master].kubelet_version == f"v{shell.version}", "a process is as it was started"
    shell.output(master, "systemctl daemon-reload; systemctl restart kubelet")
    assert world.hosts[master].kubelet_version == f"v{target}"
    shell.output(node, repository(line) + install(target, "kubeadm") + "kubeadm upgrade node")
    shell.output(node, install(target, "kubelet") + "systemctl restart kubelet")
    assert world.hosts[node].kubelet_version == f"v{target}"
    assert f"kube-apiserver:v{target}" in world.hosts[master].read("/etc/kubernetes/manifests/kube-apiserver.yaml")
    assert world.violations == []


def test_an_upgrade_needs_its_own_kubeadm(shell: Shell, master: str) -> None:
    shell.cluster()
    done = shell(master, f"kubeadm upgrade apply v{next_minor(shell.version)} -y")
    assert done.returncode == 1
    assert "is higher than the kubeadm version" in done.stderr


def test_a_kubelet_that_runs_ahead_of_the_api_server_is_a_violation(world: HostWorld, shell: Shell, node: str) -> None:
    shell.cluster()
    target = next_minor(shell.version)
    shell.output(
        node, repository(Version.parse(target).line) + install(target, "kubelet") + "systemctl restart kubelet"
    )
    assert "is newer than the API server" in world.violations[0]


def test_certificates_expire_and_are_renewed(world: HostWorld, shell: Shell, master: str) -> None:
    shell.cluster()
    age(world.hosts[master], 5)

    def residual() -> dict[str, int]:
        found = json.loads(shell.output(master, "kubeadm certs check-expiration -o json"))
        return {row["name"]: row["residualTime"] // 86400 for row in found["certificates"]}

    assert set(residual().values()) == {4}
    assert {"apiserver", "etcd-server", "admin.conf"} <= set(residual())
    shell.output(master, "kubeadm certs renew all")
    assert set(residual().values()) == {364}
    days = shell.output(master, "openssl x509 -checkend $((360 * 86400)) -noout -in /etc/kubernetes/pki/apiserver.crt")
    assert "not expire" in days


def test_a_snapshot_brings_back_what_was_there(world: HostWorld, shell: Shell, master: str) -> None:
    shell.cluster()
    shell.output(master, SAVE)
    tokens = {token.id for token in world.kubernetes.tokens()}
    shell.output(master, "kubeadm token create --ttl 1h")
    before = {token.id for token in world.kubernetes.tokens()}
    image = f"registry.k8s.io/etcd:{matrix().minors[Version.parse(shell.version).line].etcd}-0"
    shell.output(
        master,
        f"""\
mkdir /etc/kubernetes/stopped; mv /etc/kubernetes/manifests/{{etcd,kube-apiserver}}.yaml /etc/kubernetes/stopped
test -z "$(crictl ps --name etcd -q)"
cp /var/lib/etcd/s.db /var/lib/s.db
ctr -n k8s.io run --rm --mount type=bind,src=/var/lib,dst=/var/lib,options=rbind:rw {image} restore \\
  etcdutl snapshot restore /var/lib/s.db --data-dir /var/lib/etcd.new --name {master} \\
  --initial-cluster {master}=https://10.0.1.10:2380 --initial-advertise-peer-urls https://10.0.1.10:2380
mv /var/lib/etcd /var/lib/etcd.old; mv /var/lib/etcd.new /var/lib/etcd
mv /etc/kubernetes/stopped/*.yaml /etc/kubernetes/manifests
crictl ps""",
    )
    assert {token.id for token in world.kubernetes.tokens()} == tokens
    # And the way back: the directory that was put aside is as good as ever.
    shell.output(
        master,
        """\
mv /etc/kubernetes/manifests/{etcd,kube-apiserver}.yaml /etc/kubernetes/stopped; crictl ps
rm -rf /var/lib/etcd; mv /var/lib/etcd.old /var/lib/etcd
mv /etc/kubernetes/stopped/*.yaml /etc/kubernetes/manifests; crictl ps""",
    )
    assert {token.id for token in world.kubernetes.tokens()} == before
    assert world.kubernetes.api_answers()
    assert world.violations == []


def test_a_snapshot_that_only_the_container_could_see_is_a_violation(
    world: HostWorld, shell: Shell, master: str
) -> None:
    shell.cluster()
    assert shell(master, SAVE.replace("/var/lib/etcd/s.db", "/srv/s.db")).returncode == 127
    assert "lost with it" in world.violations[0]


def test_a_file_is_uploaded_for_real_and_its_url_is_nobodys_to_see(world: HostWorld, shell: Shell, node: str) -> None:
    with uploads() as (address, received):
        config = f'url = "{address}/backup?signature=s3cret"\nupload-file = "/tmp/f"\n'
        shell.output(node, f"echo content > /tmp/f; curl -fsS --max-time 5 --config - <<'END'\n{config}END")
    assert received == {"/backup?signature=s3cret": b"content\n"}
    assert not any("s3cret" in command.line for command in world.commands)


@contextmanager
def uploads() -> Iterator[tuple[str, dict[str, bytes]]]:
    """A place that takes what is put there."""
    received: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            received[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_container_that_is_stopped_comes_again_as_another(world: HostWorld, shell: Shell, master: str) -> None:
    shell.cluster()
    container = "crictl ps --name '^kube-apiserver$' --state running -q"
    old, new = shell.output(master, f"{container}; crictl stop $({container}) >/dev/null; {container}").split()
    assert old != new
    assert world.kubernetes.api_answers()


def test_a_reset_leaves_what_kubeadm_leaves(world: HostWorld, shell: Shell, node: str) -> None:
    shell.cluster()
    shell.output(node, "echo {} > /etc/cni/net.d/10-calico.conflist 2>/dev/null || mkdir -p /etc/cni/net.d")
    shell.output(node, "touch /etc/cni/net.d/10-calico.conflist; kubeadm reset -f")
    host = world.hosts[node]
    assert not host.exists("/etc/kubernetes/kubelet.conf")
    assert host.is_empty("/etc/kubernetes/pki")
    assert host.exists("/etc/cni/net.d/10-calico.conflist")
    assert host.network_rules
    shell.output(node, "iptables -F")
    assert not host.network_rules


def test_a_reset_control_plane_may_be_made_anew(world: HostWorld, shell: Shell, master: str) -> None:
    shell.cluster()
    shell.output(master, "kubeadm reset -f")
    assert not world.kubernetes.api_answers()
    assert shell.init().returncode == 0
    assert world.violations == []


@pytest.mark.parametrize("command", ["kubeadm reset", "kubeadm upgrade apply v1.34.12"])
def test_what_would_ask_is_a_violation(world: HostWorld, shell: Shell, master: str, command: str) -> None:
    shell.cluster()
    assert shell(master, command).returncode == 127
    assert "asks" in world.violations[0]


def test_the_machine_is_what_its_instance_type_says(world: HostWorld, shell: Shell, node: str) -> None:
    kind, disk = 2, shell.site.cluster.node(node).disk_gb
    text = shell.output(node, "nproc; df -k --output=size / | sed 1d; sed -n 's/^MemTotal: *//p' /proc/meminfo")
    cpus, size, memory, _ = text.split()
    assert int(cpus) == kind
    assert 0.9 < int(size) / (disk * 1024**2) <= 1
    assert 0.9 < int(memory) / (world.hosts[node].identity.memory_bytes / 1024) <= 1
