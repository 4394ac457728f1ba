"""A cluster as this repository's Terraform makes it: the same names, the same tags, in the order of the HCL's files."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from provisioning.cluster import Cluster
from tests.doubles.aws.account import ACCOUNT, AwsAccount
from tests.doubles.aws.controllers import seed_controllers
from tests.doubles.aws.seeds_edge import seed_buckets, seed_cdn, seed_certificates, zone_of
from tests.doubles.aws.tags import listed, specified, terraform_tags

ASSUME = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
OPERATOR = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGbpT0mUfnJGNEBHBBfHPLYZ2B1CZE2EwMJSWsb0pXoX operator"


@dataclass
class Seeded:
    """What was made: ids by a short name (``vpc``, ``node/k8s-master``), and what the machines are."""

    ids: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)


def seed_cluster(account: AwsAccount, cluster: Cluster, *, controllers: bool = True, objects: int = 3) -> Seeded:
    """Everything that a finished rebuild leaves in the account: Terraform's part and, unless told otherwise, what the
    controllers in the cluster made. Each bucket holds ``objects`` objects, with older versions and delete markers."""
    seeded = Seeded()
    _network(account, cluster, seeded)
    _security(account, cluster, seeded)
    _identity(account, cluster, seeded)
    _machines(account, cluster, seeded)
    _private_zone(account, cluster, seeded)
    seed_buckets(account, cluster, seeded.ids, objects)
    seed_certificates(account, cluster, seeded.ids)
    seed_cdn(account, cluster, seeded.ids)
    if controllers:
        seed_controllers(account, cluster, seeded.ids)
    account.settle()
    return seeded


def _network(account: AwsAccount, cluster: Cluster, seeded: Seeded) -> None:
    ec2, tags, ids = account.client("ec2", cluster.region), terraform_tags(cluster), seeded.ids
    named = {**tags, "Name": cluster.name}
    made = ec2.create_vpc(CidrBlock=str(cluster.network.vpc), TagSpecifications=specified("vpc", named))
    ids["vpc"] = made["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=ids["vpc"], EnableDnsHostnames={"Value": True})
    made = ec2.create_internet_gateway(TagSpecifications=specified("internet-gateway", named))
    ids["gateway"] = made["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=ids["gateway"], VpcId=ids["vpc"])
    table = {**tags, "Name": f"{cluster.name}-public"}
    made = ec2.create_route_table(VpcId=ids["vpc"], TagSpecifications=specified("route-table", table))
    ids["routes"] = made["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=ids["routes"], DestinationCidrBlock="0.0.0.0/0", GatewayId=ids["gateway"])
    for zone, block in cluster.network.subnets.items():
        subnet = {**tags, "Name": f"{cluster.name}-{zone}", "kubernetes.io/role/elb": "1"}
        made = ec2.create_subnet(
            VpcId=ids["vpc"],
            AvailabilityZone=zone,
            CidrBlock=str(block),
            TagSpecifications=specified("subnet", subnet),
        )
        ids[f"subnet/{zone}"] = made["Subnet"]["SubnetId"]
        ec2.associate_route_table(RouteTableId=ids["routes"], SubnetId=ids[f"subnet/{zone}"])


def _security(account: AwsAccount, cluster: Cluster, seeded: Seeded) -> None:
    ec2, tags, ids = account.client("ec2", cluster.region), terraform_tags(cluster), seeded.ids
    for part, unique in (("cluster", "20261123080000000000000001"), ("load-balancer", "20261123080000000000000002")):
        made = ec2.create_security_group(
            GroupName=f"{cluster.name}-{part}-{unique}",
            Description=part,
            VpcId=ids["vpc"],
            TagSpecifications=specified("security-group", {**tags, "Name": f"{cluster.name}-{part}"}),
        )
        ids[f"group/{part}"] = made["GroupId"]
    nodes, balancer = ids["group/cluster"], ids["group/load-balancer"]
    rules: list[tuple[str, dict[str, Any]]] = [
        (nodes, {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": nodes}]}),
        (nodes, _ports(22, 22, [str(each) for each in cluster.access.ssh_from])),
        (nodes, _ports(6443, 6443, [str(each) for each in cluster.access.api_from])),
        (nodes, {**_ports(30000, 32767, []), "UserIdGroupPairs": [{"GroupId": balancer}]}),
        (balancer, _ports(80, 80, ["0.0.0.0/0"])),
        (balancer, _ports(443, 443, ["0.0.0.0/0"])),
    ]
    for group, rule in rules:
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    default = ec2.describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [ids["vpc"]]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"][0]["GroupId"]
    ec2.create_tags(Resources=[default], Tags=listed({**tags, "Name": f"{cluster.name}-unused"}))


def _ports(first: int, last: int, blocks: list[str]) -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": first,
        "ToPort": last,
        "IpRanges": [{"CidrIp": block} for block in blocks],
    }


def _identity(account: AwsAccount, cluster: Cluster, seeded: Seeded) -> None:
    iam, tags = account.client("iam"), listed(terraform_tags(cluster))
    for role in dict.fromkeys(node.role for node in cluster.nodes):
        name = f"{cluster.name}-{role}-20261123080000000000000003"
        iam.create_role(RoleName=name, Path=f"/{cluster.name}/", AssumeRolePolicyDocument=ASSUME, Tags=tags)
        for policy in ("every-node", "pictures"):
            statement = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
        iam.create_instance_profile(InstanceProfileName=name, Path=f"/{cluster.name}/", Tags=tags)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        seeded.ids[f"role/{role}"] = name


def _machines(account: AwsAccount, cluster: Cluster, seeded: Seeded) -> None:
    ec2, ssm = account.client("ec2", cluster.region), account.client("ssm", cluster.region)
    tags, ids = terraform_tags(cluster), seeded.ids
    made = ec2.import_key_pair(
        KeyName=f"{cluster.name}-20261123080000000000000004",
        PublicKeyMaterial=OPERATOR,
        TagSpecifications=specified("key-pair", tags),
    )
    ids["key"] = made["KeyPairId"]
    image = ec2.describe_images(Owners=[cluster.machine_image.owner])["Images"][0]["ImageId"]
    free = {zone: _hosts(block) for zone, block in cluster.network.subnets.items()}
    for node in cluster.nodes:
        named = {**tags, "Name": node.name}
        private_ip = str(next(free[node.zone]))
        launched = ec2.run_instances(
            ImageId=image,
            MinCount=1,
            MaxCount=1,
            InstanceType=node.type,
            KeyName=f"{cluster.name}-20261123080000000000000004",
            IamInstanceProfile={"Name": ids[f"role/{node.role}"]},
            NetworkInterfaces=[
                {
                    "DeviceIndex": 0,
                    "SubnetId": ids[f"subnet/{node.zone}"],
                    "Groups": [ids["group/cluster"]],
                    "AssociatePublicIpAddress": True,
                    "PrivateIpAddress": private_ip,
                    "DeleteOnTermination": True,
                }
            ],
            TagSpecifications=[
                *specified("instance", {**named, "Role": node.role}),
                *specified("volume", {**named, "Role": node.role}),
            ],
        )["Instances"][0]
        instance = launched["InstanceId"]
        ids[f"node/{node.name}"] = instance
        parameter = f"/{cluster.name}/host-keys/{instance}"
        arn = f"arn:aws:ec2:{cluster.region}:{ACCOUNT}:instance/{instance}"
        ssm.put_parameter(
            Name=parameter, Value="a host key", Type="SecureString", Tags=listed({**named, "Instance": arn})
        )
        seeded.nodes[node.name] = {"instance_id": instance, "private_ip": private_ip, "zone": node.zone}
        if node.role == "control-plane":
            address = ec2.allocate_address(Domain="vpc", TagSpecifications=specified("elastic-ip", named))
            ids[f"address/{node.name}"] = address["AllocationId"]
            ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=instance)


def _hosts(block: ipaddress.IPv4Network) -> Iterator[ipaddress.IPv4Address]:
    """The addresses that AWS does not keep for itself."""
    hosts = block.hosts()
    for _ in range(9):
        next(hosts)
    return hosts


def _private_zone(account: AwsAccount, cluster: Cluster, seeded: Seeded) -> None:
    route53 = account.client("route53")
    made = route53.create_hosted_zone(
        Name=cluster.network.private_zone,
        CallerReference=f"{cluster.name}-private",
        HostedZoneConfig={"Comment": f"{cluster.name}, inside its VPC", "PrivateZone": True},
        VPC={"VPCRegion": cluster.region, "VPCId": seeded.ids["vpc"]},
    )
    zone = seeded.ids["private-zone"] = zone_of(made)
    route53.change_tags_for_resource(
        ResourceType="hostedzone", ResourceId=zone, AddTags=listed(terraform_tags(cluster))
    )
    names = {name: facts["private_ip"] for name, facts in seeded.nodes.items()}
    names["k8s-api"] = seeded.nodes[cluster.of_role("control-plane")[0].name]["private_ip"]
    changes = [
        {
            "Action": "CREATE",
            "ResourceRecordSet": {
                "Name": f"{name}.{cluster.network.private_zone}",
                "Type": "A",
                "TTL": 30,
                "ResourceRecords": [{"Value": address}],
            },
        }
        for name, address in names.items()
    ]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
