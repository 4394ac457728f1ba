"""What a teardown removes: things that are a cluster's own, and how one tells.

Whose a thing is, its tags say: ``kubernetes.io/cluster/<name>`` is ``owned`` (Terraform, the EBS driver), or
``elbv2.k8s.aws/cluster`` is ``<name>`` (the load balancer controller). Both are compared as a whole. What has no tags
is known by its whole name, which its kind says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from provisioning.aws import Account
from provisioning.cluster import Cluster
from provisioning.run import Step


@dataclass(frozen=True)
class Thing:
    """One thing that is the cluster's. ``why`` says how that is known; ``raw`` is what AWS said of it."""

    kind: str
    id: str
    name: str
    why: str
    raw: Any = field(default=None, compare=False, repr=False)

    @property
    def key(self) -> str:
        """Unique in a cluster."""
        return f"{self.kind}/{self.id}"

    @property
    def label(self) -> str:
        """``instance NAME (i-0a1b)``; an ARN says nothing to people that the name does not."""
        if not self.name or self.name == self.id:
            return f"{self.kind} {self.id}"
        return f"{self.kind} {self.name}" + ("" if self.id.startswith("arn:") else f" ({self.id})")

    def as_dict(self) -> dict[str, str]:
        return {"kind": self.kind, "id": self.id, "name": self.name, "why": self.why}


@dataclass(frozen=True)
class Cloud:
    """The account, and the cluster whose things are looked for."""

    account: Account
    cluster: Cluster

    @cached_property
    def number(self) -> str:
        """The account's 12 digits."""
        return self.account.identity().account

    @property
    def tag(self) -> str:
        return f"kubernetes.io/cluster/{self.cluster.name}"

    def why(self, tags: Mapping[str, str]) -> str | None:
        """Which tag makes a thing the cluster's; None: it is not."""
        if tags.get(self.tag) == "owned":
            return f"tag {self.tag}=owned"
        if tags.get("elbv2.k8s.aws/cluster") == self.cluster.name:
            return f"tag elbv2.k8s.aws/cluster={self.cluster.name}"
        return None


class Kind(ABC):
    """One kind of thing. `find` changes nothing; `remove` may be repeated, and for a thing that is gone it may raise
    what AWS says. ``bound_s`` is how long the things of this kind may take to be gone, all of them."""

    name: str
    verb = "delete"
    bound_s: float = 120.0
    left_because = "it is still there"

    @abstractmethod
    def find(self, cloud: Cloud) -> list[Thing]:
        """All things of this kind that are the cluster's and still stand."""

    @abstractmethod
    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        """Asks AWS to remove it. Raises `errors.NotNow` while something else has to go first."""

    def blockers(self, cloud: Cloud, thing: Thing) -> list[str]:
        """What is known to stand in its way, for people."""
        return []

    def thing(self, id: str, name: str, why: str, raw: Any = None) -> Thing:
        return Thing(self.name, id, name, why, raw)

    def title(self, thing: Thing) -> str:
        return f"{self.verb} {thing.label}"


def tags_of(listed: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """From AWS's list of keys and values."""
    return {each["Key"]: each["Value"] for each in listed or ()}
