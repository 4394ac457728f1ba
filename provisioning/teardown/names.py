"""Names: the cluster's records in the customer's zone, which itself stays, and the private zone, which goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioning.aws import AwsSaid
from provisioning.aws.dns import plain, public_zones, same_target
from provisioning.run import Step
from provisioning.teardown.cdn import Distributions
from provisioning.teardown.certificates import listed, proofs
from provisioning.teardown.elb import LoadBalancers
from provisioning.teardown.things import Cloud, Kind, Thing, tags_of


class Records(Kind):
    """An alias under one of the cluster's hosts that points at its load balancer or CDN, and a record that proves a
    certificate of its own and of nobody else.

    What they point at is known only while it stands, so names go first. No one is then sent to what is coming down.
    """

    name = "record"

    def title(self, thing: Thing) -> str:
        return f"{self.verb} {self.name} {thing.name} ({thing.why})"

    def find(self, cloud: Cloud) -> list[Thing]:
        domain = cloud.cluster.domain.name
        zones = public_zones(cloud.account, domain) if domain else []
        if not zones:
            return []
        targets = self._targets(cloud)
        proving = self._proving(cloud)
        hosts = {cloud.cluster.domain.host(which) for which in type(cloud.cluster.domain.hosts).model_fields}
        found = []
        for zone in zones:
            for each in cloud.account.every(
                "route53", "ListResourceRecordSets", "ResourceRecordSets", HostedZoneId=zone.id
            ):
                why = _points(each, hosts, targets) or _proves(each, proving)
                if why is not None:
                    name = f"{plain(each['Name'])} {each['Type']}"
                    found.append(self.thing(f"{zone.id}/{name}", name, why, (zone.id, each)))
        return found

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        zone, record = thing.raw
        _change(cloud, zone, [record])

    @staticmethod
    def _targets(cloud: Cloud) -> dict[str, str]:
        """Host name -> what it is."""
        balancers = {str(each.raw["DNSName"]): "the cluster's load balancer" for each in LoadBalancers().find(cloud)}
        return balancers | {each.name: "the cluster's CDN" for each in Distributions().find(cloud)}

    @staticmethod
    def _proving(cloud: Cloud) -> set[tuple[str, str, str]]:
        """What proves the cluster's certificates. ACM asks the same of everybody who proves the same domain from this
        account: where somebody else does, the record has to stay."""
        ours: set[tuple[str, str, str]] = set()
        others: set[tuple[str, str, str]] = set()
        for region, each, why in listed(cloud):
            (others if why is None else ours).update(proofs(cloud, region, each["CertificateArn"]))
        return ours - others


class PrivateZones(Kind):
    """With all that is in it: what others add inside the VPC is the cluster's too."""

    name = "private zone"

    def find(self, cloud: Cloud) -> list[Thing]:
        found = []
        for each in cloud.account.every("route53", "ListHostedZones", "HostedZones"):
            if not each.get("Config", {}).get("PrivateZone"):
                continue
            id = each["Id"].rpartition("/")[2]
            answer = cloud.account.ask("route53", "ListTagsForResource", ResourceType="hostedzone", ResourceId=id)
            why = cloud.why(tags_of(answer["ResourceTagSet"].get("Tags")))
            if why is not None:
                found.append(self.thing(id, plain(each["Name"]), why))
        return found

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        records = [
            each
            for each in cloud.account.every(
                "route53", "ListResourceRecordSets", "ResourceRecordSets", HostedZoneId=thing.id
            )
            if each["Type"] not in ("NS", "SOA") or plain(each["Name"]) != thing.name
        ]
        for chunk in _chunks(records):
            _change(cloud, thing.id, chunk)
        cloud.account.ask("route53", "DeleteHostedZone", Id=thing.id)


def _points(record: Any, hosts: set[str | None], targets: dict[str, str]) -> str | None:
    if record["Type"] not in ("A", "AAAA") or plain(record["Name"]) not in hosts or "AliasTarget" not in record:
        return None
    alias = plain(record["AliasTarget"]["DNSName"])
    return next((f"it points at {what}" for host, what in targets.items() if same_target(alias, host)), None)


def _proves(record: Any, proving: set[tuple[str, str, str]]) -> str | None:
    values = {each["Value"].rstrip(".") for each in record.get("ResourceRecords", ())}
    key = (plain(record["Name"]), record["Type"])
    if values and all((*key, value) in proving for value in values):
        return "it proves a certificate of the cluster"
    return None


def _change(cloud: Cloud, zone: str, records: list[Any]) -> None:
    changes = [{"Action": "DELETE", "ResourceRecordSet": each} for each in records]
    try:
        cloud.account.ask("route53", "ChangeResourceRecordSets", HostedZoneId=zone, ChangeBatch={"Changes": changes})
    except AwsSaid as error:
        # "… but it was not found": somebody was quicker.
        if error.reason != "InvalidChangeBatch" or "not found" not in str(error):
            raise


def _chunks(records: list[Any], most: int = 500) -> Iterator[list[Any]]:
    for first in range(0, len(records), most):
        yield records[first : first + most]
