"""The object store (S3), as the workers use it."""

from pathlib import PurePosixPath
from typing import Any

import boto3
from botocore.config import Config as BotoConfig
from botocore.exceptions import BotoCoreError, ClientError

from services.kernel.config import Config
from wal import PermanentError, TransientError

PERMANENT_STATUS = {400, 401, 403, 404, 405}


class ObjectStore:
    """One bucket. Every call is bounded in time; raises `TransientError` or `PermanentError` of `wal`."""

    def __init__(self, settings: Config) -> None:
        url = settings.s3_url
        self.bucket = PurePosixPath(url.path or "").name
        port = f":{url.port}" if url.port else ""
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=f"{url.scheme}://{url.host}{port}",
            aws_access_key_id=url.username,
            aws_secret_access_key=url.password,
            region_name="ap-northeast-2",
            config=BotoConfig(
                connect_timeout=3,
                read_timeout=20,
                retries={"mode": "standard", "total_max_attempts": 3},
                max_pool_connections=settings.max_workers,
                s3={"addressing_style": "path"},
            ),
        )

    def put(self, key: str, body: bytes, *, content_type: str, cache_control: str) -> None:
        """Store an object. Keys are made from the content, so storing it again changes nothing."""
        self._call(self._client.put_object, Key=key, Body=body, ContentType=content_type, CacheControl=cache_control)

    def get(self, key: str) -> bytes:
        """The object's bytes."""
        body: bytes = self._call(lambda **at: self._client.get_object(**at)["Body"].read(), Key=key)
        return body

    def check(self) -> None:
        """Raises when the bucket cannot be reached."""
        self._client.head_bucket(Bucket=self.bucket)

    def _call(self, act: Any, **arguments: Any) -> Any:
        try:
            return act(Bucket=self.bucket, **arguments)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            kind = PermanentError if status in PERMANENT_STATUS else TransientError
            raise kind(f"S3 refused {arguments['Key']}: {error}") from error
        except BotoCoreError as error:
            raise TransientError(f"S3 cannot be reached: {error}") from error
