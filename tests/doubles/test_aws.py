"""The double of AWS itself: what it adds to moto behaves as AWS does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from provisioning.cluster import load
from tests.doubles.aws import AwsAccount
from tests.doubles.aws.seeds import seed_cluster
from tests.doubles.aws.seeds_edge import distribution
from tests.doubles.aws.snapshots import snapshot

pytestmark = pytest.mark.timeout(400)  # a busy machine

VCPUS = {"ServiceCode": "ec2", "QuotaCode": "L-1216C47A"}


@pytest.fixture
def account() -> Iterator[AwsAccount]:
    with AwsAccount(settle_s=0.1) as made:
        yield made


def refused(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_quota_has_one_open_request_and_counts_once_it_is_approved(account: AwsAccount) -> None:
    quotas = account.client("service-quotas")
    asked = quotas.request_service_quota_increase(**VCPUS, DesiredValue=128)["RequestedQuota"]
    assert asked["Status"] == "PENDING"
    with pytest.raises(ClientError) as error:
        quotas.request_service_quota_increase(**VCPUS, DesiredValue=256)
    assert refused(error) == "ResourceAlreadyExistsException"
    assert quotas.get_service_quota(**VCPUS)["Quota"]["Value"] == 64

    account.quotas.decide("APPROVED")

    assert quotas.get_service_quota(**VCPUS)["Quota"]["Value"] == 128
    assert quotas.get_aws_default_service_quota(**VCPUS)["Quota"]["Value"] == 5
    history = quotas.list_requested_service_quota_change_history_by_quota(**VCPUS)["RequestedQuotas"]
    assert [each["Status"] for each in history] == ["APPROVED"]


@pytest.mark.parametrize(("desired", "code"), [(64.0, "IllegalArgumentException"), (3.0, "IllegalArgumentException")])
def test_a_quota_cannot_be_asked_down(account: AwsAccount, desired: float, code: str) -> None:
    with pytest.raises(ClientError) as error:
        account.client("service-quotas").request_service_quota_increase(**VCPUS, DesiredValue=desired)
    assert refused(error) == code


def test_the_images_are_those_of_ubuntu_noble(account: AwsAccount) -> None:
    image = load().machine_image
    found = account.client("ec2").describe_images(
        Owners=[image.owner], Filters=[{"Name": "name", "Values": [image.name]}]
    )["Images"]
    assert {each["Architecture"] for each in found} == {"x86_64"}


def test_the_nth_call_fails_so_many_times_and_then_no_more(account: AwsAccount) -> None:
    ec2 = account.client("ec2")
    account.faults.fail("ec2:DescribeVpcs", "throttling", nth=2, times=2)
    said = []
    for _ in range(4):
        try:
            ec2.describe_vpcs()
            said.append("ok")
        except ClientError as error:
            said.append(error.response["Error"]["Code"])
    assert said == ["ok", "Throttling", "Throttling", "ok"]


def test_what_others_lean_on_cannot_be_deleted(account: AwsAccount) -> None:
    cluster = load()
    ids = seed_cluster(account, cluster.model_copy(update={"nodes": cluster.nodes[:1]})).ids
    ec2 = account.client("ec2")
    zone = cluster.nodes[0].zone
    calls = [
        (ec2.delete_security_group, {"GroupId": ids["group/traffic"]}, "DependencyViolation"),
        (ec2.delete_subnet, {"SubnetId": ids[f"subnet/{zone}"]}, "DependencyViolation"),
        (
            ec2.detach_internet_gateway,
            {"InternetGatewayId": ids["gateway"], "VpcId": ids["vpc"]},
            "DependencyViolation",
        ),
        (ec2.delete_vpc, {"VpcId": ids["vpc"]}, "DependencyViolation"),
        (ec2.release_address, {"AllocationId": ids[f"address/{cluster.nodes[0].name}"]}, "InvalidIPAddress.InUse"),
        (
            account.client("acm").delete_certificate,
            {"CertificateArn": ids["certificate/public"]},
            "ResourceInUseException",
        ),
        (account.client("s3").delete_bucket, {"Bucket": ids["bucket/images"]}, "BucketNotEmpty"),
        (
            account.client("cloudfront").delete_origin_access_control,
            {"Id": ids["cdn-control"], "IfMatch": "any"},
            "OriginAccessControlInUse",
        ),
        (
            account.client("cloudfront").delete_cache_policy,
            {"Id": ids["cdn-cache"], "IfMatch": "any"},
            "CachePolicyInUse",
        ),
        (
            account.client("cloudfront").delete_distribution,
            {"Id": ids["cdn"], "IfMatch": "any"},
            "DistributionNotDisabled",
        ),
    ]
    for call, arguments, code in calls:
        with pytest.raises(ClientError) as error:
            call(**arguments)
        assert refused(error) == code, arguments


def test_a_cdn_that_is_switched_off_takes_its_time_to_be_so(account: AwsAccount) -> None:
    cloudfront = account.client("cloudfront")
    id = distribution(account, "n", "c", "b.s3.ap-northeast-2.amazonaws.com", {}, None, None)["cdn"]
    account.settle()
    answer = cloudfront.get_distribution_config(Id=id)
    answer["DistributionConfig"]["Enabled"] = False
    cloudfront.update_distribution(Id=id, IfMatch=answer["ETag"], DistributionConfig=answer["DistributionConfig"])

    assert cloudfront.get_distribution(Id=id)["Distribution"]["Status"] == "InProgress"
    until = time.monotonic() + 10
    while cloudfront.get_distribution(Id=id)["Distribution"]["Status"] != "Deployed":
        assert time.monotonic() < until
    cloudfront.delete_distribution(Id=id, IfMatch="any")


def test_two_looks_at_the_same_account_are_the_same(account: AwsAccount) -> None:
    cluster = load()
    seed_cluster(account, cluster.model_copy(update={"nodes": cluster.nodes[:1]}))
    assert snapshot(account, [cluster.region]) == snapshot(account, [cluster.region])


def test_one_account_knows_nothing_of_the_one_before(account: AwsAccount) -> None:
    empty = snapshot(account, [account.region])
    account.client("s3").create_bucket(
        Bucket="somebodys", CreateBucketConfiguration={"LocationConstraint": account.region}
    )
    account.faults.fail("ec2:*")
    account.reset()
    assert snapshot(account, [account.region])["Buckets"] == empty["Buckets"] == {}
