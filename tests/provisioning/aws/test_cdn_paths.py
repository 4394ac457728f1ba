"""A picture that stays in the CDN's cache: paths that CloudFront takes, each command its own, waits that end."""

from __future__ import annotations

import pytest

from provisioning.aws import Account, AwsSaid, cdn
from provisioning.aws.cdn import EVERYTHING, InvalidationSlow, PathsRefused, TooManyInvalidations, checked
from tests.doubles.aws import AwsAccount
from tests.doubles.aws.answers import Refusal


@pytest.fixture
def distribution(aws: AwsAccount) -> str:
    behaviour = {"TargetOriginId": "images", "ViewerProtocolPolicy": "redirect-to-https", "CachePolicyId": "none"}
    origin = {"Id": "images", "DomainName": "images.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
    made = aws.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": "test",
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": behaviour,
        }
    )
    identifier: str = made["Distribution"]["Id"]
    return identifier


@pytest.mark.parametrize(
    ("path", "encoded"),
    [
        ("/scans/a.jpg", "/scans/a.jpg"),
        ("/scans/a b.jpg", "/scans/a%20b.jpg"),
        ("/scans/사진.jpg", "/scans/%EC%82%AC%EC%A7%84.jpg"),
        ("/scans/a%20b.jpg", "/scans/a%20b.jpg"),
        ("/scans/*", "/scans/*"),
        ("/", "/"),
        ("/~user", "/~user"),
        ('/"quoted"', "/%22quoted%22"),
    ],
)
def test_a_path_goes_as_cloudfront_wants_it(path: str, encoded: str) -> None:
    assert checked([path]) == (encoded,)


def test_a_path_that_is_given_twice_is_sent_once() -> None:
    assert checked(["/a", "/b", "/a"]) == ("/a", "/b")


@pytest.mark.parametrize(
    ("paths", "why"),
    [
        (["scans/a.jpg"], "does not begin with /"),
        (["/scans/*/a.jpg"], "not its last character"),
        (["/a\nb"], "control character"),
        ([], "no path"),
        (["/" + "a" * 4001], "longer than 4000"),
        ([f"/{number}" for number in range(3001)], "3001 paths"),
        ([f"/{number}*" for number in range(16)], "16 paths with a *"),
    ],
)
def test_a_path_that_cloudfront_would_refuse_is_refused_before(paths: list[str], why: str) -> None:
    with pytest.raises(PathsRefused) as error:
        checked(paths)
    assert why in str(error.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(PathsRefused) as error:
        checked(["one", "/two*three", "/fine"])
    assert len(str(error.value).splitlines()) == 2


def test_two_commands_in_one_second_are_two_invalidations(account: Account, distribution: str) -> None:
    made = {cdn.invalidate(account, distribution, [EVERYTHING]).id for _ in range(5)}
    assert len(made) == 5


def test_waiting_tells_how_it_goes_and_ends_when_cloudfront_is_done(
    account: Account, distribution: str, aws: AwsAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    begun = cdn.Invalidation(
        cdn.invalidate(account, distribution, ["/scans/*"]).id, distribution, ("/scans/*",), "InProgress"
    )
    done = cdn.wait(account, begun, 20, said.append, poll_s=0.05)
    assert done.status.upper() == "COMPLETED"
    assert done.is_done
    assert said
    assert begun.id in said[0]


def test_waiting_has_an_end(account: Account, distribution: str, aws: AwsAccount) -> None:
    begun = cdn.Invalidation("I00000000", distribution, ("/a",), "InProgress")
    with pytest.raises(InvalidationSlow, match="I00000000"):
        cdn.wait(account, begun, 0, lambda line: None)


def test_too_many_at_once_say_so(account: Account, distribution: str, aws: AwsAccount) -> None:
    aws.faults.fail("cloudfront:CreateInvalidation", Refusal("TooManyInvalidationsInProgress", "too many", 400))
    with pytest.raises(TooManyInvalidations):
        cdn.invalidate(account, distribution, ["/a"])


def test_a_distribution_that_is_gone_says_so(account: Account) -> None:
    with pytest.raises(AwsSaid) as error:
        cdn.invalidate(account, "ENOTHERE", ["/a"])
    assert error.value.reason == "NoSuchDistribution"
