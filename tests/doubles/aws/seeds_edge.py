"""The cluster's part that the world sees: buckets, certificates, the CDN, and the names in the customer's zone."""

from __future__ import annotations

import json
import time
from typing import Any

from provisioning.cluster import Cluster
from tests.doubles.aws.account import ACCOUNT, AwsAccount
from tests.doubles.aws.tags import listed, terraform_tags

CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"


def zone_of(made: dict[str, Any]) -> str:
    return str(made["HostedZone"]["Id"]).removeprefix("/hostedzone/")


def seed_hosted_zone(account: AwsAccount, domain: str) -> str:
    """The public zone, which is the customer's, with some records of theirs. The one that stands is taken."""
    route53 = account.client("route53")
    for zone in route53.list_hosted_zones_by_name(DNSName=domain)["HostedZones"]:
        if zone["Name"] == f"{domain}." and not zone["Config"]["PrivateZone"]:
            return str(zone["Id"]).removeprefix("/hostedzone/")
    made = route53.create_hosted_zone(
        Name=domain, CallerReference=f"customer-{domain}", HostedZoneConfig={"Comment": "theirs", "PrivateZone": False}
    )
    zone_id = zone_of(made)
    theirs = [
        ("", "MX", ["10 mail.example.net."]),
        ("", "TXT", ['"v=spf1 -all"']),
        ("blog.", "A", ["198.51.100.9"]),
        ("shop.", "CNAME", ["shops.example.net."]),
    ]
    for name, kind, values in theirs:
        record(account, zone_id, f"{name}{domain}", kind, values=values)
    return zone_id


def record(
    account: AwsAccount,
    zone: str,
    name: str,
    kind: str,
    *,
    values: list[str] | None = None,
    alias: tuple[str, str] | None = None,
) -> None:
    """Sets a record: of values, or an alias of (host, its zone)."""
    told: dict[str, Any] = {"Name": name, "Type": kind}
    if alias is not None:
        told["AliasTarget"] = {"DNSName": alias[0], "HostedZoneId": alias[1], "EvaluateTargetHealth": False}
    else:
        told |= {"TTL": 60, "ResourceRecords": [{"Value": value} for value in values or []]}
    changes = [{"Action": "UPSERT", "ResourceRecordSet": told}]
    account.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def seed_buckets(account: AwsAccount, cluster: Cluster, ids: dict[str, str], objects: int) -> None:
    for key, bucket in (("images", cluster.buckets.images), ("backups", cluster.buckets.backups)):
        name = ids[f"bucket/{key}"] = f"{bucket.name}-{ACCOUNT}"
        make_bucket(account, cluster.region, name, {**terraform_tags(cluster), "Name": name})
        fill(account, cluster.region, name, bucket.expiring[0], objects)


def make_bucket(account: AwsAccount, region: str, name: str, tags: dict[str, str]) -> None:
    s3 = account.client("s3", region)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": listed(tags)})
    # Not HttpsAlone, which the real ones have: moto looks at no condition and would refuse everybody.
    reads = {
        "Sid": "CloudFrontReads",
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{name}/scans/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [reads]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))


def fill(account: AwsAccount, region: str, name: str, prefix: str, objects: int) -> None:
    """Objects of two versions each; every other one is then deleted, which leaves a marker."""
    s3 = account.client("s3", region)
    for number in range(objects):
        for version in (b"first", b"second and longer"):
            s3.put_object(Bucket=name, Key=f"{prefix}{number}.webp", Body=version)
        if number % 2:
            s3.delete_object(Bucket=name, Key=f"{prefix}{number}.webp")
    if objects:
        s3.create_multipart_upload(Bucket=name, Key=f"{prefix}begun.webp")


def seed_certificates(account: AwsAccount, cluster: Cluster, ids: dict[str, str]) -> None:
    if cluster.domain.name is None:
        return
    zone = ids["zone"] = seed_hosted_zone(account, cluster.domain.name)
    images = cluster.domain.host("images") or ""
    tags = terraform_tags(cluster)
    wanted = (
        ("public", cluster.region, cluster.domain.name, [f"*.{cluster.domain.name}"]),
        ("cdn", "us-east-1", images, []),
    )
    for key, region, domain, others in wanted:
        ids[f"certificate/{key}"] = certificate(account, zone, region, domain, others, {**tags, "Name": domain})


def certificate(
    account: AwsAccount, zone: str | None, region: str, domain: str, others: list[str], tags: dict[str, str]
) -> str:
    """A certificate that is asked for, and in the zone the record that proves it."""
    acm = account.client("acm", region)
    more: dict[str, Any] = {"SubjectAlternativeNames": others} if others else {}
    arn: str = acm.request_certificate(DomainName=domain, ValidationMethod="DNS", Tags=listed(tags), **more)[
        "CertificateArn"
    ]
    for option in described(account, region, arn)["DomainValidationOptions"] if zone else ():
        proof = option["ResourceRecord"]
        record(account, str(zone), proof["Name"], proof["Type"], values=[proof["Value"]])
    return arn


def described(account: AwsAccount, region: str, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = account.client("acm", region).describe_certificate(CertificateArn=arn)["Certificate"]
    return found


def seed_cdn(account: AwsAccount, cluster: Cluster, ids: dict[str, str]) -> None:
    name = f"{cluster.name}-images-{ids['vpc']}"
    host = cluster.domain.host("images")
    ids |= distribution(
        account,
        name,
        f"Pictures of {cluster.name}",
        f"{ids['bucket/images']}.s3.{cluster.region}.amazonaws.com",
        {**terraform_tags(cluster), "Name": f"{cluster.name}-images"},
        host,
        ids.get("certificate/cdn"),
    )
    if host is not None:
        for kind in ("A", "AAAA"):
            record(account, ids["zone"], host, kind, alias=(ids["cdn-host"], CLOUDFRONT_ZONE))


def distribution(
    account: AwsAccount,
    name: str,
    comment: str,
    origin: str,
    tags: dict[str, str],
    host: str | None,
    certificate_arn: str | None,
) -> dict[str, str]:
    """A distribution with its origin access control and its two policies; the ids of all."""
    cloudfront = account.client("cloudfront")
    control = cloudfront.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": name,
            "Description": f"{comment}: CloudFront signs its requests for pictures",
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }
    )["OriginAccessControl"]["Id"]
    cache = cloudfront.create_cache_policy(CachePolicyConfig={"Name": name, "MinTTL": 0})["CachePolicy"]["Id"]
    headers = cloudfront.create_response_headers_policy(ResponseHeadersPolicyConfig={"Name": name})[
        "ResponseHeadersPolicy"
    ]["Id"]
    viewer = (
        {"ACMCertificateArn": certificate_arn, "SSLSupportMethod": "sni-only", "CloudFrontDefaultCertificate": False}
        if certificate_arn
        else {"CloudFrontDefaultCertificate": True}
    )
    made = cloudfront.create_distribution_with_tags(
        DistributionConfigWithTags={
            "DistributionConfig": {
                "CallerReference": f"terraform-{name}-{time.monotonic_ns()}",
                "Comment": comment,
                "Enabled": True,
                "PriceClass": "PriceClass_200",
                "Aliases": {"Quantity": 1, "Items": [host]} if host else {"Quantity": 0},
                "Origins": {
                    "Quantity": 1,
                    "Items": [
                        {
                            "Id": "images",
                            "DomainName": origin,
                            "OriginAccessControlId": control,
                            "S3OriginConfig": {"OriginAccessIdentity": ""},
                        }
                    ],
                },
                "DefaultCacheBehavior": {
                    "TargetOriginId": "images",
                    "ViewerProtocolPolicy": "redirect-to-https",
                    "CachePolicyId": cache,
                    "ResponseHeadersPolicyId": headers,
                },
                "ViewerCertificate": viewer,
            },
            "Tags": {"Items": listed(tags)},
        }
    )["Distribution"]
    return {
        "cdn": made["Id"],
        "cdn-host": made["DomainName"],
        "cdn-control": control,
        "cdn-cache": cache,
        "cdn-headers": headers,
    }
