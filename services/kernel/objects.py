"""The object store (S3): pictures by their keys, and addresses to which a client may upload one itself."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import boto3
from botocore.config import Config as BotoConfig
from botocore.exceptions import BotoCoreError, ClientError
from nameko.extensions import DependencyProvider
from pydantic import HttpUrl

from services.kernel.config import Config
from services.kernel.errors import Unavailable
from services.kernel.settings import config_of
from wal import PermanentError

REGION = "ap-northeast-2"
REFUSED_FOR_GOOD = {400, 401, 403, 404, 405, 416}
_SIZE = re.compile(r"bytes [0-9*-]+/(\d+)")


class ObjectRefused(PermanentError):
    """The store refuses this for good: asking again changes nothing."""


class ObjectMissing(ObjectRefused):
    """There is no object of this key."""


class ObjectTooLarge(ObjectRefused):
    """The object has more bytes than the caller takes."""


@dataclass(frozen=True)
class Patience:
    """How long one call may take: `attempts` times `connect_s` and `read_s` of silence."""

    connect_s: float
    read_s: float
    attempts: int


WORKER = Patience(connect_s=3, read_s=20, attempts=3)
CALLER = Patience(connect_s=1, read_s=1.5, attempts=1)
"""Of a service that somebody waits for: two calls fit into `rpc_timeout_s`."""


@dataclass(frozen=True)
class Beginning:
    """The first bytes of an object, how many it has in all, and the type with which it was stored."""

    first: bytes
    size: int
    content_type: str


class ObjectStore:
    """One bucket. Raises `ObjectRefused`, or `Unavailable` ``storage_unavailable`` when the store does not answer."""

    def __init__(self, settings: Config, patience: Patience = WORKER) -> None:
        self.bucket = PurePosixPath(settings.s3_url.path or "").name
        self._client = _client(settings, settings.s3_url, patience)
        public = settings.uploads.base_url
        self._public = _client(settings, public, patience) if public else self._client

    def put(self, key: str, body: bytes, *, content_type: str, cache_control: str) -> None:
        """Store an object. Storing the same again changes nothing."""
        self._call(self._client.put_object, Key=key, Body=body, ContentType=content_type, CacheControl=cache_control)

    def get(self, key: str, at_most: int | None = None) -> bytes:
        """The object's bytes. Raises `ObjectMissing`, and `ObjectTooLarge` for more than `at_most` bytes, unread."""

        def read(**at: Any) -> bytes:
            found = self._client.get_object(**at)
            with found["Body"] as body:
                if at_most is not None and found["ContentLength"] > at_most:
                    raise ObjectTooLarge(f"{key} has {found['ContentLength']} bytes")
                whole: bytes = body.read()
                return whole

        body: bytes = self._call(read, Key=key)
        return body

    def beginning(self, key: str, count: int) -> Beginning:
        """The first `count` bytes, without the rest. Raises `ObjectMissing`."""

        def read(**at: Any) -> Beginning:
            found = self._client.get_object(**at)
            with found["Body"] as body:
                size = _SIZE.fullmatch(found.get("ContentRange", ""))
                # A store that ignores the range sends all.
                return Beginning(
                    body.read(count), int(size[1]) if size else found["ContentLength"], found.get("ContentType", "")
                )

        begun: Beginning = self._call(read, Key=key, Range=f"bytes=0-{count - 1}")
        return begun

    def delete(self, key: str) -> None:
        """Delete an object. Where there is none, nothing happens."""
        self._call(self._client.delete_object, Key=key)

    def upload_url(self, key: str, *, content_type: str, size: int, seconds: int) -> str:
        """An address that takes one PUT of exactly this type and size under `key`, for so many seconds.

        Both are signed headers (AWS Signature Version 4), so that the store refuses any other.
        """
        signed: str = self._public.generate_presigned_url(
            "put_object",
            Params={"Bucket": self.bucket, "Key": key, "ContentType": content_type, "ContentLength": size},
            ExpiresIn=seconds,
            HttpMethod="PUT",
        )
        return signed

    def check(self) -> None:
        """Raises when the bucket cannot be reached."""
        self._client.head_bucket(Bucket=self.bucket)

    def _call(self, act: Any, **arguments: Any) -> Any:
        try:
            return act(Bucket=self.bucket, **arguments)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            if status not in REFUSED_FOR_GOOD:
                raise _unavailable() from error
            kind = ObjectMissing if status == 404 else ObjectRefused
            raise kind(f"S3 refused {arguments['Key']}: {error}") from error
        except (BotoCoreError, OSError) as error:
            raise _unavailable() from error


class Objects(DependencyProvider):
    """Gives a service the object store. Not a part that it must have to be ready: only uploads need it."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience

    def setup(self) -> None:
        self.store = ObjectStore(config_of(self.container), self.patience)

    def get_dependency(self, worker_ctx: Any) -> ObjectStore:
        return self.store


def _client(settings: Config, url: HttpUrl, patience: Patience) -> Any:
    port = f":{url.port}" if url.port else ""
    return boto3.client(
        "s3",
        endpoint_url=f"{url.scheme}://{url.host}{port}",
        aws_access_key_id=settings.s3_url.username,
        aws_secret_access_key=settings.s3_url.password,
        region_name=REGION,
        config=BotoConfig(
            signature_version="s3v4",
            connect_timeout=patience.connect_s,
            read_timeout=patience.read_s,
            retries={"mode": "standard", "total_max_attempts": patience.attempts},
            max_pool_connections=settings.max_workers,
            s3={"addressing_style": "path"},
        ),
    )


def _unavailable() -> Unavailable:
    return Unavailable("storage_unavailable", "The picture store cannot be reached. Try again shortly.")
