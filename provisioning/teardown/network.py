"""The network: interfaces, security groups, and the VPC piece by piece."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioning.aws import AwsSaid
from provisioning.run import Step
from provisioning.teardown.ec2 import Ec2Kind, Said
from provisioning.teardown.things import Cloud, Thing, tags_of


class Interfaces(Ec2Kind):
    """Those that carry a tag of the cluster. What a load balancer or a machine has of its own goes with it."""

    name = "network interface"
    bound_s = 300.0
    listing = ("DescribeNetworkInterfaces", "NetworkInterfaces", "NetworkInterfaceId")
    deletion = "DeleteNetworkInterface"

    def listed(self, cloud: Cloud, action: str, key: str) -> Any:
        # EC2 calls their tags TagSet.
        for each in super().listed(cloud, action, key):
            yield {**each, "Tags": each.get("TagSet", each.get("Tags"))}

    def counts(self, cloud: Cloud, said: Said) -> bool:
        attachment = said.get("Attachment") or {}
        return not said.get("RequesterManaged") and not attachment.get("DeleteOnTermination")

    def called(self, said: Said) -> str:
        return str(said.get("Description", ""))


class _Groups(Ec2Kind):
    name = "security group"
    bound_s = 300.0
    listing = ("DescribeSecurityGroups", "SecurityGroups", "GroupId")
    deletion = "DeleteSecurityGroup"

    def called(self, said: Said) -> str:
        return str(said.get("GroupName", ""))

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        """Groups that name each other can be deleted in no order: the rules go first, those of the cluster's other
        groups that name this one too."""
        ours = {each.id: each.raw for kind in (ControllerGroups(), Groups()) for each in kind.find(cloud)}
        for id, said in ours.items():
            rules = "IpPermissions", "IpPermissionsEgress"
            for direction, key in zip(("Ingress", "Egress"), rules, strict=True):
                going = said.get(key, []) if id == thing.id else _naming(said.get(key, []), thing.id)
                if going:
                    _revoke(cloud, direction, id, going)
        super().remove(cloud, step, thing)

    def blockers(self, cloud: Cloud, thing: Thing) -> list[str]:
        filters = [{"Name": "ip-permission.group-id", "Values": [thing.id]}]
        groups = cloud.account.every("ec2", "DescribeSecurityGroups", "SecurityGroups", Filters=filters)
        naming = [f"security group {each['GroupId']} ({each['GroupName']}) names it" for each in groups]
        return interfaces(cloud, "group-id", thing.id) + [each for each in naming if thing.id not in each]


class ControllerGroups(_Groups):
    """Made by controllers inside the cluster: Terraform's carry its tag ``Cluster`` as well."""

    def counts(self, cloud: Cloud, said: Said) -> bool:
        return said["GroupName"] != "default" and not _of_terraform(cloud, said)


class Groups(_Groups):
    """Made by Terraform. The VPC's own group goes with the VPC."""

    def counts(self, cloud: Cloud, said: Said) -> bool:
        return said["GroupName"] != "default" and _of_terraform(cloud, said)


class Subnets(Ec2Kind):
    name = "subnet"
    bound_s = 300.0
    listing = ("DescribeSubnets", "Subnets", "SubnetId")
    deletion = "DeleteSubnet"

    def blockers(self, cloud: Cloud, thing: Thing) -> list[str]:
        return interfaces(cloud, "subnet-id", thing.id)


class RouteTables(Ec2Kind):
    name = "route table"
    listing = ("DescribeRouteTables", "RouteTables", "RouteTableId")
    deletion = "DeleteRouteTable"

    def counts(self, cloud: Cloud, said: Said) -> bool:
        return not any(each.get("Main") for each in said.get("Associations", ()))

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        for each in thing.raw.get("Associations", ()):
            try:
                cloud.account.ask("ec2", "DisassociateRouteTable", AssociationId=each["RouteTableAssociationId"])
            except AwsSaid as error:
                # Its subnet is gone, and with it this.
                if error.reason != "InvalidAssociationID.NotFound":
                    raise
        super().remove(cloud, step, thing)


class Gateways(Ec2Kind):
    name = "internet gateway"
    bound_s = 300.0
    listing = ("DescribeInternetGateways", "InternetGateways", "InternetGatewayId")
    deletion = "DeleteInternetGateway"

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        for each in thing.raw.get("Attachments", ()):
            try:
                cloud.account.ask("ec2", "DetachInternetGateway", InternetGatewayId=thing.id, VpcId=each["VpcId"])
            except AwsSaid as error:
                if error.reason != "Gateway.NotAttached":
                    raise
        super().remove(cloud, step, thing)


class Vpcs(Ec2Kind):
    name = "VPC"
    bound_s = 300.0
    listing = ("DescribeVpcs", "Vpcs", "VpcId")
    deletion = "DeleteVpc"

    def blockers(self, cloud: Cloud, thing: Thing) -> list[str]:
        found = interfaces(cloud, "vpc-id", thing.id)
        filters = [{"Name": "vpc-id", "Values": [thing.id]}]
        for kind in (Subnets(), RouteTables(), Groups()):
            action, key, id = kind.listing
            for each in cloud.account.every("ec2", action, key, Filters=filters):
                main = any(held.get("Main") for held in each.get("Associations", ()))
                if not main and each.get("GroupName") != "default":
                    found.append(f"{kind.name} {each[id]}")
        return found


def interfaces(cloud: Cloud, filter: str, value: str) -> list[str]:
    """The interfaces that stand in something's way, whoever's they are."""
    found = cloud.account.every(
        "ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", Filters=[{"Name": filter, "Values": [value]}]
    )
    return [
        f"network interface {each['NetworkInterfaceId']} ({each.get('Description') or 'without a description'})"
        for each in found
    ]


def _of_terraform(cloud: Cloud, said: Said) -> bool:
    return tags_of(said.get("Tags")).get("Cluster") == cloud.cluster.name


def _naming(rules: list[Mapping[str, Any]], group: str) -> list[dict[str, Any]]:
    """The parts of these rules that name the group."""
    parts = []
    for rule in rules:
        pairs = [pair for pair in rule.get("UserIdGroupPairs", ()) if pair.get("GroupId") == group]
        if pairs:
            kept = {key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in rule}
            parts.append({**kept, "UserIdGroupPairs": [{"GroupId": group} for _ in pairs[:1]]})
    return parts


def _revoke(cloud: Cloud, direction: str, group: str, rules: list[Any]) -> None:
    try:
        cloud.account.ask("ec2", f"RevokeSecurityGroup{direction}", GroupId=group, IpPermissions=rules)
    except AwsSaid as error:
        # Another thread was quicker; both mean the same.
        if error.reason not in ("InvalidPermission.NotFound", "InvalidGroup.NotFound"):
            raise
