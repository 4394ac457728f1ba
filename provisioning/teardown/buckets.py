"""Buckets: emptied of every version, delete marker and unfinished upload, then deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provisioning.aws import AwsSaid
from provisioning.aws.buckets import Owner, buckets
from provisioning.run import Step
from provisioning.teardown.things import Cloud, Kind, Thing

# Counting stops here: a bucket of millions is "more than".
_COUNTED_PAGES = 50
_AT_ONCE = 1000


@dataclass(frozen=True)
class Contents:
    """What a bucket holds. ``versions`` counts older versions and delete markers too; ``bytes`` is of all versions."""

    objects: int
    versions: int
    bytes: int
    whole: bool

    def text(self) -> str:
        more = "" if self.whole else "more than "
        return f"{more}{self.objects} objects, {self.versions} versions and markers, {self.bytes} bytes"


class Buckets(Kind):
    """The two of the cluster file, by their whole names, and only where they carry the cluster's tag."""

    name = "bucket"
    verb = "empty and delete"
    bound_s = 3600.0

    def find(self, cloud: Cloud) -> list[Thing]:
        return [
            self.thing(each.name, contents(cloud, each.name).text(), f"tag {cloud.tag}=owned")
            for each in buckets(cloud.account, cloud.cluster)
            if each.owner is Owner.CLUSTER
        ]

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        _empty(cloud, step, thing.id)
        cloud.account.ask("s3", "DeleteBucket", Bucket=thing.id)


def contents(cloud: Cloud, bucket: str) -> Contents:
    objects = versions = size = 0
    marker: dict[str, str] = {}
    for _ in range(_COUNTED_PAGES):
        page = cloud.account.ask("s3", "ListObjectVersions", Bucket=bucket, **marker)
        held = page.get("Versions", [])
        objects += sum(bool(each.get("IsLatest")) for each in held)
        versions += len(held) + len(page.get("DeleteMarkers", []))
        size += sum(int(each.get("Size", 0)) for each in held)
        if not page.get("IsTruncated"):
            return Contents(objects, versions, size, True)
        marker = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    return Contents(objects, versions, size, False)


def _empty(cloud: Cloud, step: Step, bucket: str) -> None:
    """Every version of everything. What is written meanwhile is found again by the next attempt."""
    gone = 0
    while True:
        step.safe_point()
        page = cloud.account.ask("s3", "ListObjectVersions", Bucket=bucket, MaxKeys=_AT_ONCE)
        held = [
            {"Key": each["Key"], "VersionId": each["VersionId"]}
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        ]
        if not held:
            break
        answer = cloud.account.ask("s3", "DeleteObjects", Bucket=bucket, Delete={"Objects": held, "Quiet": True})
        refused: list[Any] = answer.get("Errors", [])
        if len(refused) == len(held):
            first = refused[0]
            said = f"s3 DeleteObjects: {first.get('Code')}: {first.get('Key')}: {first.get('Message')}"
            raise AwsSaid(said, str(first.get("Code")))
        gone += len(held) - len(refused)
        step.say(f"{bucket}: {gone} versions deleted")
    for each in cloud.account.every("s3", "ListMultipartUploads", "Uploads", Bucket=bucket):
        cloud.account.ask("s3", "AbortMultipartUpload", Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])
