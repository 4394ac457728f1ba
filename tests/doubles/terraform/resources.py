"""What the HCL makes of a cluster file: addresses, types and the attributes that others read."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One that is wanted. ``attributes`` are known beforehand; ``fixed`` are those whose change replaces it."""

    module: str | None
    type: str
    name: str
    key: str | int | None
    attributes: dict[str, Any]
    fixed: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        key = "" if self.key is None else f'["{self.key}"]' if isinstance(self.key, str) else f"[{self.key}]"
        return ".".join(part for part in (self.module, self.type, self.name + key) if part)


def wanted(cluster: Mapping[str, Any], told: Mapping[str, Any], keys: Mapping[str, str]) -> list[Resource]:
    """All resources in an order in which they can be made."""
    return [
        *_network(cluster),
        *_roles(cluster),
        *_buckets(cluster, told["account"]),
        *_machines(cluster, keys),
        *_cdn(cluster),
    ]


def _network(cluster: Mapping[str, Any]) -> Iterator[Resource]:
    name, network = cluster["name"], cluster["network"]
    tags = {"tags": {"Name": name}}
    yield Resource(None, "aws_vpc", "main", None, {"cidr_block": network["vpc"], **tags}, ("cidr_block",))
    yield Resource(None, "aws_internet_gateway", "main", None, tags)
    yield Resource(None, "aws_route_table", "public", None, tags)
    for zone, block in network["subnets"].items():
        known = {"cidr_block": block, "availability_zone": zone, "tags": {"Name": f"{name}-{zone}"}}
        yield Resource(None, "aws_subnet", "public", zone, known, ("cidr_block", "availability_zone"))
        yield Resource(None, "aws_route_table_association", "public", zone, {})
    for group in ("cluster", "load_balancer"):
        yield Resource(None, "aws_security_group", group, None, {"tags": {"Name": f"{name}-{group}"}})
    yield Resource(None, "aws_key_pair", "operator", None, {"key_name": f"{name}-20260101"})


def _roles(cluster: Mapping[str, Any]) -> Iterator[Resource]:
    for role in dict.fromkeys(node["role"] for node in cluster["nodes"]):
        for kind in ("aws_iam_role", "aws_iam_instance_profile"):
            yield Resource(None, kind, "node", role, {"name": f"{cluster['name']}-{role}-20260101"})


def _buckets(cluster: Mapping[str, Any], account: str) -> Iterator[Resource]:
    for key, bucket in cluster["buckets"].items():
        name = f"{bucket['name']}-{account}"
        yield Resource(f'module.bucket["{key}"]', "aws_s3_bucket", "this", None, {"bucket": name}, ("bucket",))


def _machines(cluster: Mapping[str, Any], keys: Mapping[str, str]) -> Iterator[Resource]:
    for node in cluster["nodes"]:
        module, tags = f'module.node["{node["name"]}"]', {"Name": node["name"]}
        known = {"instance_type": node["type"], "availability_zone": node["zone"], "tags": tags}
        machine = Resource(module, "aws_instance", "this", None, known, ("availability_zone",))
        yield machine
        needs = (machine.address,)
        if node["role"] == "control-plane":
            yield Resource(module, "aws_eip", "this", 0, {"tags": tags}, needs=needs)
        host_key = {"tags": tags, "value_wo_version": _number(keys[node["name"]])}
        yield Resource(module, "aws_ssm_parameter", "host_key", None, host_key, needs=needs)
        zone = cluster["network"]["private_zone"]
        yield Resource(
            None, "aws_route53_record", "node", node["name"], {"name": f"{node['name']}.{zone}"}, needs=needs
        )


def _cdn(cluster: Mapping[str, Any]) -> Iterator[Resource]:
    tags = {"tags": {"Name": f"{cluster['name']}-images"}}
    yield Resource(None, "aws_cloudfront_distribution", "images", None, tags)
    if cluster["domain"]["name"]:
        yield Resource(None, "aws_acm_certificate", "public", 0, {"domain_name": cluster["domain"]["name"]})


def made(resource: Resource, cluster: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a resource that has just been made."""
    found = {**resource.attributes, "id": _id(resource)}
    if resource.type == "aws_instance":
        found |= _addresses(resource, cluster, told)
    return found


def _id(resource: Resource) -> str:
    fresh = uuid.uuid4().hex
    prefixes = {"aws_instance": "i", "aws_vpc": "vpc", "aws_subnet": "subnet", "aws_security_group": "sg"}
    if resource.type in prefixes:
        return f"{prefixes[resource.type]}-{fresh[:17]}"
    return str(resource.attributes.get("bucket") or fresh)


def _addresses(resource: Resource, cluster: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    name, zone = resource.attributes["tags"]["Name"], resource.attributes["availability_zone"]
    number = [node["name"] for node in cluster["nodes"]].index(name) + 10
    private = str(IPv4Network(cluster["network"]["subnets"][zone])[number])
    return {
        "private_ip": private,
        "private_dns": f"ip-{private.replace('.', '-')}.{cluster['region']}.compute.internal",
        "public_ip": told["addresses"].get(name, f"127.77.77.{number}"),
    }


def outputs(
    cluster: Mapping[str, Any], told: Mapping[str, Any], keys: Mapping[str, str], state: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """All outputs of outputs.tf, from the attributes by address."""
    machines = {node["name"]: state[f'module.node["{node["name"]}"].aws_instance.this'] for node in cluster["nodes"]}
    nodes = {
        node["name"]: _facts(node, machines[node["name"]], keys[node["name"]], cluster["name"])
        for node in cluster["nodes"]
    }
    control_planes = [name for name, facts in nodes.items() if facts["role"] == "control-plane"]
    domain = cluster["domain"]["name"]
    cdn = state["aws_cloudfront_distribution.images"]["id"]
    return {
        "cluster": {
            "name": cluster["name"],
            "account": told["account"],
            "region": cluster["region"],
            "tag": {"key": f"kubernetes.io/cluster/{cluster['name']}", "value": "owned"},
            "vcpus": 2 * len(nodes),
        },
        "nodes": nodes,
        "api": {
            "host": f"k8s-api.{cluster['network']['private_zone']}",
            "port": 6443,
            "addresses": [nodes[name]["public_ip"] for name in control_planes],
        },
        "network": {
            "vpc_id": state["aws_vpc.main"]["id"],
            "subnet_ids": [state[f'aws_subnet.public["{zone}"]']["id"] for zone in cluster["network"]["subnets"]],
            "security_group_id": state["aws_security_group.cluster"]["id"],
            "load_balancer_security_group": state["aws_security_group.load_balancer"]["id"],
        },
        "buckets": {key: state[f'module.bucket["{key}"].aws_s3_bucket.this']["bucket"] for key in cluster["buckets"]},
        "cdn": {
            "distribution_id": cdn.upper()[:14],
            "url": f"https://{cluster['domain']['hosts']['images']}.{domain}"
            if domain
            else f"https://{cdn}.cloudfront.net",
        },
        "domain": {
            "name": domain,
            "hosted_zone_id": told["hosted_zone_id"] if domain else None,
            "certificate_arn": f"arn:aws:acm:{cluster['region']}:{told['account']}:certificate/double"
            if domain
            else None,
        },
        "roles": {
            role: f"arn:aws:iam::{told['account']}:role/{cluster['name']}/"
            + state[f'aws_iam_role.node["{role}"]']["name"]
            for role in dict.fromkeys(node["role"] for node in cluster["nodes"])
        },
    }


def _facts(node: Mapping[str, Any], machine: Mapping[str, Any], key: str, cluster: str) -> dict[str, Any]:
    return {
        "role": node["role"],
        "instance_id": machine["id"],
        "provider_id": f"aws:///{node['zone']}/{machine['id']}",
        "zone": node["zone"],
        "private_ip": machine["private_ip"],
        "private_dns": machine["private_dns"],
        "public_ip": machine["public_ip"],
        "host_key": key,
        "host_parameter": f"/{cluster}/host-keys/{machine['id']}",
    }


def _number(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
