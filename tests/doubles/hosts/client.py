"""A client of the double's machines: OpenSSH with pinned keys; and scripts that take a machine through its life."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from provisioning.cluster import Machine, matrix
from provisioning.cluster.kubeadm import init_configuration, join_configuration
from tests.doubles.hosts import pki
from tests.doubles.hosts.fleet import equipped, new_site
from tests.doubles.hosts.sandbox import Unavailable
from tests.doubles.hosts.world import HostWorld

TOKEN = "abcdef.0123456789abcdef"
LONGEST_S = 60


@contextmanager
def running(folder: Path) -> Iterator[HostWorld]:
    """The control plane and one node, which is nobody's yet. Skips where this machine cannot carry them."""
    site = new_site(folder / "site")
    machines = equipped(site)
    names = [site.control_plane, next(name for name in site.nodes if name != site.control_plane)]
    try:
        with HostWorld(site, {name: machines[name] for name in names}, root=folder / "hosts") as world:
            yield world
    except Unavailable as reason:
        pytest.skip(str(reason))


class Shell:
    """Runs scripts on the hosts of a world, and those with which a cluster begins."""

    def __init__(self, world: HostWorld) -> None:
        self.world = world
        self.site = world.site
        self.version = str(self.site.cluster.kubernetes.version)
        self.known_hosts = self.site.folder / "known_hosts"
        self.known_hosts.write_text("".join(f"{host.known_hosts_line()}\n" for host in self.site.hosts().values()))

    def command(self, host: str, known_hosts: Path | None = None) -> list[str]:
        options = {
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(known_hosts or self.known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        access = self.site.cluster.access
        address = f"{access.user}@{self.world.hosts[host].address}"
        return ["ssh", "-F", "none", "-i", access.key_file, *words, address, "sudo -n bash -s"]

    def __call__(self, host: str, script: str) -> subprocess.CompletedProcess[str]:
        """The script as root, as it ends."""
        return subprocess.run(
            self.command(host), input=script, text=True, capture_output=True, timeout=LONGEST_S, check=False
        )

    def output(self, host: str, script: str) -> str:
        """Asserts that it ended well."""
        done = self(host, f"set -euo pipefail\n{script}")
        assert done.returncode == 0, f"{host}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def prepare(self, host: str) -> None:
        """Repositories, packages, the kernel, containerd: ready for kubeadm."""
        self.output(host, prepared(self.version))

    def init(self) -> subprocess.CompletedProcess[str]:
        """``kubeadm init`` on the first control plane."""
        return self.with_configuration(self.world.first_control_plane, "init", self.init_text())

    def init_text(self) -> str:
        return init_configuration(self.site.cluster, self.world.first_control_plane, self.machines(), TOKEN)

    def join_text(self, host: str, token: str, ca_hash: str | None = None) -> str:
        pinned = ca_hash or pki.ca_hash(
            self.world.hosts[self.world.first_control_plane].read("/etc/kubernetes/pki/ca.crt")
        )
        return join_configuration(self.site.cluster, host, self.machines(), token, pinned)

    def machines(self) -> dict[str, Machine]:
        return self.site.machines()

    def with_configuration(self, host: str, verb: str, text: str) -> subprocess.CompletedProcess[str]:
        script = f"umask 077; cat > /run/kubeadm.yaml <<'END'\n{text}END\nkubeadm {verb} --config /run/kubeadm.yaml"
        return self(host, f"{script}{' --skip-token-print' if verb == 'init' else ''}")

    def cluster(self) -> None:
        """Both machines prepared and in one cluster."""
        for host in self.world.hosts:
            self.prepare(host)
        done = self.init()
        assert done.returncode == 0, done.stderr
        for host in self.world.hosts:
            if host != self.world.first_control_plane:
                token = self.output(self.world.first_control_plane, "kubeadm token create --ttl 15m").strip()
                joined = self.with_configuration(host, "join", self.join_text(host, token))
                assert joined.returncode == 0, joined.stderr


def changed(text: str, kind: str, **fields: object) -> str:
    """A kubeadm configuration with other values in one of its documents."""
    documents = list(yaml.safe_load_all(text))
    for document in documents:
        if document["kind"] == kind:
            document.update(fields)
    return yaml.safe_dump_all(documents)


def prepared(version: str, containerd: str = "") -> str:
    line = version.rpartition(".")[0]
    containerd = containerd or matrix().components["containerd"].package or ""
    pause = matrix().minors[line].pause
    return f"""\
curl -fsSL --max-time 20 https://download.docker.com/linux/ubuntu/gpg -o /etc/apt/keyrings/docker.asc
curl -fsSL --max-time 20 https://pkgs.k8s.io/core:/stable:/v{line}/deb/Release.key |
  gpg --dearmor --yes -o /etc/apt/keyrings/kubernetes.gpg
echo "deb [signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/ubuntu noble stable" \\
  > /etc/apt/sources.list.d/docker.list
echo "deb [signed-by=/etc/apt/keyrings/kubernetes.gpg] https://pkgs.k8s.io/core:/stable:/v{line}/deb/ /" \\
  > /etc/apt/sources.list.d/kubernetes.list
apt-get update -qq
apt-get install -yqq {containerd} kubelet={version}-1.1 kubeadm={version}-1.1 kubectl={version}-1.1
apt-mark hold containerd.io kubelet kubeadm kubectl
printf 'overlay\\nbr_netfilter\\n' > /etc/modules-load.d/kubernetes.conf
modprobe -a overlay br_netfilter
echo 'net.ipv4.ip_forward = 1' > /etc/sysctl.d/90-kubernetes.conf
sysctl --system
containerd config default |
  sed 's/SystemdCgroup = false/SystemdCgroup = true/; s/pause:[0-9.]*/pause:{pause}/' > /etc/containerd/config.toml
systemctl restart containerd
systemctl enable --now kubelet
"""
