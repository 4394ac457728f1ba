"""The fear: a thing that cannot be removed stops the rest, hides behind a zero, or is removed by force."""

from __future__ import annotations

import pytest

from provisioning.cluster import Cluster
from provisioning.run import ExitCode
from provisioning.site import Site
from tests.doubles.aws import AwsAccount
from tests.doubles.aws.faults import FOREVER
from tests.doubles.aws.seeds import seed_cluster
from tests.provisioning.teardown.calling import BRIEFLY_S, Teardown

pytestmark = pytest.mark.long


def test_it_is_in_the_receipt_with_its_reason_and_the_exit_code_says_so(
    account: AwsAccount, cluster: Cluster, teardown: Teardown
) -> None:
    seed_cluster(account, cluster)
    account.faults.fail("acm:DeleteCertificate", "denied", times=FOREVER, about="us-east-1")

    ended = teardown(longest_s=BRIEFLY_S)

    assert ended.code is ExitCode.CLOUD
    assert set(ended.left) == {"certificate"}
    assert "acm:DeleteCertificate" in ended.left["certificate"]
    assert "E-LEFTOVERS" in ended.out
    assert "  1 left" in ended.out


def test_what_comes_after_it_goes_all_the_same_and_the_next_teardown_finishes(
    account: AwsAccount, cluster: Cluster, teardown: Teardown
) -> None:
    seed_cluster(account, cluster)
    account.faults.fail("ec2:TerminateInstances", "dependency", times=FOREVER, about=instance(account, "worker"))
    first = teardown(longest_s=BRIEFLY_S)
    assert first.code is ExitCode.CLOUD
    # The machine holds its subnet and its group, and they the VPC.
    assert set(first.left) == {"instance", "volume", "security group", "subnet", "internet gateway", "VPC"}
    assert "network interface" in first.left["subnet"]
    account.faults.clear()

    second = teardown()

    assert second.code is ExitCode.DONE, second.out
    assert second.receipt is not None
    # One receipt for both: nothing that went before the second is missing in it.
    kinds = {each["kind"] for each in second.receipt["removed"]}
    assert {"instance", "VPC", "distribution", "load balancer", "bucket"} <= kinds


def test_a_strangers_interface_in_our_subnet_is_named_and_left_alone(
    account: AwsAccount, cluster: Cluster, teardown: Teardown
) -> None:
    ids = seed_cluster(account, cluster).ids
    zone = next(iter(cluster.network.subnets))
    theirs = account.client("ec2").create_network_interface(
        SubnetId=ids[f"subnet/{zone}"], Description="somebody's database"
    )["NetworkInterface"]["NetworkInterfaceId"]

    ended = teardown(longest_s=BRIEFLY_S)

    assert ended.code is ExitCode.CLOUD
    assert theirs in ended.left["subnet"]
    assert "somebody's database" in ended.left["subnet"]
    assert f"subnet {ids[f'subnet/{zone}']}" in ended.left["VPC"]
    account.client("ec2").describe_network_interfaces(NetworkInterfaceIds=[theirs])


def test_groups_that_name_each_other_go(account: AwsAccount, cluster: Cluster, teardown: Teardown) -> None:
    ids = seed_cluster(account, cluster).ids
    ours = {ids[f"group/{name}"] for name in ("traffic", "managed", "cluster", "load-balancer")}

    assert teardown().code is ExitCode.DONE

    groups = account.client("ec2").describe_security_groups()["SecurityGroups"]
    assert ours.isdisjoint(each["GroupId"] for each in groups)


def test_what_carries_our_tag_and_is_of_no_known_kind_is_named_and_left_alone(
    account: AwsAccount, cluster: Cluster, teardown: Teardown
) -> None:
    tags = {f"kubernetes.io/cluster/{cluster.name}": "owned"}
    account.client("logs").create_log_group(logGroupName="/somebodys/logs", tags=tags)

    ended = teardown(longest_s=BRIEFLY_S)

    assert ended.code is ExitCode.CLOUD
    assert "does not know its kind" in ended.left["tagged thing"]
    assert account.client("logs").describe_log_groups()["logGroups"]


def test_a_right_that_is_missing_to_look_stops_it_and_says_which(
    account: AwsAccount, cluster: Cluster, teardown: Teardown
) -> None:
    seed_cluster(account, cluster)
    account.faults.fail("iam:ListRoles", "denied", times=FOREVER)

    ended = teardown(longest_s=BRIEFLY_S)

    assert ended.code is ExitCode.CLOUD
    assert "iam:ListRoles" in ended.out
    assert "E-AWS-DENIED" in ended.out


def test_storms_of_throttling_and_of_errors_inside_aws_are_lived_through(
    account: AwsAccount, cluster: Cluster, site: Site, teardown: Teardown
) -> None:
    seed_cluster(account, cluster)
    for action in ("ec2:Delete*", "ec2:Describe*", "route53:*", "s3:Delete*", "iam:Delete*"):
        account.faults.fail(action, "throttling", nth=2, times=2)
    account.faults.fail("elasticloadbalancing:*", "internal", nth=3, times=2)
    account.faults.fail("cloudfront:*", "internal", nth=5, times=2)
    account.faults.fail("ec2:DeleteSubnet", "dependency", times=2)

    ended = teardown()

    assert ended.code is ExitCode.DONE, ended.out


def instance(account: AwsAccount, name: str) -> str:
    filters = [{"Name": "tag:Name", "Values": [name]}]
    held = account.client("ec2").describe_instances(Filters=filters)["Reservations"]
    return str(held[0]["Instances"][0]["InstanceId"])
