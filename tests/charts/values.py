"""Each release with the values that the product makes of its own cluster file, and the Secrets beside them."""

import json
from typing import Any

from provisioning.cluster.model import Cluster
from provisioning.kubernetes.own_releases import api_releases, worker_releases
from provisioning.kubernetes.release_table import EDGE, chart_of, namespace_of
from provisioning.kubernetes.secrets import Given, backends
from provisioning.kubernetes.values import VALUES, Told
from provisioning.site import Outputs
from tests.charts.rendering import Release
from tests.provisioning.kubernetes.world import outputs

DOMAINS = ("waste", "auth", "userinfo", "location", "recycle", "chat")
WORKERS = ("storage", "ai")
STORES = ("rabbitmq", "postgresql", "redis")
ALL = (*DOMAINS, *WORKERS, *STORES, EDGE)

PASSWORD = "Pass-word_1"
EVERYTHING = Given(models=True, registry=True)


def release(cluster: Cluster, name: str, given: Given = EVERYTHING, **changed: Any) -> Release:
    """The release where the operator has given both keys; `changed` replaces values at the top."""
    told = Told(cluster, Outputs.model_validate_json(json.dumps(outputs(cluster))), "v0.7.0", given)
    chart = chart_of(cluster, name)
    return Release(name, namespace_of(cluster, name), chart, {**VALUES[chart](told, name), **changed})


def secrets(cluster: Cluster) -> dict[tuple[str, str], str]:
    """(Secret, key) -> what it holds."""
    passwords = {name: {"username": "eco2", "password": PASSWORD} for name in STORES}
    return {
        **{("backends", key): address for key, address in backends(cluster, passwords).items()},
        ("openai", "OPENAI_API_KEY"): "sk-x",
        ("postgresql-credentials", "password"): PASSWORD,
    }


def are_the_cluster_files(cluster: Cluster) -> bool:
    """Whether the names above, which parametrize tests, are those of the cluster file."""
    return (list(DOMAINS), list(WORKERS)) == (api_releases(cluster), worker_releases(cluster))
