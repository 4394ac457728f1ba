"""AWS refuses, is slow or is not there: each comes out as what a person can act on, within its time."""

from __future__ import annotations

import os
import threading
import time

import pytest

from provisioning.aws import AccessDenied, Account, AwsSaid, NoCredentials, Throttled, Unreachable
from provisioning.run import ExitCode
from tests.doubles.aws import AwsAccount
from tests.doubles.aws.answers import Refusal

REGION = "ap-northeast-2"


def test_who_asks_is_known(aws: AwsAccount) -> None:
    identity = Account(REGION).identity()
    assert identity.account == aws.client("sts").get_caller_identity()["Account"]
    assert identity.arn.startswith("arn:aws:")


def test_without_credentials_nothing_is_asked(aws: AwsAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(NoCredentials) as error:
        Account(REGION).identity()
    assert (error.value.code, error.value.exit_code) == ("E-AWS-CREDENTIALS", ExitCode.CLOUD)
    assert aws.calls == []


@pytest.mark.parametrize("reason", ["ExpiredToken", "InvalidClientTokenId", "AuthFailure", "SignatureDoesNotMatch"])
def test_credentials_that_are_no_good_are_told_from_rights_that_are_missing(aws: AwsAccount, reason: str) -> None:
    aws.faults.fail("ec2:DescribeVpcs", Refusal(reason, "no", 403), times=99)
    with pytest.raises(NoCredentials):
        Account(REGION).ask("ec2", "DescribeVpcs")


def test_a_missing_right_names_the_action(aws: AwsAccount) -> None:
    aws.faults.fail("iam:ListRoles", "denied", times=99)
    with pytest.raises(AccessDenied, match="iam:ListRoles") as error:
        list(Account(REGION).every("iam", "ListRoles", "Roles"))
    assert not error.value.transient


def test_throttling_is_asked_again_before_anybody_hears_of_it(aws: AwsAccount) -> None:
    aws.faults.fail("ec2:DescribeVpcs", "throttling", times=2)
    assert Account(REGION).ask("ec2", "DescribeVpcs")["Vpcs"]


def test_throttling_without_an_end_is_transient(aws: AwsAccount) -> None:
    aws.faults.fail("ec2:DescribeVpcs", "throttling", times=99)
    with pytest.raises(Throttled) as error:
        Account(REGION).ask("ec2", "DescribeVpcs")
    assert error.value.transient


def test_any_other_refusal_keeps_the_reason_of_aws(aws: AwsAccount) -> None:
    with pytest.raises(AwsSaid) as error:
        Account(REGION).ask("ec2", "DescribeVpcs", VpcIds=["vpc-00000000000000000"])
    assert error.value.reason == "InvalidVpcID.NotFound"


def test_where_nobody_answers_it_ends_soon(monkeypatch: pytest.MonkeyPatch, aws: AwsAccount) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(Unreachable) as error:
        Account(REGION).identity()
    assert error.value.transient
    assert time.monotonic() - began < 30


def test_no_error_shows_the_secret_key(aws: AwsAccount) -> None:
    aws.faults.fail("sts:GetCallerIdentity", "denied", times=99)
    with pytest.raises(AccessDenied) as error:
        Account(REGION).identity()
    shown = f"{error.value!r} {error.value} {error.value.__cause__!r}"
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in shown


def test_all_pages_of_a_listing_are_read(aws: AwsAccount) -> None:
    for number in range(120):
        aws.client("iam").create_role(RoleName=f"role-{number}", AssumeRolePolicyDocument="{}", Path="/many/")
    names = {role["RoleName"] for role in Account(REGION).every("iam", "ListRoles", "Roles", PathPrefix="/many/")}
    assert len(names) == 120


def test_many_threads_share_one_account(aws: AwsAccount) -> None:
    account, found = Account(REGION), []
    threads = [
        threading.Thread(target=lambda service=service: found.append(account.client(service)))
        for service in ["ec2", "iam", "s3", "sts"] * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(found) == 16
    assert len({id(client) for client in found}) == 4
