"""Thanos, where the cluster file asks for it: metrics that are older than Prometheus' own volume keeps, in a bucket.

The cluster file asks by the pod ``thanos-store`` in the release of the monitoring. A sidecar beside Prometheus then
brings what is two hours old to the bucket of the backups, below `PREFIX`; the store, a pod of charts/monitoring, reads
it there. Both have what they may of their node's role (provisioning/terraform/iam_nodes.tf), so no key is anywhere.
"""

from __future__ import annotations

import json

from provisioning.cluster import Cluster
from provisioning.cluster.placement import Values, placement
from provisioning.cluster.quantities import MIB, Resources

POD = "thanos-store"
_IMAGE, _TAG = "quay.io/thanos/thanos", "v0.40.1"
# The Secret that both read. It holds no secret, but the Prometheus operator reads no ConfigMap here.
BUCKET, BUCKET_KEY = "thanos-bucket", "objstore.yml"
PREFIX = "thanos"

# Beside Prometheus, of what the cluster file gives its pod. It reads a block while it sends it, a few at a time.
SIDECAR_REQUESTS, SIDECAR_MEMORY_LIMIT = Resources(15, 64 * MIB), 192 * MIB


def is_wanted(cluster: Cluster, release: str) -> bool:
    found = cluster.releases.get(release)
    return found is not None and POD in found.pods


def bucket(cluster: Cluster, name: str, namespace: str) -> Values:
    """The Secret with where the bucket is: https://thanos.io/tip/thanos/storage.md/#s3"""
    config = {"bucket": name, "endpoint": f"s3.{cluster.region}.amazonaws.com", "region": cluster.region}
    text = json.dumps({"type": "S3", "config": config, "prefix": PREFIX})
    metadata = {"name": BUCKET, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {BUCKET_KEY: text}}


def sidecar(resources: Values) -> Values:
    """What the Prometheus of the operator is told, which keeps its blocks uncompacted for it."""
    return {
        "image": f"{_IMAGE}:{_TAG}",
        "version": _TAG,
        "objectStorageConfig": {"existingSecret": {"name": BUCKET, "key": BUCKET_KEY}},
        "resources": resources,
    }


def store(cluster: Cluster, release: str) -> Values:
    """The values ``thanos`` of charts/monitoring."""
    if not is_wanted(cluster, release):
        return {"enabled": False}
    pod = placement(cluster, release)[POD]
    return {
        "enabled": True,
        "image": {"repository": _IMAGE, "tag": _TAG},
        "bucketSecret": {"name": BUCKET, "key": BUCKET_KEY},
        **{key: pod[key] for key in ("nodeSelector", "tolerations", "resources")},
        **({"storage": pod["storage"]} if "storage" in pod else {}),
    }
