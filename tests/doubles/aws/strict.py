"""What AWS refuses and moto lets pass: things that others still lean on, and what has to be switched off first."""

from __future__ import annotations

from collections.abc import Callable

from tests.doubles.aws import backends
from tests.doubles.aws.answers import Refusal
from tests.doubles.aws.calls import Call


def check(call: Call) -> None:
    """Raises the `Refusal` with which AWS would answer this call."""
    rule = _RULES.get(call.name)
    if rule is not None:
        rule(call)


def _dependency(what: str) -> Refusal:
    return Refusal("DependencyViolation", f"resource {what} has a dependent object")


def _group(call: Call) -> None:
    group = str(call.parameters.get("GroupId"))
    for interface in backends.interfaces(call.region):
        if group in {each.id for each in interface.group_set}:
            raise _dependency(group)
    for balancer in backends.load_balancers(call.region):
        if group in balancer.security_groups:
            raise _dependency(group)
    for other in backends.groups(call.region):
        for rule in [*other.ingress_rules, *other.egress_rules]:
            if other.id != group and group == rule.source_group.get("GroupId"):
                raise _dependency(group)


def _subnet(call: Call) -> None:
    subnet = str(call.parameters.get("SubnetId"))
    for interface in backends.interfaces(call.region):
        if interface.subnet_id == subnet:
            raise Refusal("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted.")


def _gateway(call: Call) -> None:
    vpc = str(call.parameters.get("VpcId"))
    for interface in backends.interfaces(call.region):
        if interface.vpc_id == vpc and interface.public_ip:
            raise Refusal(
                "DependencyViolation",
                f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) before "
                "detaching the gateway.",
            )


def _gateway_gone(call: Call) -> None:
    gateway = str(call.parameters.get("InternetGatewayId"))
    found = backends.backend("ec2", call.region).internet_gateways.get(gateway)
    if found is not None and found.vpc:
        raise Refusal("DependencyViolation", f"The internetGateway '{gateway}' has dependencies and cannot be deleted.")


def _vpc(call: Call) -> None:
    vpc = str(call.parameters.get("VpcId"))
    ec2 = backends.backend("ec2", call.region)
    dependent = (
        [each for each in backends.groups(call.region) if each.vpc_id == vpc and each.name != "default"]
        or [each for each in ec2.internet_gateways.values() if each.vpc and each.vpc.id == vpc]
        or [each for each in backends.interfaces(call.region) if each.vpc_id == vpc]
        or [each for each in ec2.vpc_end_points.values() if each.vpc_id == vpc and each.state != "deleted"]
    )
    if dependent:
        raise Refusal("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted.")


def _interface(call: Call) -> None:
    id = str(call.parameters.get("NetworkInterfaceId"))
    found = backends.backend("ec2", call.region).enis.get(id)
    if found is not None and (found.status == "in-use" or found.attachment_id):
        raise Refusal("InvalidParameterValue", f"Network interface '{id}' is currently in use.")


def _address(call: Call) -> None:
    id = str(call.parameters.get("AllocationId"))
    for address in backends.backend("ec2", call.region).addresses:
        if address.allocation_id == id and address.association_id:
            raise Refusal("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use.")


def _certificate(call: Call) -> None:
    arn = str(call.parameters.get("CertificateArn"))
    if arn in backends.certificates_in_use():
        raise Refusal("ResourceInUseException", f"Certificate {arn} in account {backends.ACCOUNT} is in use.")


def _distribution(call: Call) -> None:
    found = backends.backend("cloudfront", "aws").distributions.get(str(call.parameters.get("Id")))
    if found is not None and (_enabled(found) or found.status != "Deployed"):
        raise Refusal(
            "DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.", 409
        )


def _enabled(distribution: object) -> bool:
    enabled = distribution.distribution_config.Enabled  # type: ignore[attr-defined]
    return str(enabled).lower() == "true"


def _bucket(call: Call) -> None:
    name = str(call.parameters.get("Bucket"))
    bucket = backends.backend("s3", "aws").buckets.get(name)
    # Versions and delete markers count, and what moto forgets to look at.
    if bucket is not None and any(bucket.keys.getlist(key) for key in list(bucket.keys)):
        raise Refusal("BucketNotEmpty", "The bucket you tried to delete is not empty.", 409)


_RULES: dict[str, Callable[[Call], None]] = {
    "ec2:DeleteSecurityGroup": _group,
    "ec2:DeleteSubnet": _subnet,
    "ec2:DetachInternetGateway": _gateway,
    "ec2:DeleteInternetGateway": _gateway_gone,
    "ec2:DeleteVpc": _vpc,
    "ec2:DeleteNetworkInterface": _interface,
    "ec2:ReleaseAddress": _address,
    "acm:DeleteCertificate": _certificate,
    "cloudfront:DeleteDistribution": _distribution,
    "s3:DeleteBucket": _bucket,
}
