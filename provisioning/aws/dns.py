"""Names in a public hosted zone: finding it, reading what stands in it, pointing aliases at a load balancer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from provisioning.aws.account import Account


@dataclass(frozen=True)
class Zone:
    """A hosted zone of Route 53; ``name`` without the dot at its end."""

    id: str
    name: str
    name_servers: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadBalancer:
    """A load balancer as an alias names it. ``tags`` say who made it."""

    dns_name: str
    zone_id: str
    arn: str
    tags: dict[str, str]


@dataclass(frozen=True)
class Record:
    """What stands under a name: an alias's target, or the values. Names and targets without the dot at the end."""

    name: str
    type: str
    alias: str | None
    values: tuple[str, ...]

    def text(self) -> str:
        return self.alias or ", ".join(self.values)


def public_zones(account: Account, name: str) -> list[Zone]:
    """The account's public zones of exactly this name, with the name servers that AWS gave them."""
    found = account.ask("route53", "ListHostedZonesByName", DNSName=f"{name}.")["HostedZones"]
    zones = []
    for each in found:
        if plain(each["Name"]) == name and not each.get("Config", {}).get("PrivateZone"):
            answer = account.ask("route53", "GetHostedZone", Id=each["Id"])
            servers = answer.get("DelegationSet", {}).get("NameServers", [])
            zones.append(Zone(each["Id"].rpartition("/")[2], name, tuple(plain(server) for server in servers)))
    return zones


def records(account: Account, zone_id: str, names: Iterable[str]) -> list[Record]:
    """All records of the zone under these names."""
    wanted = frozenset(names)
    found = account.every("route53", "ListResourceRecordSets", "ResourceRecordSets", HostedZoneId=zone_id)
    return [record for record in map(_record, found) if record.name in wanted]


def load_balancer(account: Account, host: str) -> LoadBalancer | None:
    """The region's load balancer of this DNS name, if there is one."""
    name = plain(host).lower()
    for each in account.every("elbv2", "DescribeLoadBalancers", "LoadBalancers"):
        if plain(each["DNSName"]).lower() == name:
            arn = str(each["LoadBalancerArn"])
            described = account.ask("elbv2", "DescribeTags", ResourceArns=[arn])["TagDescriptions"]
            tags = {tag["Key"]: tag["Value"] for one in described for tag in one["Tags"]}
            return LoadBalancer(plain(each["DNSName"]), str(each["CanonicalHostedZoneId"]), arn, tags)
    return None


def point(account: Account, zone_id: str, names: Iterable[str], target: LoadBalancer) -> str:
    """Points these names at the load balancer, all or none. Returns the id of the change; see `in_sync`."""
    changes = [
        {
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": f"{name}.",
                "Type": "A",
                "AliasTarget": {
                    "HostedZoneId": target.zone_id,
                    "DNSName": f"dualstack.{target.dns_name}.",
                    "EvaluateTargetHealth": False,
                },
            },
        }
        for name in names
    ]
    answer = account.ask("route53", "ChangeResourceRecordSets", HostedZoneId=zone_id, ChangeBatch={"Changes": changes})
    return str(answer["ChangeInfo"]["Id"])


def in_sync(account: Account, change: str) -> bool:
    """Whether all of Route 53's servers know the change."""
    return bool(account.ask("route53", "GetChange", Id=change)["ChangeInfo"]["Status"] == "INSYNC")


def plain(name: str) -> str:
    """A name without the dot at its end, in Route 53's spelling of ``*`` undone."""
    return name.removesuffix(".").replace("\\052", "*")


def same_target(alias: str | None, target: str) -> bool:
    """Whether an alias points at this load balancer; consoles write ``dualstack.`` before the name."""
    return alias is not None and alias.lower().removeprefix("dualstack.") == target.lower().removeprefix("dualstack.")


def _record(said: dict[str, Any]) -> Record:
    alias = said.get("AliasTarget")
    return Record(
        name=plain(said["Name"]),
        type=str(said["Type"]),
        alias=plain(alias["DNSName"]) if alias else None,
        values=tuple(str(each["Value"]) for each in said.get("ResourceRecords", ())),
    )
