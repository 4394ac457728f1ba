"""What the controllers inside a cluster make in AWS, which no Terraform knows: load balancers, groups, disks, names."""

from __future__ import annotations

import zlib
from typing import Any

from provisioning.cluster import Cluster
from tests.doubles.aws.account import AwsAccount
from tests.doubles.aws.seeds_edge import record
from tests.doubles.aws.tags import listed, specified, terraform_tags


def owned(cluster: Cluster) -> dict[str, str]:
    """What every controller tags its things with."""
    return {f"kubernetes.io/cluster/{cluster.name}": "owned"}


def seed_controllers(account: AwsAccount, cluster: Cluster, ids: dict[str, str]) -> None:
    _groups(account, cluster, ids)
    _load_balancer(account, cluster, ids)
    _names(account, cluster, ids)
    _disks(account, cluster, ids)
    _interface(account, cluster, ids)


def _groups(account: AwsAccount, cluster: Cluster, ids: dict[str, str]) -> None:
    """Two groups that name each other, and one that the nodes' group names: no order deletes them as they stand."""
    ec2 = account.client("ec2", cluster.region)
    tags = {"elbv2.k8s.aws/cluster": cluster.name}
    for key, name, more in (
        ("traffic", f"k8s-traffic-{cluster.name}-1a2b3c4d5e", {"elbv2.k8s.aws/resource": "backend-sg"}),
        ("managed", "k8s-eco2-api-0f1e2d3c4b", {"ingress.k8s.aws/resource": "ManagedLBSecurityGroup"}),
    ):
        made = ec2.create_security_group(
            GroupName=name,
            Description="[k8s] made by a controller",
            VpcId=ids["vpc"],
            TagSpecifications=specified("security-group", {**tags, **more}),
        )
        ids[f"group/{key}"] = made["GroupId"]
    for group, source in (("traffic", "managed"), ("managed", "traffic"), ("cluster", "traffic")):
        rule = {
            "IpProtocol": "tcp",
            "FromPort": 8080,
            "ToPort": 8080,
            "UserIdGroupPairs": [{"GroupId": ids[f"group/{source}"]}],
        }
        ec2.authorize_security_group_ingress(GroupId=ids[f"group/{group}"], IpPermissions=[rule])


def _load_balancer(account: AwsAccount, cluster: Cluster, ids: dict[str, str]) -> None:
    elb = account.client("elbv2", cluster.region)
    stack = {"elbv2.k8s.aws/cluster": cluster.name, "ingress.k8s.aws/stack": "eco2", **terraform_tags(cluster)}
    made = elb.create_load_balancer(
        Name=f"k8s-{cluster.name}-5f4e3d2c1b",
        Type="application",
        Scheme="internet-facing",
        Subnets=[ids[f"subnet/{zone}"] for zone in cluster.network.subnets],
        SecurityGroups=[ids["group/load-balancer"], ids["group/traffic"]],
        Tags=listed({**stack, "ingress.k8s.aws/resource": "LoadBalancer"}),
    )["LoadBalancers"][0]
    ids["load-balancer"], ids["load-balancer-host"] = made["LoadBalancerArn"], made["DNSName"]
    ids["load-balancer-zone"] = made["CanonicalHostedZoneId"]
    actions: list[dict[str, Any]] = []
    for number, domain in enumerate(("waste", "auth", "orphan")):
        group = elb.create_target_group(
            Name=f"k8s-eco2-{domain}-{zlib.crc32(cluster.name.encode()):08x}",
            Protocol="HTTP",
            Port=30000 + number,
            VpcId=ids["vpc"],
            TargetType="instance",
            Tags=listed({**stack, "ingress.k8s.aws/resource": f"eco2/api-{domain}:8000"}),
        )["TargetGroups"][0]["TargetGroupArn"]
        ids[f"target-group/{domain}"] = group
        if domain != "orphan":
            actions.append({"Type": "forward", "TargetGroupArn": group})
    certificates = [{"CertificateArn": ids["certificate/public"]}] if "certificate/public" in ids else []
    secure: dict[str, Any] = {"Protocol": "HTTPS", "Port": 443, "Certificates": certificates}
    plain: dict[str, Any] = {"Protocol": "HTTP", "Port": 80}
    listener = elb.create_listener(
        LoadBalancerArn=ids["load-balancer"],
        DefaultActions=actions[:1],
        Tags=listed(stack),
        **(secure if certificates else plain),
    )["Listeners"][0]["ListenerArn"]
    elb.create_rule(
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/api/auth/*"]}],
        Actions=actions[1:],
        Tags=listed(stack),
    )


def _names(account: AwsAccount, cluster: Cluster, ids: dict[str, str]) -> None:
    if cluster.domain.name is None:
        return
    for which in ("api", "www", "grafana"):
        alias = (f"dualstack.{ids['load-balancer-host']}", ids["load-balancer-zone"])
        record(account, ids["zone"], str(cluster.domain.host(which)), "A", alias=alias)


def _disks(account: AwsAccount, cluster: Cluster, ids: dict[str, str]) -> None:
    """One disk that a node holds, one that is free, one snapshot."""
    ec2 = account.client("ec2", cluster.region)
    # The second says only that some driver made it: every cluster's driver says the same.
    driver = {**owned(cluster), "ebs.csi.aws.com/cluster": "true"}
    zone = cluster.nodes[0].zone
    for key in ("held", "free"):
        tags = {
            **driver,
            "CSIVolumeName": f"pvc-{key}",
            "kubernetes.io/created-for/pvc/namespace": "data",
            "kubernetes.io/created-for/pvc/name": f"data-postgresql-{key}",
        }
        made = ec2.create_volume(
            AvailabilityZone=zone, Size=10, VolumeType="gp3", TagSpecifications=specified("volume", tags)
        )
        ids[f"volume/{key}"] = made["VolumeId"]
    instance = ids[f"node/{cluster.nodes[0].name}"]
    ec2.attach_volume(VolumeId=ids["volume/held"], InstanceId=instance, Device="/dev/sdf")
    made = ec2.create_snapshot(
        VolumeId=ids["volume/free"],
        TagSpecifications=specified("snapshot", {**driver, "CSIVolumeSnapshotName": "snapshot-1"}),
    )
    ids["snapshot"] = made["SnapshotId"]


def _interface(account: AwsAccount, cluster: Cluster, ids: dict[str, str]) -> None:
    zone = next(iter(cluster.network.subnets))
    made = account.client("ec2", cluster.region).create_network_interface(
        SubnetId=ids[f"subnet/{zone}"],
        Description="left behind",
        Groups=[ids["group/managed"]],
        TagSpecifications=specified("network-interface", owned(cluster)),
    )
    ids["interface"] = made["NetworkInterface"]["NetworkInterfaceId"]
