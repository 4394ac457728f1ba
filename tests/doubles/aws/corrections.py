"""What moto forgets of what it was told, or makes up: put right after the call, as AWS would tell it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from moto.ec2.models.security_groups import SecurityGroupRule

from tests.doubles.aws import backends
from tests.doubles.aws.calls import Call

# A rule for a group has a description as one for addresses has.
SecurityGroupRule.description = property(
    lambda rule: rule.ip_range.get("Description") or rule.source_group.get("Description")
)


def correct(call: Call, body: bytes) -> None:
    """``body`` is moto's answer to a call that succeeded."""
    correction = _CORRECTIONS.get(call.name)
    if correction is not None:
        correction(call, body)


def _private(call: Call, body: bytes) -> None:
    """A zone with a VPC is private, whether or not it is said twice."""
    asked, vpc = ElementTree.fromstring(call.body), "{*}VPC/{*}VPC"
    id, region = asked.findtext(f"{vpc}Id"), asked.findtext(f"{vpc}Region")
    made = (ElementTree.fromstring(body).findtext("{*}HostedZone/{*}Id") or "").rpartition("/")[2]
    zone = backends.backend("route53", "aws").zones[made]
    if id and not zone.private_zone:
        zone.private_zone = True
        zone.add_vpc(id, region)


def _machines(call: Call, body: bytes) -> None:
    """An instance is in the groups of its interfaces, and those that its launch made go with it."""
    launched = {each.text for each in ElementTree.fromstring(body).iterfind(".//{*}instanceId")}
    told = any(key.endswith((".NetworkInterfaceId", ".DeleteOnTermination")) for key in _interfaces(call))
    for instance in backends.instances(call.region):
        if instance.id not in launched:
            continue
        nics = list(instance.nics.values())
        instance.security_groups = instance.security_groups or [group for nic in nics for group in nic.group_set]
        for nic in nics if not told else ():
            nic.delete_on_termination = True


def _interfaces(call: Call) -> list[str]:
    return [key for key in call.parameters if key.startswith("NetworkInterface.")]


def _distribution(call: Call, body: bytes) -> None:
    """Who signs for an origin; nothing of the older settings beside a cache policy; one certificate."""
    made = ElementTree.fromstring(body).findtext("{*}Id")
    config = next(each for each in backends.distributions() if each.id == made).distribution_config
    asked = ElementTree.fromstring(call.body)
    signers = {
        each.findtext("{*}Id"): each.findtext("{*}OriginAccessControlId")
        for each in asked.iterfind(".//{*}Origins/{*}Items/{*}Origin")
    }
    for origin in config.Origins["Items"]:
        origin.origin_access_control_id = signers.get(origin.id) or ""
    behavior: Any = config.DefaultCacheBehavior
    if behavior.cache_policy_id:
        behavior.forwarded_values = behavior.min_ttl = behavior.default_ttl = behavior.max_ttl = None
    viewer: Any = config.ViewerCertificate
    if viewer.acm_certificate_arn:
        viewer.cloud_front_default_certificate = False


_CORRECTIONS: dict[str, Callable[[Call, bytes], None]] = {
    "route53:CreateHostedZone": _private,
    "ec2:RunInstances": _machines,
    "cloudfront:CreateDistribution": _distribution,
    "cloudfront:CreateDistributionWithTags": _distribution,
    "cloudfront:UpdateDistribution": _distribution,
}
