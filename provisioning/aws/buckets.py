"""Buckets by their names, which are the whole world's: whether one stands, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from provisioning.aws.account import Account
from provisioning.aws.errors import AccessDenied, AwsSaid
from provisioning.cluster.model import Cluster


class Owner(Enum):
    NOBODY = "there is no such bucket"
    CLUSTER = "it carries this cluster's tag"
    ACCOUNT = "it is in this account, and does not carry this cluster's tag"
    OTHERS = "it belongs to another account"


@dataclass(frozen=True)
class Bucket:
    """One of the cluster's buckets. ``key`` is its name in the cluster file, ``name`` the whole name."""

    key: str
    name: str
    owner: Owner


def buckets(account: Account, cluster: Cluster) -> list[Bucket]:
    """The cluster's buckets as they stand now; AWS is asked for each."""
    number = account.identity().account
    names = {"images": cluster.buckets.images.name, "backups": cluster.buckets.backups.name}
    return [
        Bucket(key, name, _owner(account, cluster, name))
        for key, name in ((key, f"{prefix}-{number}") for key, prefix in names.items())
    ]


def _owner(account: Account, cluster: Cluster, name: str) -> Owner:
    try:
        account.ask("s3", "HeadBucket", Bucket=name)
    except AccessDenied:
        return Owner.OTHERS
    except AwsSaid as error:
        if error.reason not in ("404", "NoSuchBucket"):
            raise
        return Owner.NOBODY
    try:
        tags = account.ask("s3", "GetBucketTagging", Bucket=name)["TagSet"]
    except AwsSaid as error:
        if error.reason != "NoSuchTagSet":
            raise
        tags = []
    ours = {"Key": f"kubernetes.io/cluster/{cluster.name}", "Value": "owned"}
    return Owner.CLUSTER if ours in tags else Owner.ACCOUNT
