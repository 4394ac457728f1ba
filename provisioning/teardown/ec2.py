"""What EC2 holds beside the network: machines, addresses, key pairs, disks and snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from provisioning.run import Step
from provisioning.teardown.errors import NotNow
from provisioning.teardown.things import Cloud, Kind, Thing, tags_of

Said = Mapping[str, Any]


class Ec2Kind(Kind):
    """A kind that EC2 lists by its tags: subclasses name the calls."""

    listing: tuple[str, str, str]  # action, the key of its answer, the key of a thing's id
    deletion: str
    asked: ClassVar[Mapping[str, Any]] = {}

    def find(self, cloud: Cloud) -> list[Thing]:
        action, key, id = self.listing
        found: dict[str, Thing] = {}
        for each in self.listed(cloud, action, key):
            why = cloud.why(tags_of(each.get("Tags")))
            if why is not None and self.counts(cloud, each):
                found[each[id]] = self.thing(each[id], self.called(each), why, each)
        return list(found.values())

    def listed(self, cloud: Cloud, action: str, key: str) -> Iterator[Said]:
        """By the one tag, then by the other: EC2 knows no "or"."""
        for name, value in ((cloud.tag, "owned"), ("elbv2.k8s.aws/cluster", cloud.cluster.name)):
            filters = [{"Name": f"tag:{name}", "Values": [value]}]
            yield from cloud.account.every("ec2", action, key, Filters=filters, **self.asked)

    def counts(self, cloud: Cloud, said: Said) -> bool:
        return True

    def called(self, said: Said) -> str:
        return tags_of(said.get("Tags")).get("Name", "")

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        cloud.account.ask("ec2", self.deletion, **{self.listing[2]: thing.id})


class Instances(Ec2Kind):
    """Their root volumes go with them."""

    name = "instance"
    verb = "terminate"
    bound_s = 600.0

    def find(self, cloud: Cloud) -> list[Thing]:
        filters = [{"Name": f"tag:{cloud.tag}", "Values": ["owned"]}]
        return [
            self.thing(each["InstanceId"], self.called(each), why, each)
            for held in cloud.account.every("ec2", "DescribeInstances", "Reservations", Filters=filters)
            for each in held["Instances"]
            if each["State"]["Name"] != "terminated" and (why := cloud.why(tags_of(each.get("Tags"))))
        ]

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        if thing.raw["State"]["Name"] != "shutting-down":
            cloud.account.ask("ec2", "TerminateInstances", InstanceIds=[thing.id])


class Addresses(Ec2Kind):
    name = "elastic IP"
    verb = "release"
    listing = ("DescribeAddresses", "Addresses", "AllocationId")

    def called(self, said: Said) -> str:
        return f"{said['PublicIp']}, {tags_of(said.get('Tags')).get('Name', '')}".removesuffix(", ")

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        held = cloud.account.ask("ec2", "DescribeAddresses", AllocationIds=[thing.id])["Addresses"]
        for each in held:
            if each.get("AssociationId"):
                cloud.account.ask("ec2", "DisassociateAddress", AssociationId=each["AssociationId"])
        cloud.account.ask("ec2", "ReleaseAddress", AllocationId=thing.id)


class KeyPairs(Ec2Kind):
    """The operator's public key in EC2; the key itself stays where it is."""

    name = "key pair"
    listing = ("DescribeKeyPairs", "KeyPairs", "KeyPairId")

    def called(self, said: Said) -> str:
        return str(said.get("KeyName", ""))

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        cloud.account.ask("ec2", "DeleteKeyPair", KeyName=thing.raw["KeyName"])


class Volumes(Ec2Kind):
    name = "volume"
    bound_s = 300.0
    listing = ("DescribeVolumes", "Volumes", "VolumeId")
    deletion = "DeleteVolume"

    def counts(self, cloud: Cloud, said: Said) -> bool:
        return bool(said.get("State") not in ("deleting", "deleted"))

    def called(self, said: Said) -> str:
        tags = tags_of(said.get("Tags"))
        claim = tags.get("kubernetes.io/created-for/pvc/name")
        namespace = tags.get("kubernetes.io/created-for/pvc/namespace", "")
        what = f"{namespace}/{claim}".lstrip("/") if claim else tags.get("Name", "")
        return f"{what}, {said.get('Size', '?')} GiB".lstrip(", ")

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        for each in cloud.account.ask("ec2", "DescribeVolumes", VolumeIds=[thing.id])["Volumes"]:
            holders = [held["InstanceId"] for held in each.get("Attachments", ()) if held.get("InstanceId")]
            if holders:
                raise NotNow(f"{', '.join(holders)} holds it")
        super().remove(cloud, step, thing)


class Snapshots(Ec2Kind):
    name = "snapshot"
    listing = ("DescribeSnapshots", "Snapshots", "SnapshotId")
    deletion = "DeleteSnapshot"
    asked: ClassVar[Mapping[str, Any]] = {"OwnerIds": ["self"]}

    def called(self, said: Said) -> str:
        return f"of {said.get('VolumeId', '?')}, {said.get('VolumeSize', '?')} GiB"
