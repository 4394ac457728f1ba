"""Tags in the forms that AWS's services want them in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioning.cluster import Cluster


def terraform_tags(cluster: Cluster) -> dict[str, str]:
    """``local.tags`` of cluster.tf: on everything that Terraform makes."""
    return {
        **cluster.tags,
        "Cluster": cluster.name,
        "Environment": cluster.environment,
        f"kubernetes.io/cluster/{cluster.name}": "owned",
    }


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def specified(kind: str, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """EC2's ``TagSpecifications``."""
    return [{"ResourceType": kind, "Tags": listed(tags)}]
