"""Facts about AWS's instance types, regions and zones, from ``instance_types.yaml``."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

_FILE = Path(__file__).with_name("instance_types.yaml")


class InstanceType(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    vcpu: int = Field(gt=0)
    memory_mib: int = Field(gt=0)
    interfaces: int = Field(gt=0)
    addresses: int = Field(gt=0)  # IPv4 addresses of one interface
    quota: str  # the code of the quota that its vCPUs count against

    @property
    def memory_gib(self) -> float:
        return self.memory_mib / 1024

    @property
    def vpc_pods(self) -> int:
        """How many pods there may be where each takes an address of the VPC (amazon-vpc-cni); Calico's take none."""
        return self.interfaces * (self.addresses - 1) + 2


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    regions: dict[str, tuple[str, ...]]
    quotas: dict[str, str]
    types: dict[str, InstanceType]
    offered_only_in: dict[str, dict[str, tuple[str, ...]]]


@cache
def _table() -> _Table:
    read: Any = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return _Table.model_validate(read)


def instance_types() -> dict[str, InstanceType]:
    return _table().types


def instance_type(name: str) -> InstanceType:
    """Raises KeyError for a type that is not in the table."""
    return _table().types[name]


def regions() -> dict[str, tuple[str, ...]]:
    """Each region with its zones."""
    return _table().regions


def quotas() -> dict[str, str]:
    """Each quota of on-demand vCPUs: code -> AWS's name for it."""
    return _table().quotas


def zones_offering(type_name: str, region: str) -> tuple[str, ...]:
    """The region's zones in which AWS offers the type."""
    family = type_name.partition(".")[0]
    return _table().offered_only_in.get(family, {}).get(region, _table().regions[region])
