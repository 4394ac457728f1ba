"""All that stands in the account as one value that two moments can be compared by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.doubles.aws.account import AwsAccount

Found = dict[str, Any]
# Per region: service, operation, the key of its answer, the key of a thing's id.
_REGIONAL = (
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    ("ec2", "describe_network_acls", "NetworkAcls", "NetworkAclId"),
    ("ec2", "describe_volumes", "Volumes", "VolumeId"),
    ("ec2", "describe_addresses", "Addresses", "AllocationId"),
    ("ec2", "describe_key_pairs", "KeyPairs", "KeyPairId"),
    ("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
    ("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"),
    ("ssm", "describe_parameters", "Parameters", "Name"),
)


def snapshot(account: AwsAccount, regions: Sequence[str]) -> dict[str, Found]:
    """Kind -> id -> what it is, with its tags, rules and contents. Terminated machines are gone."""
    account.settle()
    whole: dict[str, Found] = {}
    for region in regions:
        for service, operation, key, id in _REGIONAL:
            found = _all(account.client(service, region), operation, key)
            whole[f"{region}/{key}"] = {each[id]: each for each in found}
        ec2, elb, acm = (account.client(service, region) for service in ("ec2", "elbv2", "acm"))
        whole[f"{region}/Instances"] = {
            each["InstanceId"]: each
            for held in _all(ec2, "describe_instances", "Reservations")
            for each in held["Instances"]
            if each["State"]["Name"] != "terminated"
        }
        snapshots = _all(ec2, "describe_snapshots", "Snapshots", OwnerIds=["self"])
        whole[f"{region}/Snapshots"] = {each["SnapshotId"]: each for each in snapshots}
        whole[f"{region}/Listeners"] = {
            arn: {
                each["ListenerArn"]: each | {"Rules": elb.describe_rules(ListenerArn=each["ListenerArn"])["Rules"]}
                for each in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
            }
            for arn in whole[f"{region}/LoadBalancers"]
        }
        whole[f"{region}/Certificates"] = {
            each["CertificateArn"]: {
                "what": acm.describe_certificate(CertificateArn=each["CertificateArn"])["Certificate"],
                "tags": acm.list_tags_for_certificate(CertificateArn=each["CertificateArn"])["Tags"],
            }
            for each in _all(acm, "list_certificates", "CertificateSummaryList")
        }
    whole |= _global(account)
    return _canonical(whole)


def _global(account: AwsAccount) -> dict[str, Found]:
    iam, route53, cloudfront = account.client("iam"), account.client("route53"), account.client("cloudfront")
    roles = _all(iam, "list_roles", "Roles")
    zones = _all(route53, "list_hosted_zones", "HostedZones")
    distributions = cloudfront.list_distributions()["DistributionList"].get("Items", [])
    return {
        "Roles": {
            each["RoleName"]: {
                "what": each,
                "tags": iam.list_role_tags(RoleName=each["RoleName"])["Tags"],
                "inline": {
                    name: iam.get_role_policy(RoleName=each["RoleName"], PolicyName=name)["PolicyDocument"]
                    for name in iam.list_role_policies(RoleName=each["RoleName"])["PolicyNames"]
                },
            }
            for each in roles
        },
        "Profiles": {
            each["InstanceProfileName"]: each for each in _all(iam, "list_instance_profiles", "InstanceProfiles")
        },
        "Policies": {each["Arn"]: each for each in _all(iam, "list_policies", "Policies", Scope="Local")},
        "Zones": {
            each["Id"]: {
                "what": each,
                "records": _all(route53, "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=each["Id"]),
            }
            for each in zones
        },
        "Distributions": {
            each["Id"]: {
                "what": cloudfront.get_distribution(Id=each["Id"])["Distribution"],
                "tags": cloudfront.list_tags_for_resource(Resource=each["ARN"])["Tags"],
            }
            for each in distributions
        },
        "OriginAccessControls": _items(
            cloudfront.list_origin_access_controls()["OriginAccessControlList"], lambda each: each["Id"]
        ),
        "CachePolicies": _items(
            cloudfront.list_cache_policies()["CachePolicyList"], lambda each: each["CachePolicy"]["Id"]
        ),
        "ResponseHeadersPolicies": _items(
            cloudfront.list_response_headers_policies()["ResponseHeadersPolicyList"],
            lambda each: each["ResponseHeadersPolicy"]["Id"],
        ),
        "Buckets": {
            each["Name"]: _bucket(account, each["Name"]) for each in account.client("s3").list_buckets()["Buckets"]
        },
    }


def _bucket(account: AwsAccount, name: str) -> Found:
    s3 = account.client("s3")
    held = s3.list_object_versions(Bucket=name)
    return {
        "versions": [(each["Key"], each["VersionId"], each["ETag"]) for each in held.get("Versions", [])],
        "markers": [(each["Key"], each["VersionId"]) for each in held.get("DeleteMarkers", [])],
        "uploads": [each["UploadId"] for each in s3.list_multipart_uploads(Bucket=name).get("Uploads", [])],
        "tags": s3.get_bucket_tagging(Bucket=name)["TagSet"],
        "policy": s3.get_bucket_policy(Bucket=name)["Policy"],
        "versioning": s3.get_bucket_versioning(Bucket=name).get("Status"),
    }


def _items(held: Found, id: Callable[[Found], str]) -> Found:
    return {id(each): each for each in held.get("Items", [])}


def _all(client: Any, operation: str, key: str, **parameters: Any) -> list[Any]:
    if client.can_paginate(operation):
        pages: Iterable[Found] = client.get_paginator(operation).paginate(**parameters)
    else:
        pages = [getattr(client, operation)(**parameters)]
    return [each for page in pages for each in page[key]]


def _canonical(value: Any) -> Any:
    """Lists of tags and the like have no order of their own."""
    if isinstance(value, dict):
        return {str(key): _canonical(each) for key, each in sorted(value.items(), key=lambda pair: str(pair[0]))}
    if isinstance(value, list | tuple):
        return sorted((_canonical(each) for each in value), key=repr)
    return value
