"""The cluster as types. What one field can say about itself is checked here; what several say, in ``checks``."""

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from provisioning.cluster.errors import did_you_mean
from provisioning.cluster.instances import InstanceType, instance_type, instance_types, regions
from provisioning.cluster.quantities import Resources
from provisioning.cluster.syntax import (
    Cidr,
    Cpu,
    DnsLabel,
    Domain,
    KeyFile,
    LabelKey,
    LabelValue,
    Memory,
    ParsedTaint,
    Portion,
    form,
    label_key,
    label_value,
    text,
)
from provisioning.cluster.versions import Version, kubernetes_version

CONTROL_PLANE: Final = "control-plane"
EVERY: Final = "every"

Role = Literal["control-plane", "api", "worker", "infrastructure"]
ROLES: tuple[Role, ...] = get_args(Role)


def _known_type(name: str) -> str:
    if name not in instance_types():
        raise ValueError(f"the instance type {name!r} is not in the table{did_you_mean(name, instance_types())}")
    return name


def _known_region(name: str) -> str:
    if name not in regions():
        raise ValueError(f"the region {name!r} is not in the table{did_you_mean(name, regions())}")
    return name


def _selector(value: Any) -> dict[str, str] | None:
    if value == EVERY:
        return None
    if not isinstance(value, dict) or not value:
        raise ValueError(f"must be {EVERY!r}, or the labels that a node must have ({{domain: waste}})")
    return {label_key(key): label_value(wanted) for key, wanted in value.items()}


InstanceName = Annotated[str, AfterValidator(_known_type)]
Region = Annotated[str, AfterValidator(_known_region)]
KubernetesVersion = Annotated[
    Version, BeforeValidator(lambda value: kubernetes_version(text(value))), PlainSerializer(str)
]
# None: every node
Selector = Annotated[
    dict[str, str] | None, BeforeValidator(_selector), PlainSerializer(lambda value: EVERY if value is None else value)
]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


# YAML's lists become tuples, which a strict field would not take.
_LIST = Field(strict=False)


class Network(Section):
    vpc: Cidr
    subnets: dict[str, Cidr]
    pods: Cidr
    services: Cidr
    private_zone: Domain


class Access(Section):
    user: Annotated[str, form(r"[a-z_][a-z0-9_-]{0,31}", "the name of a Unix user")]
    key_file: KeyFile
    ssh_from: Annotated[tuple[Cidr, ...], _LIST]
    api_from: Annotated[tuple[Cidr, ...], _LIST]
    anywhere: Annotated[tuple[Literal["ssh", "api"], ...], _LIST]


class MachineImage(Section):
    owner: Annotated[str, form(r"[0-9]{12}", "the 12 digits of an AWS account")]
    name: Name
    id: Annotated[str, form(r"ami-([0-9a-f]{8}|[0-9a-f]{17})", "ami- and 17 hexadecimal digits")] | None


class Reserved(Section):
    cpu: Cpu
    memory: Memory
    ephemeral_storage: Memory = Field(alias="ephemeral-storage")


class Eviction(Section):
    """All four, since the kubelet takes those that are not given for zero."""

    memory_available: Memory = Field(alias="memory.available")
    nodefs_available: Portion = Field(alias="nodefs.available")
    nodefs_inodes_free: Portion = Field(alias="nodefs.inodesFree")
    imagefs_available: Portion = Field(alias="imagefs.available")


class Kubernetes(Section):
    version: KubernetesVersion
    max_pods: int = Field(ge=10, le=250)
    system_reserved: Reserved
    kube_reserved: Reserved
    eviction: Eviction


class Hosts(Section):
    api: DnsLabel
    www: DnsLabel
    images: DnsLabel
    grafana: DnsLabel


class DomainName(Section):
    name: Domain | None
    hosts: Hosts

    def host(self, which: str) -> str | None:
        """``api`` -> ``api.growbin.app``; None without a domain. Raises KeyError for a host that is not in the file."""
        labels: dict[str, str] = self.hosts.model_dump()
        return f"{labels[which]}.{self.name}" if self.name else None


# S3 permits 63 characters, and a hyphen and the account's number are appended.
BucketName = Annotated[
    str, form(r"[a-z0-9][a-z0-9-]{1,48}[a-z0-9]", "3 to 50 of a-z, 0-9 and - (the account's number is appended)")
]
Prefix = Annotated[str, form(r"[a-z0-9][a-z0-9_-]{0,62}/", "one folder with a slash at its end, such as scans/")]


class Bucket(Section):
    name: BucketName
    expiring: Annotated[tuple[Prefix, ...], Field(strict=False, min_length=1)]
    standard_ia_days: Annotated[int, Field(ge=30, le=3650)] | None  # S3 moves nothing to STANDARD_IA before 30 days
    expire_days: int = Field(ge=1, le=3650)


class Buckets(Section):
    images: Bucket
    backups: Bucket


class Cdn(Section):
    ttl_days: int = Field(ge=1, le=365)
    price_class: Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"]


class Registry(Section):
    server: Domain
    owner: Annotated[str, form(r"[a-z0-9]([a-z0-9-]{0,37}[a-z0-9])?", "an account of the registry, in lower case")]
    repository: Annotated[str, form(r"[a-z0-9]([a-z0-9._-]{0,98}[a-z0-9])?", "the name of an image, in lower case")]
    pull_secret: DnsLabel

    @property
    def image(self) -> str:
        """The services' image without a tag: ``ghcr.io/owner/eco2``."""
        return f"{self.server}/{self.owner}/{self.repository}"

    @property
    def workers_image(self) -> str:
        """The workers', likewise: ``ghcr.io/owner/eco2-worker``."""
        return f"{self.image}-worker"


class Node(Section):
    name: DnsLabel
    role: Role
    type: InstanceName
    disk_gb: int = Field(ge=20, le=16384)
    zone: str
    labels: dict[LabelKey, LabelValue]
    taints: Annotated[tuple[ParsedTaint, ...], _LIST]

    @property
    def machine(self) -> InstanceType:
        return instance_type(self.type)

    def matches(self, selector: dict[str, str] | None) -> bool:
        return selector is None or selector.items() <= self.labels.items()


class Requests(Section):
    cpu: Cpu
    memory: Memory

    @property
    def one_pod(self) -> Resources:
        return Resources(self.cpu, self.memory, 1)


class Limits(Section):
    memory: Memory
    cpu: Cpu | None = None


class Pod(Section):
    nodes: Selector
    replicas: Annotated[int, Field(ge=1, le=20)] | None = None
    requests: Requests
    limits: Limits | None = None
    volume_gib: Annotated[int, Field(ge=1, le=16384)] | None = None


class Release(Section):
    namespace: DnsLabel
    pods: dict[DnsLabel, Pod] = Field(min_length=1)


class Cluster(Section):
    """All of a cluster file. ``loading.load`` makes one; one that exists has passed every check."""

    # Short, since AWS permits a load balancer's name no more than 32 characters.
    name: Annotated[
        str, form(r"[a-z]([-a-z0-9]{0,18}[a-z0-9])?", "at most 20 of a-z, 0-9 and -, beginning with a letter")
    ]
    environment: Annotated[str, form(r"[a-z][a-z0-9]{0,15}", "one word such as prod")]
    region: Region
    zones: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    network: Network
    access: Access
    machine_image: MachineImage
    kubernetes: Kubernetes
    domain: DomainName
    buckets: Buckets
    cdn: Cdn
    registry: Registry
    tags: dict[Annotated[str, Field(min_length=1, max_length=128)], Annotated[str, Field(max_length=256)]]
    nodes: Annotated[tuple[Node, ...], Field(strict=False, min_length=1)]
    releases: dict[DnsLabel, Release]

    def node(self, name: str) -> Node:
        """Raises KeyError."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def of_role(self, role: Role) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.role == role)
