"""The fear: a teardown that takes what is somebody else's, or that leaves a part of its own behind."""

from __future__ import annotations

import json

import pytest

from provisioning.aws import Account
from provisioning.cluster import CLUSTER_FILE, Cluster, load
from provisioning.run import ExitCode
from provisioning.site import Site
from provisioning.teardown.things import Cloud
from tests.doubles.aws import AwsAccount
from tests.doubles.aws.seeds import seed_cluster
from tests.doubles.aws.seeds_edge import make_bucket, record
from tests.doubles.aws.snapshots import snapshot
from tests.doubles.aws.strangers import near_tags, seed_stranger, staging
from tests.provisioning.teardown.calling import Teardown


def regions(cluster: Cluster) -> list[str]:
    return [cluster.region, "us-east-1"]


def test_all_of_ours_is_gone_and_all_of_theirs_is_as_it_was(
    account: AwsAccount, site: Site, teardown: Teardown
) -> None:
    whole = Site.of(load(CLUSTER_FILE), CLUSTER_FILE)
    seed_stranger(account, whole.cluster)
    before = snapshot(account, regions(whole.cluster))
    seed_cluster(account, whole.cluster)

    ended = teardown(at=whole)

    assert ended.code is ExitCode.DONE, ended.out
    assert ended.receipt is not None
    assert ended.receipt["left"] == []
    assert snapshot(account, regions(whole.cluster)) == before
    machines = [each["name"] for each in ended.receipt["removed"] if each["kind"] == "instance"]
    assert sorted(machines) == sorted(node.name for node in whole.cluster.nodes)


def test_a_second_teardown_finds_nothing_and_changes_nothing(
    account: AwsAccount, cluster: Cluster, teardown: Teardown
) -> None:
    seed_cluster(account, cluster)
    assert teardown().code is ExitCode.DONE
    changes = len(account.changes())

    again = teardown()

    assert again.code is ExitCode.DONE
    assert "Done: 0 steps changed something" in again.out
    assert len(account.changes()) == changes


def test_of_two_clusters_of_like_names_each_takes_its_own(
    account: AwsAccount, cluster: Cluster, site: Site, teardown: Teardown
) -> None:
    """The longer name goes first: whatever compares by a part of a name takes the shorter's as well."""
    longer = staging(cluster)
    seed_cluster(account, cluster)
    before = snapshot(account, regions(cluster))
    zones = set(before["Zones"])
    seed_cluster(account, longer)

    assert teardown(at=Site.of(longer, site.cluster_file)).code is ExitCode.DONE

    after = snapshot(account, regions(cluster))
    # The zone of the other's domain is its owner's, and stays.
    after["Zones"] = {id: zone for id, zone in after["Zones"].items() if id in zones}
    assert after == before


@pytest.mark.parametrize("place", range(8))
def test_a_tag_that_is_nearly_ours_is_not_ours(cluster: Cluster, place: int) -> None:
    tags = near_tags(cluster)[place]
    assert Cloud(Account(cluster.region), cluster).why(tags) is None


def test_a_bucket_of_our_name_without_our_tag_is_not_ours(
    account: AwsAccount, cluster: Cluster, teardown: Teardown
) -> None:
    name = f"{cluster.buckets.images.name}-123456789012"
    make_bucket(account, cluster.region, name, {"Name": name})
    before = snapshot(account, regions(cluster))

    assert teardown().code is ExitCode.DONE

    assert snapshot(account, regions(cluster)) == before


def test_our_host_that_points_elsewhere_is_somebody_elses_choice(
    account: AwsAccount, cluster: Cluster, teardown: Teardown
) -> None:
    ids = seed_cluster(account, cluster).ids
    host = str(cluster.domain.host("www"))
    record(account, ids["zone"], host, "A", alias=("elsewhere-1.ap-northeast-2.elb.amazonaws.com", "ZWKZPGTI48KDX"))

    assert teardown().code is ExitCode.DONE

    records = account.client("route53").list_resource_record_sets(HostedZoneId=ids["zone"])["ResourceRecordSets"]
    names = {each["Name"].rstrip(".") for each in records}
    assert host in names
    assert str(cluster.domain.host("api")) not in names


def test_the_credentials_of_another_account_are_refused_before_anything_is_looked_at(
    account: AwsAccount, cluster: Cluster, site: Site, teardown: Teardown
) -> None:
    seed_cluster(account, cluster)
    outputs = {
        "cluster": {"name": cluster.name, "account": "999999999999", "region": cluster.region},
        "nodes": {},
        "api": {"host": "k8s-api", "port": 6443, "addresses": []},
        "network": {
            "vpc_id": "vpc-1",
            "subnet_ids": [],
            "security_group_id": "sg-1",
            "load_balancer_security_group": "sg-2",
        },
        "buckets": {},
        "cdn": {"distribution_id": "E1", "url": "https://images"},
        "domain": {"name": None, "hosted_zone_id": None, "certificate_arn": None},
        "roles": {},
    }
    site.outputs_file.write_text(json.dumps(outputs))
    changes = len(account.changes())

    ended = teardown()

    assert ended.code is ExitCode.CONFIGURATION
    assert "E-OTHER-ACCOUNT" in ended.out
    assert len(account.changes()) == changes
