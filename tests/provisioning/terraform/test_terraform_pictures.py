"""The buckets, the CDN and what proves its name."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.provisioning.terraform.workspace import CLUSTER, Workspace

FILE: dict[str, Any] = yaml.safe_load(CLUSTER.read_text())


def test_the_cdn_proves_itself_in_us_east_1_and_serves_https_alone(built: Workspace) -> None:
    certificates = {one["domain_name"]: one for one in built.account("aws_acm_certificate")}
    domain = FILE["domain"]["name"]
    assert set(certificates) == {domain, f"images.{domain}"}
    assert set(certificates[domain]["subject_alternative_names"]) >= {f"*.{domain}"}
    assert certificates[domain]["arn"].split(":")[3] == FILE["region"]
    assert certificates[f"images.{domain}"]["arn"].split(":")[3] == "us-east-1"
    [cdn] = built.account("aws_cloudfront_distribution")
    assert cdn["aliases"] == [f"images.{domain}"]
    assert cdn["default_cache_behavior"][0]["viewer_protocol_policy"] == "redirect-to-https"
    assert cdn["viewer_certificate"][0]["minimum_protocol_version"] == "TLSv1.2_2021"
    assert cdn["viewer_certificate"][0]["acm_certificate_arn"] == certificates[f"images.{domain}"]["arn"]
    assert cdn["origin"][0]["origin_access_control_id"]
    errors = {error["error_code"]: error["error_caching_min_ttl"] for error in cdn["custom_error_response"]}
    assert errors == {403: 10, 404: 10}
    [policy] = built.account("aws_cloudfront_cache_policy")
    assert policy["default_ttl"] == 7 * 86400


def test_the_cdn_shows_scans_and_avatars_and_never_what_nobody_has_checked(built: Workspace) -> None:
    [cdn] = built.account("aws_cloudfront_distribution")
    policies = {policy["bucket"]: json.loads(policy["policy"]) for policy in built.account("aws_s3_bucket_policy")}
    images, backups = built.outputs()["buckets"]["images"], built.outputs()["buckets"]["backups"]
    [allowed] = [statement for statement in policies[images]["Statement"] if statement["Effect"] == "Allow"]
    assert allowed["Resource"] == [f"arn:aws:s3:::{images}/scans/*", f"arn:aws:s3:::{images}/avatars/*"]
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceArn": cdn["arn"]}}
    assert [statement["Effect"] for statement in policies[backups]["Statement"]] == ["Deny"]


def test_the_buckets_are_private_and_named_by_the_account(built: Workspace) -> None:
    account = built.outputs()["cluster"]["account"]
    names = {key: f"{bucket['name']}-{account}" for key, bucket in FILE["buckets"].items()}
    assert built.outputs()["buckets"] == names
    blocks = built.account("aws_s3_bucket_public_access_block")
    assert {block["bucket"] for block in blocks} == set(names.values())
    for block in blocks:
        switches = ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"]
        assert all(block[switch] for switch in switches)


def test_pages_of_the_domain_may_upload(built: Workspace) -> None:
    [cors] = built.account("aws_s3_bucket_cors_configuration")
    [rule] = cors["cors_rule"]
    domain = FILE["domain"]["name"]
    assert (rule["allowed_methods"], sorted(rule["allowed_origins"])) == (
        ["PUT"],
        [f"https://{domain}", f"https://www.{domain}"],
    )


def test_the_public_zone_is_looked_up_and_never_owned(built: Workspace) -> None:
    assert [zone["name"] for zone in built.account("aws_route53_zone")] == [FILE["network"]["private_zone"]]
