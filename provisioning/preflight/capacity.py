"""Checks of what the account may run and what AWS has to offer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from provisioning.aws import quotas
from provisioning.cluster.totals import vcpu_by_quota
from provisioning.preflight.check import Context, Finding, error, warning

_ASK = "./inv quota.request"


def types_are_offered(context: Context) -> Iterator[Finding]:
    zones_of: dict[str, set[str]] = defaultdict(set)
    for node in context.cluster.nodes:
        zones_of[node.type].add(node.zone)
    offered: dict[str, set[str]] = defaultdict(set)
    for each in context.account.every(
        "ec2",
        "DescribeInstanceTypeOfferings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": sorted(zones_of)}],
    ):
        offered[each["InstanceType"]].add(each["Location"])
    for name, zones in sorted(zones_of.items()):
        for zone in sorted(zones - offered[name]):
            elsewhere = ", ".join(sorted(offered[name])) or "no zone of this region"
            yield error(
                f"AWS offers no {name} in {zone}",
                "The machine could not be started.",
                f"Give its nodes another zone or type in the cluster file; {name} is offered in {elsewhere}",
            )


def vcpus_are_enough(context: Context) -> Iterator[Finding]:
    others = quotas.vcpus_of_others(context.account, context.cluster)
    for code, wanted in vcpu_by_quota(context.cluster).items():
        allowed = quotas.value(context.account, code)
        if wanted + others[code] > allowed:
            beside = f", {others[code]} run beside it" if others[code] else ""
            yield error(
                f"the cluster needs {wanted} vCPUs{beside}, and quota {code} is {allowed:g}",
                "Machines beyond it fail with VcpuLimitExceeded.",
                f"{_ASK} {wanted + others[code]} (granted in 15 minutes to 2 days)",
            )


def quota_requests(context: Context) -> Iterator[Finding]:
    for code in vcpu_by_quota(context.cluster):
        for each in quotas.requests(context.account, code):
            if each.is_open:
                yield warning(
                    f"a request to raise {code} to {each.desired:g} is {each.status} since {each.created[:16]}",
                    "AWS takes one request at a time; a second would be refused.",
                    f"Wait for it: {_ASK} --json shows its status",
                )


def network_quotas(context: Context) -> Iterator[Finding]:
    account = context.account
    if not any(context.is_ours(vpc.get("Tags")) for vpc in context.vpcs):
        allowed = quotas.value(account, quotas.VPCS, service="vpc")
        if len(context.vpcs) + 1 > allowed:
            yield error(
                f"the region has {len(context.vpcs)} VPCs, and quota {quotas.VPCS} is {allowed:g}",
                "The cluster's own VPC could not be made.",
                "Delete a VPC that nobody uses, or ask for more under Service Quotas, VPC",
            )
    addresses = list(account.every("ec2", "DescribeAddresses", "Addresses"))
    ours = sum(context.is_ours(each.get("Tags")) for each in addresses)
    wanted = max(0, len(context.cluster.of_role("control-plane")) - ours)
    allowed = quotas.value(account, quotas.ADDRESSES)
    if len(addresses) + wanted > allowed:
        yield error(
            f"the region has {len(addresses)} Elastic IPs, {wanted} more are needed, {quotas.ADDRESSES} is {allowed:g}",
            "The API server could not have a fixed address.",
            "Release an address that nobody uses: aws ec2 release-address --allocation-id …",
        )


def machine_image(context: Context) -> Iterator[Finding]:
    wanted = context.cluster.machine_image
    how: dict[str, Any] = (
        {"ImageIds": [wanted.id]}
        if wanted.id
        else {"Owners": [wanted.owner], "Filters": [{"Name": "name", "Values": [wanted.name]}]}
    )
    found = [
        each
        for each in context.account.every("ec2", "DescribeImages", "Images", **how)
        if each.get("State", "available") == "available"
    ]
    if not found:
        yield error(
            f"there is no machine image {wanted.id or wanted.name} in {context.cluster.region}",
            "No machine could be started.",
            "Correct machine_image in the cluster file (ids differ from region to region)",
        )
        return
    image = max(found, key=lambda each: str(each["CreationDate"]))
    yield from _architecture(context, image)
    yield from _age_and_size(context, image)


def _architecture(context: Context, image: dict[str, Any]) -> Iterator[Finding]:
    types = sorted({node.type for node in context.cluster.nodes})
    for each in context.account.every("ec2", "DescribeInstanceTypes", "InstanceTypes", InstanceTypes=types):
        supported = each["ProcessorInfo"]["SupportedArchitectures"]
        if image["Architecture"] not in supported:
            yield error(
                f"{image['ImageId']} is for {image['Architecture']}, {each['InstanceType']} is {', '.join(supported)}",
                "The machine could not be started.",
                "Choose an image and instance types of one architecture in the cluster file",
            )


def _age_and_size(context: Context, image: dict[str, Any]) -> Iterator[Finding]:
    ends = image.get("DeprecationTime")
    if ends and datetime.fromisoformat(str(ends).replace("Z", "+00:00")) < datetime.now(UTC):
        yield warning(
            f"the machine image {image['ImageId']} is deprecated since {str(ends)[:10]}",
            "It gets no more fixes and may vanish.",
            "Let machine_image.id be null, so that the newest of its name is taken",
        )
    mappings = [each.get("Ebs", {}) for each in image.get("BlockDeviceMappings", ())]
    least_gb = max((int(each.get("VolumeSize", 0)) for each in mappings), default=0)
    for node in context.cluster.nodes:
        if node.disk_gb < least_gb:
            yield error(
                f"the disk of {node.name} has {node.disk_gb} GB, the machine image needs {least_gb}",
                "The machine could not be started.",
                "Give the node a larger disk_gb in the cluster file",
            )
