"""etcd's backups in the bucket: which there are, what each says of itself, and URLs for a node to send and fetch by."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from provisioning.aws import Account
from provisioning.aws.errors import AwsSaid, classified
from provisioning.operations.errors import NoBackup
from provisioning.site import Site

_TIME = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(?P<time>\d{8}T\d{6}Z)-(?P<revision>\d+)\.db")
# How long a node has to begin with an upload or a download.
URL_S = 900
_CONTENT = "application/octet-stream"


@dataclass(frozen=True)
class Backup:
    """One backup of this cluster's etcd. ``revision`` is etcd's own count of changes."""

    key: str
    taken: datetime
    revision: int
    bytes: int

    @property
    def moment(self) -> str:
        """When it was taken, as people read it."""
        return f"{self.taken:%Y-%m-%d %H:%M:%S} UTC"

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "taken": self.taken.isoformat()}

    def line(self, now: datetime) -> str:
        return f"{self.key}  {age(now - self.taken)} ago, revision {self.revision}, {size(self.bytes)}"


@dataclass(frozen=True)
class About:
    """What a backup says of itself, written with it."""

    sha256: str
    kubernetes: str
    etcd_hash: str
    bytes: int


class Backups:
    """The backups of one cluster. Raises the classes of `provisioning.aws.errors`; `NotYet` without a bucket."""

    def __init__(self, site: Site, account: Account) -> None:
        self._site = site
        self._account = account
        self._folder = f"etcd/{site.cluster.name}/"

    @property
    def bucket(self) -> str:
        return self._site.outputs().buckets["backups"]

    def key(self, taken: datetime, revision: int) -> str:
        """``etcd/<cluster>/<UTC time>-<revision>.db``"""
        return f"{self._folder}{taken.astimezone(UTC).strftime(_TIME)}-{revision}.db"

    @staticmethod
    def pki_key(key: str) -> str:
        """Where the certificates and keys of the same moment lie."""
        return key.removesuffix(".db") + ".pki.tar.gz"

    def all(self) -> list[Backup]:
        """All backups, the newest first."""
        listed = self._account.every("s3", "ListObjectsV2", "Contents", Bucket=self.bucket, Prefix=self._folder)
        return sorted(filter(None, map(self._backup, listed)), key=lambda backup: backup.taken, reverse=True)

    def newest(self) -> Backup | None:
        return next(iter(self.all()), None)

    def named(self, key: str) -> Backup:
        """Raises `NoBackup`."""
        for backup in self.all():
            if backup.key == key:
                return backup
        raise NoBackup(f"{self.bucket} holds no backup {key}")

    def about(self, key: str) -> About:
        """Raises `NoBackup` where there is no such object, or one that was not written as a backup."""
        try:
            head = self._account.ask("s3", "HeadObject", Bucket=self.bucket, Key=key)
        except AwsSaid as error:
            raise NoBackup(f"{self.bucket}/{key}: {error}") from error
        said = head.get("Metadata", {})
        try:
            return About(said["sha256"], said["kubernetes"], said["hash"], int(head["ContentLength"]))
        except KeyError as error:
            raise NoBackup(f"{self.bucket}/{key} does not say its {error}: it is no backup of ours") from error

    def upload_url(self, key: str, sha256: str, metadata: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """A URL that takes just this content once and the headers that belong to it. The URL is a secret.

        S3 itself compares the SHA-256, so that what arrives altered is not kept.
        """
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        arguments = {"Bucket": self.bucket, "Key": key, "ChecksumSHA256": checksum, "Metadata": dict(metadata)}
        url = self._url("put_object", {**arguments, "ContentType": _CONTENT})
        headers = {f"x-amz-meta-{name}": value for name, value in metadata.items()}
        return url, {**headers, "x-amz-checksum-sha256": checksum, "content-type": _CONTENT}

    def download_url(self, key: str) -> str:
        """A URL that gives this object. It is a secret."""
        return self._url("get_object", {"Bucket": self.bucket, "Key": key})

    def _url(self, action: str, arguments: Mapping[str, Any]) -> str:
        # The region's own address: the global one redirects for a day after a bucket was made.
        config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
        try:
            client = boto3.Session().client("s3", region_name=self._account.region, config=config)
            url: str = client.generate_presigned_url(action, Params=arguments, ExpiresIn=URL_S)
        except (BotoCoreError, ClientError) as error:
            raise classified(error, "s3", "presign") from error
        self._site.redactor.register(url)
        return url

    def _backup(self, listed: Mapping[str, Any]) -> Backup | None:
        key = str(listed["Key"])
        name = _NAME.fullmatch(key.removeprefix(self._folder))
        if not name:
            return None
        taken = datetime.strptime(name["time"], _TIME).replace(tzinfo=UTC)
        return Backup(key, taken, int(name["revision"]), int(listed["Size"]))


def age(passed: Any) -> str:
    """A timedelta as people say it: ``3 h``, ``12 days``."""
    minutes = max(0, int(passed.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def size(count: int) -> str:
    """Bytes as people say them."""
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{count / 1024:.0f} KiB"
