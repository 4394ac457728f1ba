"""What the tests of kubectl and helm share: a site with outputs, a step, a chart to play with, kubelets' requests."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from provisioning.cluster import Cluster
from provisioning.cluster.registration import registration_labels
from provisioning.kubernetes.components import UNINITIALIZED
from provisioning.run import Redactor, Step, Stop
from provisioning.site import Site
from tests.doubles.hosts.cluster import Registration
from tests.provisioning.cluster.outputs import terraform_nodes

Object = dict[str, Any]


@dataclass
class Heard:
    """Makes steps, and keeps what they say."""

    redactor: Redactor = field(default_factory=Redactor)
    stop: Stop = field(default_factory=Stop)
    lines: list[str] = field(default_factory=list)

    def step(self, timeout_s: float = 120.0, node: str | None = None) -> Step:
        return Step(
            "test",
            node,
            attempt=1,
            timeout_s=timeout_s,
            stop=self.stop,
            redactor=self.redactor,
            show=lambda phase, node, line: self.lines.append(line),
        )

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def outputs(cluster: Cluster) -> Object:
    """Terraform's outputs, as they are once it has run."""
    domain = cluster.domain.name
    return {
        "cluster": {"name": cluster.name, "account": "123456789012", "region": cluster.region},
        "nodes": terraform_nodes(cluster),
        "api": {"host": f"k8s-api.{cluster.network.private_zone}", "port": 6443, "addresses": ["203.0.113.1"]},
        "network": {
            "vpc_id": "vpc-0123456789abcdef0",
            "subnet_ids": ["subnet-a", "subnet-b", "subnet-c"],
            "security_group_id": "sg-cluster",
            "load_balancer_security_group": "sg-load-balancer",
        },
        "buckets": {"images": "eco2-images-123456789012", "backups": "eco2-backups-123456789012"},
        "cdn": {"distribution_id": "E123", "url": "https://images.growbin.app"},
        "domain": {
            "name": domain,
            "hosted_zone_id": "Z123" if domain else None,
            "certificate_arn": "arn:aws:acm:ap-northeast-2:123456789012:certificate/1" if domain else None,
        },
        "roles": {},
    }


def made(cluster: Cluster, folder: Path) -> Site:
    """The site of this cluster in a folder of its own, with its machines."""
    home = folder / "clusters" / cluster.name
    home.mkdir(mode=0o700, parents=True)
    site = Site(cluster, folder / "cluster.yaml", home)
    site.outputs_file.write_text(json.dumps(outputs(cluster)))
    return site


def chart(folder: Path, templates: dict[str, str], *, version: str = "1.0.0", **files: str) -> Path:
    """A chart in a folder, written anew."""
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {folder.name}\nversion: {version}\n")
    for name, text in {**{f"templates/{name}": text for name, text in templates.items()}, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def serving_request(
    node: str,
    names: Sequence[str],
    addresses: Sequence[IPv4Address],
    *,
    common_name: str | None = None,
    organisation: str = "system:nodes",
    **spec: Any,
) -> Object:
    """A CertificateSigningRequest as a kubelet sends it; ``spec`` overrides fields of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name or f"system:node:{node}"),
    ]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    alternatives = [*map(x509.DNSName, names), *map(x509.IPAddress, addresses)]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": f"csr-{node}"},
        "spec": {
            "request": base64.b64encode(pem).decode(),
            "signerName": "kubernetes.io/kubelet-serving",
            "usages": ["digital signature", "server auth"],
            "username": f"system:node:{node}",
            "groups": ["system:nodes", "system:authenticated"],
            **spec,
        },
        "status": {},
    }


def registration(site: Site, name: str, *, initialized: bool = False) -> Registration:
    """What the node's kubelet says of itself when it joins; ``initialized``: as after the cloud controller's word."""
    node, machine = site.cluster.node(name), site.machines()[name]
    taints = [taint.as_dict() for taint in node.taints]
    if not initialized:
        taints.append({"key": UNINITIALIZED, "value": "true", "effect": "NoSchedule"})
    return Registration(
        name=name,
        control_plane=node.role == "control-plane",
        provider_id=machine.provider_id,
        labels=registration_labels(node),
        taints=taints,
        internal_ip=str(machine.private_ip),
        kubelet_version=f"v{site.cluster.kubernetes.version}",
        container_runtime="containerd://2.2.6",
        os_image="Ubuntu 24.04 LTS",
        kernel="6.8.0",
        cpus=node.machine.vcpu,
        memory_bytes=node.machine.memory_mib << 20,
        max_pods=site.cluster.kubernetes.max_pods,
        serving_csr=True,
        instance_type=node.type,
        zone=node.zone,
    )
