"""What the package repositories of the world have: Ubuntu's own, Docker's and Kubernetes', with their keys."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from provisioning.cluster import matrix

ARMOR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_ARMOR_END = "-----END PGP PUBLIC KEY BLOCK-----"


@dataclass(frozen=True)
class Key:
    """A repository's signing key; its fingerprint is the real one, its material is not."""

    owner: str
    uid: str
    fingerprint: str

    @property
    def binary(self) -> bytes:
        return b"\x99\x02\x0d\x04" + f"eco2-key {self.owner} {self.fingerprint}\n".encode()

    @property
    def armored(self) -> str:
        body = base64.b64encode(self.binary).decode()
        return f"{ARMOR}\n\n{body}\n=aBcD\n{_ARMOR_END}\n"


DOCKER = Key("docker", "Docker Release (CE deb) <docker@docker.com>", "9DC858229FC7DD38854AE2D88D81803C0EBFCD88")
KUBERNETES = Key(
    "kubernetes",
    "isv:kubernetes OBS Project <isv:kubernetes@build.opensuse.org>",
    "DE15B14486CD377B9E876E1A234654DA9A296436",
)
KEYS = (DOCKER, KUBERNETES)


def dearmored(text: bytes) -> bytes:
    """The binary form of an armored key. Raises ValueError for anything else."""
    found = re.search(rb"PUBLIC KEY BLOCK-----\s+(?:\w+: .*\n)*\n?(.*?)\n=", text, re.DOTALL)
    if not found:
        raise ValueError("no valid OpenPGP data found.")
    return base64.b64decode(found[1])


def key_in(data: bytes) -> Key | None:
    """The key that a keyring holds, in its binary form."""
    return next((key for key in KEYS if key.binary in data), None)


@dataclass(frozen=True)
class Repository:
    """``packages``: name -> versions, oldest first. ``key`` None: signed by what the system trusts."""

    id: str
    packages: Mapping[str, tuple[str, ...]]
    key: Key | None


def repository(uri: str, suite: str, component: str) -> Repository | None:
    """What stands at this place; None when there is nothing."""
    uri = uri.rstrip("/")
    if re.fullmatch(r"https?://([a-z0-9.-]+\.)?(archive|security)\.ubuntu\.com/ubuntu", uri):
        return ubuntu() if re.fullmatch(r"noble(-updates|-backports|-security)?", suite) else None
    if uri == "https://download.docker.com/linux/ubuntu":
        return docker() if (suite, component) == ("noble", "stable") else None
    found = re.fullmatch(r"https://pkgs\.k8s\.io/core:/stable:/v(\d+\.\d+)/deb", uri)
    if found and suite == "/" and not component and found[1] in matrix().minors:
        return kubernetes(found[1])
    return None


@cache
def kubernetes(line: str) -> Repository:
    known = matrix().minors[line]
    patches = range(known.first_patch, known.last_patch + 1)
    ours = tuple(f"{line}.{patch}-1.1" for patch in patches)
    packages = {name: ours for name in ("kubelet", "kubeadm", "kubectl")}
    return Repository(
        f"kubernetes-{line}",
        {**packages, "cri-tools": (f"{line}.0-1.1",), "kubernetes-cni": ("1.7.1-1.1",)},
        KUBERNETES,
    )


@cache
def docker() -> Repository:
    versions = {"1.7.27", "1.7.28", "1.7.29", "2.1.5", "2.2.0", "2.2.5"}
    pinned = (matrix().components["containerd"].package or "").partition("=")[2]
    versions.add(pinned.partition("-")[0])
    ordered = sorted(versions, key=lambda text: tuple(int(part) for part in text.split(".")))
    containerd = tuple(f"{version}-1~ubuntu.24.04~noble" for version in ordered)
    assert pinned in containerd, f"the double's Docker repository has no {pinned}"
    return Repository("docker", {"containerd.io": containerd, "docker-ce": ("5:29.1.3-1~ubuntu.24.04~noble",)}, DOCKER)


@cache
def ubuntu() -> Repository:
    packages = {name: (version,) for name, version in (line.split() for line in _UBUNTU.strip().splitlines())}
    return Repository("ubuntu", packages, None)


_UBUNTU = """
apt-transport-https 2.8.3
ca-certificates 20240203
chrony 4.5-1ubuntu4.2
conntrack 1:1.4.8-1ubuntu1
containerd 1.7.28-0ubuntu1~24.04.1
curl 8.5.0-2ubuntu10.6
ebtables 2.0.11-6build1
ethtool 1:6.7-1build1
etcd-client 3.4.30-1ubuntu0.24.04.3
gnupg 2.4.4-2ubuntu17.3
gpg 2.4.4-2ubuntu17.3
iproute2 6.1.0-1ubuntu6.2
ipset 7.19-1ubuntu2
iptables 1.8.10-3ubuntu2
ipvsadm 1:1.31-1ubuntu0.1
jq 1.7.1-3ubuntu0.24.04.1
kmod 31+20240202-2ubuntu7.1
nfs-common 1:2.6.4-3ubuntu5.1
open-iscsi 2.1.9-3ubuntu5.4
socat 1.8.0.0-4build3
tar 1.35+dfsg-3build1
tzdata 2025b-0ubuntu0.24.04.1
unattended-upgrades 2.9.1+nmu4ubuntu1
xfsprogs 6.6.0-1ubuntu2.1
"""
# Of Ubuntu's own, what Canonical's AMI has.
PREINSTALLED = [
    "apt-transport-https",
    "ca-certificates",
    "chrony",
    "curl",
    "gnupg",
    "gpg",
    "iproute2",
    "iptables",
    "kmod",
    "open-iscsi",
    "tar",
    "tzdata",
    "unattended-upgrades",
    "xfsprogs",
    "ethtool",
]
# What a package brings beside itself.
DEPENDS = {
    "kubelet": ("kubernetes-cni",),
    "kubeadm": ("cri-tools",),
}
COMMANDS = {
    "kubelet": ("kubelet",),
    "kubeadm": ("kubeadm",),
    "kubectl": ("kubectl",),
    "cri-tools": ("crictl",),
    "containerd.io": ("containerd", "ctr", "runc", "containerd-shim-runc-v2"),
    "containerd": ("containerd", "ctr"),
    "conntrack": ("conntrack",),
    "ipvsadm": ("ipvsadm",),
    "ipset": ("ipset",),
    "socat": ("socat",),
    "etcd-client": ("etcdctl", "etcdutl"),
    "jq": ("jq",),
}
