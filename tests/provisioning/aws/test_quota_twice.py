"""A quota that is asked for twice, for too little, or not known: AWS takes one request at a time."""

from __future__ import annotations

import pytest

from provisioning.aws import Account, quotas
from provisioning.aws.quotas import STANDARD_VCPUS, QuotaNotLarger, QuotaRequestOpen
from provisioning.cluster import load
from tests.doubles.aws import AwsAccount

CODE = STANDARD_VCPUS


def test_the_first_request_is_made_and_shown(aws: AwsAccount, account: Account) -> None:
    aws.quotas.have(aws.region, CODE, 16)
    made = quotas.request(account, 32)
    assert made.value == 16
    assert made.requested is not None
    assert made.requested.is_open
    assert [each.desired for each in quotas.report(account).history] == [32]
    assert any("32" in line and "PENDING" in line for line in made.lines())
    assert made.as_dict()["requested"]["desired"] == 32


@pytest.mark.parametrize("status", ["PENDING", "CASE_OPENED"])
def test_while_one_is_open_no_second_is_made(aws: AwsAccount, account: Account, status: str) -> None:
    aws.quotas.have(aws.region, CODE, 16)
    quotas.request(account, 32)
    aws.quotas.requests[0].status = status
    with pytest.raises(QuotaRequestOpen, match="32"):
        quotas.request(account, 64)
    assert len(aws.quotas.requests) == 1


@pytest.mark.parametrize("status", ["DENIED", "APPROVED", "CASE_CLOSED"])
def test_after_an_answer_another_may_be_made(aws: AwsAccount, account: Account, status: str) -> None:
    aws.quotas.have(aws.region, CODE, 16)
    quotas.request(account, 32)
    aws.quotas.decide(status)
    quotas.request(account, 64)
    assert [each.desired for each in quotas.report(account).history] == [64, 32]


def test_what_applies_already_is_not_asked_for(aws: AwsAccount, account: Account) -> None:
    aws.quotas.have(aws.region, CODE, 64)
    with pytest.raises(QuotaNotLarger):
        quotas.request(account, 64)
    assert aws.quotas.requests == []


def test_an_account_without_a_quota_of_its_own_has_the_default(aws: AwsAccount, account: Account) -> None:
    aws.quotas.applied.clear()
    assert quotas.value(account, CODE) == 5


def test_vcpus_of_others_count_and_our_own_do_not(aws: AwsAccount, account: Account) -> None:
    cluster, ec2 = load(), aws.client("ec2")
    image = ec2.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
    tags = {
        "ours": [{"Key": f"kubernetes.io/cluster/{cluster.name}", "Value": "owned"}],
        "theirs": [{"Key": "kubernetes.io/cluster/another", "Value": "owned"}],
        "spot": [{"Key": "Name", "Value": "spot"}],
    }
    for kind, tag in tags.items():
        ec2.run_instances(
            ImageId=image,
            InstanceType="t3a.large",
            MinCount=2,
            MaxCount=2,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tag}],
            **({"InstanceMarketOptions": {"MarketType": "spot"}} if kind == "spot" else {}),
        )
    ec2.run_instances(ImageId=image, InstanceType="c5.xlarge", MinCount=1, MaxCount=1)
    stopped = ec2.run_instances(ImageId=image, InstanceType="c5.xlarge", MinCount=1, MaxCount=1)
    ec2.stop_instances(InstanceIds=[stopped["Instances"][0]["InstanceId"]])
    assert quotas.vcpus_of_others(account, cluster) == {CODE: 2 * 2 + 4}
    assert quotas.needed(account, cluster) == {CODE: 26 + 2 * 2 + 4}
