"""A cluster's folder as it is once Terraform has run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provisioning.cluster import CLUSTER_FILE, Cluster
from provisioning.site import Site


def written(cluster: Cluster, nodes: Mapping[str, Any], folder: Path) -> Site:
    """The site in this folder, with outputs that name these machines."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    outputs = {
        "cluster": {"name": cluster.name, "account": "123456789012", "region": cluster.region},
        "nodes": nodes,
        "api": {"host": "k8s-api", "port": 6443, "addresses": []},
        "network": {
            "vpc_id": "vpc-1",
            "subnet_ids": [],
            "security_group_id": "sg-1",
            "load_balancer_security_group": "sg-2",
        },
        "buckets": {},
        "cdn": {"distribution_id": "E1", "url": "https://cdn"},
        "domain": {"name": None, "hosted_zone_id": None, "certificate_arn": None},
        "roles": {},
    }
    site = Site(cluster, CLUSTER_FILE, folder)
    site.outputs_file.write_text(json.dumps(outputs))
    return site
