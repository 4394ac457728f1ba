"""The fear: photos and backups are deleted unasked, or a bucket stays because it is versioned."""

from __future__ import annotations

import pytest

from provisioning.cluster import Cluster
from provisioning.run import ExitCode
from provisioning.site import Site
from provisioning.teardown import DestroyOptions
from tests.doubles.aws import AwsAccount
from tests.doubles.aws.backends import backend
from tests.doubles.aws.faults import FOREVER
from tests.doubles.aws.seeds import seed_cluster
from tests.doubles.aws.snapshots import snapshot
from tests.provisioning.teardown.calling import BRIEFLY_S, Teardown

pytestmark = pytest.mark.long


def test_kept_data_stays_as_it_is_and_the_receipt_says_so(
    account: AwsAccount, cluster: Cluster, site: Site, teardown: Teardown
) -> None:
    ids = seed_cluster(account, cluster).ids
    before = snapshot(account, [cluster.region])

    ended = teardown(DestroyOptions(yes=cluster.name, keep_data=True))

    assert ended.code is ExitCode.DONE, ended.out
    assert ended.receipt is not None
    assert {each["id"] for each in ended.receipt["kept"]} == {ids["bucket/images"], ids["bucket/backups"]}
    assert ended.receipt["left"] == []
    after = snapshot(account, [cluster.region])
    assert after["Buckets"] == before["Buckets"]
    assert after[f"{cluster.region}/Instances"] == {}
    again = teardown(DestroyOptions(plan=True, keep_data=True))
    assert again.code is ExitCode.DONE, again.out


def test_the_plan_with_kept_data_does_not_name_the_buckets(
    account: AwsAccount, cluster: Cluster, teardown: Teardown
) -> None:
    seed_cluster(account, cluster)
    assert "bucket" not in teardown(DestroyOptions(plan=True, keep_data=True)).out


def test_more_versions_than_one_answer_holds_are_all_deleted(
    account: AwsAccount, cluster: Cluster, teardown: Teardown
) -> None:
    ids = seed_cluster(account, cluster, objects=0).ids
    # moto itself is quicker at this than 1100 requests to it.
    for number in range(1100):
        backend("s3", "aws").put_object(ids["bucket/backups"], f"etcd/{number}", b"")
    s3 = account.client("s3")
    s3.delete_object(Bucket=ids["bucket/backups"], Key="etcd/7")

    ended = teardown()

    assert ended.code is ExitCode.DONE, ended.out
    assert s3.list_buckets()["Buckets"] == []


def test_a_bucket_whose_objects_may_not_be_deleted_is_left_and_named(
    account: AwsAccount, cluster: Cluster, teardown: Teardown
) -> None:
    seed_cluster(account, cluster)
    account.faults.fail("s3:DeleteObjects", "denied", times=FOREVER)

    ended = teardown(longest_s=BRIEFLY_S)

    assert ended.code is ExitCode.CLOUD
    assert set(ended.left) == {"bucket"}
    assert "s3:DeleteObjects" in ended.left["bucket"]
