"""Everybody else in the account: what looks like a cluster's and is not, one look-alike for each way to be mistaken."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from provisioning.cluster import Cluster
from tests.doubles.aws.account import ACCOUNT, AwsAccount
from tests.doubles.aws.seeds import ASSUME, OPERATOR, seed_cluster
from tests.doubles.aws.seeds_edge import certificate, distribution, fill, make_bucket, record, seed_hosted_zone
from tests.doubles.aws.tags import listed, specified

# Of another cluster whose name begins with ours, of one that ours begins, and ours where others own the thing.
FOREIGN_TAGS: tuple[dict[str, str], ...] = ({}, {"Name": "theirs", "ebs.csi.aws.com/cluster": "true"})


def near_tags(cluster: Cluster) -> list[dict[str, str]]:
    """Tags that a search by a part of a name, by a key alone, or by a value in other letters would take for ours."""
    name = cluster.name
    return [
        *FOREIGN_TAGS,
        {"Name": name},
        {f"kubernetes.io/cluster/{name}x": "owned", "Name": name},
        {f"kubernetes.io/cluster/{name}": "shared"},
        {f"kubernetes.io/cluster/{name}": "Owned"},
        {"elbv2.k8s.aws/cluster": f"{name}-staging"},
        {"Cluster": name},
    ]


def staging(cluster: Cluster) -> Cluster:
    """Another cluster of the same make, whose name begins with this one's."""
    images, backups = cluster.buckets.images, cluster.buckets.backups
    return cluster.model_copy(
        update={
            "name": f"{cluster.name}-staging",
            "nodes": cluster.nodes[:2],
            "domain": cluster.domain.model_copy(update={"name": f"staging.{cluster.domain.name}"}),
            "buckets": cluster.buckets.model_copy(
                update={
                    "images": images.model_copy(update={"name": f"{images.name}-staging"}),
                    "backups": backups.model_copy(update={"name": f"{backups.name}-staging"}),
                }
            ),
        }
    )


def seed_stranger(account: AwsAccount, cluster: Cluster) -> None:
    """Fills the account with what is not ``cluster``'s. ``cluster`` needs a domain."""
    seed_cluster(account, staging(cluster), objects=1)
    _network(account, cluster)
    _disks_and_addresses(account, cluster)
    _identity(account, cluster)
    _edge(account, cluster)
    account.settle()


def _more(tags: dict[str, str], kind: str) -> dict[str, Any]:
    """EC2 takes no empty list of tags."""
    return {"TagSpecifications": specified(kind, tags)} if tags else {}


def _network(account: AwsAccount, cluster: Cluster) -> None:
    ec2, elb = account.client("ec2", cluster.region), account.client("elbv2", cluster.region)
    name = cluster.name
    default = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    image = ec2.describe_images(Owners=[cluster.machine_image.owner])["Images"][0]["ImageId"]
    ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=default[0]["SubnetId"], InstanceType="t3a.medium")
    for number, tags in enumerate(near_tags(cluster)):
        more = partial(_more, tags)
        vpc = ec2.create_vpc(CidrBlock=f"172.{20 + number}.0.0/16", **more("vpc"))["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"172.{20 + number}.1.0/24", **more("subnet"))["Subnet"]
        gateway = ec2.create_internet_gateway(**more("internet-gateway"))["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        ec2.create_route_table(VpcId=vpc, **more("route-table"))
        group = ec2.create_security_group(
            GroupName=f"k8s-traffic-{name}-deadbeef{number}", Description="theirs", VpcId=vpc, **more("security-group")
        )["GroupId"]
        ec2.create_network_interface(
            SubnetId=subnet["SubnetId"], Groups=[group], Description="idle", **more("network-interface")
        )
        ec2.run_instances(
            ImageId=image,
            MinCount=1,
            MaxCount=1,
            InstanceType="t3a.medium",
            SubnetId=subnet["SubnetId"],
            SecurityGroupIds=[group],
            **more("instance"),
        )
        ec2.import_key_pair(KeyName=f"{name}-theirs-{number}", PublicKeyMaterial=OPERATOR, **more("key-pair"))
    balancer = elb.create_load_balancer(
        Name=f"k8s-{name}-0123456789", Subnets=[each["SubnetId"] for each in default[:2]], Tags=listed({"Name": name})
    )["LoadBalancers"][0]
    target: str = elb.create_target_group(
        Name=f"k8s-{name}-theirs", Protocol="HTTP", Port=80, VpcId=default[0]["VpcId"], TargetType="instance"
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target}],
    )
    if cluster.domain.name is not None:
        zone = seed_hosted_zone(account, cluster.domain.name)
        alias = (balancer["DNSName"], balancer["CanonicalHostedZoneId"])
        record(account, zone, f"old.{cluster.domain.name}", "A", alias=alias)
        record(account, zone, f"api-v1.{cluster.domain.name}", "A", alias=alias)


def _disks_and_addresses(account: AwsAccount, cluster: Cluster) -> None:
    ec2, ssm = account.client("ec2", cluster.region), account.client("ssm", cluster.region)
    zone = cluster.zones[0]
    for number, tags in enumerate(near_tags(cluster)):
        more = partial(_more, tags)
        volume = ec2.create_volume(AvailabilityZone=zone, Size=8, **more("volume"))["VolumeId"]
        ec2.create_snapshot(VolumeId=volume, Description="theirs", **more("snapshot"))
        ec2.allocate_address(Domain="vpc", **more("elastic-ip"))
        for folder in (cluster.name, f"{cluster.name}x"):
            ssm.put_parameter(
                Name=f"/{folder}/host-keys/theirs-{number}",
                Value="theirs",
                Type="SecureString",
                **({"Tags": listed(tags)} if tags else {}),
            )


def _identity(account: AwsAccount, cluster: Cluster) -> None:
    """Roles of our names under other paths, and of other names under ours."""
    iam, name = account.client("iam"), cluster.name
    known = f"{name}-control-plane-2026112308000000000000000"
    tagged = listed({f"kubernetes.io/cluster/{name}-staging": "owned"})
    for number, (path, tags) in enumerate(
        (("/", []), (f"/{name}x/", tagged), (f"/{name}/", []), (f"/{name}/", tagged))
    ):
        role = f"{known}{number + 5}"
        iam.create_role(RoleName=role, Path=path, AssumeRolePolicyDocument=ASSUME, Tags=tags)
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_role_policy(RoleName=role, PolicyName="theirs", PolicyDocument=json.dumps(document))
        iam.create_instance_profile(InstanceProfileName=role, Path=path, Tags=tags)
        iam.add_role_to_instance_profile(InstanceProfileName=role, RoleName=role)
        iam.create_policy(PolicyName=f"{name}-alb-controller-{number}", Path=path, PolicyDocument=json.dumps(document))


def _edge(account: AwsAccount, cluster: Cluster) -> None:
    name, domain = cluster.name, cluster.domain.name or "example.org"
    zone = seed_hosted_zone(account, domain)
    buckets = (cluster.buckets.images.name, cluster.buckets.backups.name)
    for bucket in [each for key in buckets for each in (key, f"{key}-{ACCOUNT}-archive", f"old-{key}-{ACCOUNT}")]:
        make_bucket(account, cluster.region, bucket, {"Name": bucket, "Project": name})
        fill(account, cluster.region, bucket, "scans/", 2)
    images = cluster.domain.host("images") or f"images.{domain}"
    # The last asks for the very record that proves the cluster's own certificate.
    asked: list[tuple[str, str, list[str]]] = [
        ("us-east-1", f"{images}.example", []),
        (cluster.region, f"blog.{domain}", []),
        (cluster.region, domain, [f"*.{domain}"]),
    ]
    for region, subject, others in asked:
        ours = subject == domain or subject.endswith(f".{domain}")
        certificate(account, zone if ours else None, region, subject, others, {"Name": subject, "Project": name})
    for number, tags in enumerate(near_tags(cluster)):
        distribution(
            account,
            f"{name}-images{'-' * bool(number)}{number or ''}",
            f"Pictures of {name}",
            f"{buckets[0]}.s3.{cluster.region}.amazonaws.com",
            tags or {"Project": name},
            f"images{number}.{domain}.example",
            None,
        )
