"""Machines for a site that has none: addresses on loopback, host keys, the operator's key, Terraform's outputs."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from provisioning.cluster import CLUSTER_FILE, Cluster, Machine, load
from provisioning.cluster.machines import API_PORT, api_endpoint
from provisioning.site import Site
from provisioning.terraform import host_keys

ACCOUNT = "123456789012"


def network() -> str:
    """Three numbers of a loopback network that hardly anybody else takes: ``127.x.y``."""
    return f"127.{random.randint(16, 250)}.{random.randint(1, 250)}"


def equipped(site: Site, net: str | None = None) -> dict[str, Machine]:
    """Gives the site what a first ``terraform apply`` leaves behind, and the operator an SSH key.

    Writes the host keys, ``access.key_file`` with its public half, and the outputs file. Node k gets ``net``.k.
    """
    keys = host_keys.ensure(site.host_keys, site.nodes)
    operator_key(Path(site.cluster.access.key_file).expanduser())
    facts = node_facts(site.cluster, keys.public, net or network())
    write_outputs(site, facts)
    return {name: Machine.model_validate(each) for name, each in facts.items()}


def node_facts(cluster: Cluster, public_keys: Mapping[str, str], net: str) -> dict[str, dict[str, str]]:
    """Terraform's output ``nodes``."""
    used = dict.fromkeys(cluster.network.subnets, 10)
    facts = {}
    for index, node in enumerate(cluster.nodes, 1):
        private = cluster.network.subnets[node.zone].network_address + used[node.zone]
        used[node.zone] += 1
        instance = f"i-{random.getrandbits(68):017x}"
        facts[node.name] = {
            "role": node.role,
            "instance_id": instance,
            "provider_id": f"aws:///{node.zone}/{instance}",
            "zone": node.zone,
            "private_ip": str(private),
            "private_dns": f"ip-{str(private).replace('.', '-')}.{cluster.region}.compute.internal",
            "public_ip": f"{net}.{index}",
            "host_key": public_keys[node.name],
        }
    return facts


def write_outputs(site: Site, facts: Mapping[str, Mapping[str, str]]) -> None:
    """The outputs file as the phase ``terraform`` writes it."""
    cluster = site.cluster
    host, _, _ = api_endpoint(cluster).partition(":")
    outputs: dict[str, Any] = {
        "cluster": {
            "name": cluster.name,
            "account": ACCOUNT,
            "region": cluster.region,
            "tag": {"key": f"kubernetes.io/cluster/{cluster.name}", "value": "owned"},
        },
        "nodes": {name: dict(each) for name, each in facts.items()},
        "api": {
            "host": host,
            "port": API_PORT,
            "addresses": [facts[node.name]["public_ip"] for node in cluster.of_role("control-plane")],
        },
        "network": {
            "vpc_id": "vpc-0a1b2c3d4e5f60718",
            "subnet_ids": [f"subnet-{index:017x}" for index in range(1, len(cluster.network.subnets) + 1)],
            "security_group_id": "sg-0123456789abcdef0",
            "load_balancer_security_group": "sg-0123456789abcdef1",
        },
        "buckets": {key: f"{getattr(cluster.buckets, key).name}-{ACCOUNT}" for key in ("images", "backups")},
        "cdn": {
            "distribution_id": "E1ABCDEFGHIJKL",
            "url": f"https://{cluster.domain.host('images') or 'd111.cloudfront.net'}",
        },
        "domain": {
            "name": cluster.domain.name,
            "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
            "certificate_arn": f"arn:aws:acm:{cluster.region}:{ACCOUNT}:certificate/1",
        },
        "roles": {
            role: f"arn:aws:iam::{ACCOUNT}:role/{cluster.name}-{role}"
            for role in sorted({node.role for node in cluster.nodes})
        },
    }
    fresh = site.outputs_file.with_suffix(".new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(outputs, file, indent=2)
    fresh.replace(site.outputs_file)


def operator_key(path: Path) -> None:
    """An ED25519 pair as ``ssh-keygen`` leaves it; one that is there stays."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private)
    path.with_name(f"{path.name}.pub").write_bytes(
        key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" operator\n"
    )


def new_site(folder: Path, cluster_file: Path = CLUSTER_FILE) -> Site:
    """A site of its own below ``folder``: the cluster file with an operator's key there, an empty cluster folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = re.sub(r"key_file: \S+", f"key_file: {folder / 'operator'}", cluster_file.read_text())
    file = folder / "cluster.yaml"
    file.write_text(text)
    cluster = load(file)
    clusters = folder / "clusters" / cluster.name
    clusters.mkdir(mode=0o700, parents=True)
    return Site(cluster, file, clusters)
