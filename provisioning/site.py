"""One cluster as its operator has it: what the cluster file says, and the folder with what is known of its machines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from provisioning.cluster import Cluster, Host, Machine, MachinesDiffer, inventory, machines
from provisioning.run import ExitCode, NotYet, Redactor, RunError

REPOSITORY = Path(__file__).resolve().parents[1]
CLUSTERS = "ECO2_CLUSTERS"


class OutputsUnreadable(RunError):
    """What Terraform said of the machines cannot be read, or is not about this cluster file."""

    code = "E-OUTPUTS"
    exit_code = ExitCode.CONFIGURATION
    cause = "The cluster file has changed since the last apply, or outputs.json was edited."
    remedy = "./inv rebuild --only terraform"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ClusterOutput(_Part):
    name: str
    account: str
    region: str


class ApiOutput(_Part):
    host: str
    port: int
    addresses: tuple[str, ...]


class NetworkOutput(_Part):
    vpc_id: str
    subnet_ids: tuple[str, ...]
    security_group_id: str
    load_balancer_security_group: str


class CdnOutput(_Part):
    distribution_id: str
    url: str


class DomainOutput(_Part):
    name: str | None
    hosted_zone_id: str | None
    certificate_arn: str | None


class Outputs(_Part):
    """Terraform's outputs (provisioning/terraform/outputs.tf): name -> value."""

    cluster: ClusterOutput
    nodes: dict[str, dict[str, Any]]
    api: ApiOutput
    network: NetworkOutput
    buckets: dict[str, str]
    cdn: CdnOutput
    domain: DomainOutput
    roles: dict[str, str]


@dataclass(frozen=True)
class Site:
    """The cluster file and the cluster's folder. Everything in the folder is for its owner's eyes alone (0700).

    The folder is ``$ECO2_CLUSTERS/<name>``, or ``.clusters/<name>`` in the repository: run journals, Terraform's state,
    host keys, outputs and the kubeconfig. It is apart from ``.eco2``, which ``./inv down --wipe`` deletes.
    """

    cluster: Cluster
    cluster_file: Path
    folder: Path
    redactor: Redactor = field(default_factory=Redactor)

    @classmethod
    def of(cls, cluster: Cluster, cluster_file: Path) -> Site:
        """The site of this cluster, its folder made if need be."""
        clusters = Path(os.environ.get(CLUSTERS) or REPOSITORY / ".clusters").expanduser().resolve()
        folder = clusters / cluster.name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        return cls(cluster, cluster_file.resolve(), folder)

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes' names, in the order of the file."""
        return tuple(node.name for node in self.cluster.nodes)

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def host_keys(self) -> Path:
        return self.folder / "host_keys"

    @property
    def terraform(self) -> Path:
        """Terraform's working data: the state and its backups, plugins, plans."""
        return self.folder / "terraform"

    @property
    def outputs_file(self) -> Path:
        """Written by the phase ``terraform`` after each apply, so no later phase meets yesterday's addresses."""
        return self.folder / "outputs.json"

    def outputs(self) -> Outputs:
        """Read anew each time. Raises `NotYet` before the first apply, `OutputsUnreadable`."""
        try:
            text = self.outputs_file.read_text()
        except FileNotFoundError:
            raise NotYet("there are no machines yet: Terraform has not been applied") from None
        try:
            return Outputs.model_validate_json(text)
        except ValidationError as error:
            raise OutputsUnreadable(f"{self.outputs_file}: {error}") from error

    def machines(self) -> dict[str, Machine]:
        """Node -> its machine. Raises `NotYet`, `OutputsUnreadable`."""
        try:
            return machines(self.cluster, self.outputs().nodes)
        except MachinesDiffer as error:
            raise OutputsUnreadable(str(error)) from error

    def hosts(self) -> Mapping[str, Host]:
        """Node -> how SSH reaches it, control planes first. Raises like `machines`."""
        return {host.node: host for host in inventory(self.cluster, self.machines())}

    @cached_property
    def control_plane(self) -> str:
        """The first control plane: where the cluster is made and where tokens come from."""
        return self.cluster.of_role("control-plane")[0].name
