"""The machines that Terraform made for the nodes: who they are and how they are reached."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from provisioning.cluster.errors import path_text
from provisioning.cluster.model import CONTROL_PLANE, Cluster, Node

SSH_PORT = 22
API_PORT = 6443


class MachinesDiffer(Exception):
    """The machines are not those of the cluster file; the text names every difference, one a line."""


class Machine(BaseModel):
    """One entry of Terraform's output ``nodes``; what else stands in it is left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    instance_id: Annotated[str, Field(pattern=r"^i-[0-9a-f]{8,17}$")]
    zone: str
    private_ip: IPv4Address
    public_ip: IPv4Address
    host_key: Annotated[str, Field(pattern=r"^(ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/]+=*( .*)?$")]

    @property
    def provider_id(self) -> str:
        """How Kubernetes names the machine; the cloud controller finds it by this and by nothing else."""
        return f"aws:///{self.zone}/{self.instance_id}"


@dataclass(frozen=True)
class Host:
    """A node as SSH reaches it."""

    node: str
    role: str
    address: str
    port: int
    user: str
    key_file: Path
    host_key: str  # ``ssh-ed25519 AAAA…``

    def known_hosts_line(self) -> str:
        """Its line in a known_hosts file."""
        kind, key, *_ = self.host_key.split(" ")
        name = self.address if self.port == SSH_PORT else f"[{self.address}]:{self.port}"
        return f"{name} {kind} {key}"


def machines(cluster: Cluster, nodes: Mapping[str, Any]) -> dict[str, Machine]:
    """Terraform's output ``nodes``, checked against the cluster file: each node has its machine, and there is no other.

    Raises `MachinesDiffer`; an inventory from before the last change of the file does not get past this.
    """
    found: dict[str, Machine] = {}
    differences: list[str] = []
    for name, facts in nodes.items():
        try:
            found[name] = Machine.model_validate(facts)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                differences.append(f"{name}: {path_text(detail['loc'])}: {detail['msg']}")
    differences += [f"{node.name} has no machine" for node in cluster.nodes if node.name not in nodes]
    differences += [
        f"{name} is a machine of no node" for name in nodes if name not in {node.name for node in cluster.nodes}
    ]
    for node in cluster.nodes:
        if node.name in found:
            differences += _differences(cluster, node, found[node.name])
    for fact in ("instance_id", "private_ip", "public_ip"):
        differences += _shared(found, fact)
    if differences:
        raise MachinesDiffer("\n".join(sorted(differences)))
    return {node.name: found[node.name] for node in cluster.nodes}


def _differences(cluster: Cluster, node: Node, machine: Machine) -> Iterator[str]:
    if machine.zone != node.zone:
        yield f"{node.name} stands in {machine.zone}, the cluster file says {node.zone}"
    elif machine.private_ip not in cluster.network.subnets[node.zone]:
        yield f"{node.name}: {machine.private_ip} is not in the subnet of {node.zone}"


def _shared(found: Mapping[str, Machine], fact: str) -> Iterator[str]:
    owner: dict[Any, str] = {}
    for name, machine in found.items():
        value = getattr(machine, fact)
        if value in owner:
            yield f"{name} and {owner[value]} have the same {fact}, {value}"
        owner.setdefault(value, name)


def inventory(cluster: Cluster, made: Mapping[str, Machine]) -> list[Host]:
    """How each node is reached, control planes first, else in the order of the file."""
    ordered = sorted(cluster.nodes, key=lambda node: node.role != CONTROL_PLANE)
    return [
        Host(
            node=node.name,
            role=node.role,
            address=str(made[node.name].public_ip),
            port=SSH_PORT,
            user=cluster.access.user,
            key_file=Path(cluster.access.key_file).expanduser(),
            host_key=made[node.name].host_key,
        )
        for node in ordered
    ]


def host_names(cluster: Cluster) -> dict[str, str]:
    """Each node's full name in the private zone."""
    return {node.name: f"{node.name}.{cluster.network.private_zone}" for node in cluster.nodes}


def api_endpoint(cluster: Cluster) -> str:
    """Where nodes reach the API server. A name even with one control plane: a second could not be added otherwise."""
    return f"k8s-api.{cluster.network.private_zone}:{API_PORT}"
