"""Sends the one backup in a folder to S3: ``python send.py FOLDER BUCKET PREFIX``.

The node's role may write backups and nothing else: not list, not read, not delete. So nothing is asked of the bucket;
S3 itself compares each part's checksum with what has arrived, and refuses what differs.

The charts that make backups have each a copy of this file (a test compares them).
"""

import sys
from pathlib import Path
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

BOUNDED = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5})


def send(client: Any, folder: Path, bucket: str, prefix: str) -> str:
    """The key under which the backup is kept now. Raises ValueError where there is not exactly one."""
    # What is not whole yet has a name that begins with a dot.
    found = sorted(folder.glob("[!.]*"))
    if len(found) != 1:
        raise ValueError(f"{folder} holds {len(found)} backups, not one")
    key = f"{prefix}{found[0].name}"
    client.upload_file(
        str(found[0]),
        bucket,
        key,
        ExtraArgs={"ChecksumAlgorithm": "SHA256", "ContentType": "application/octet-stream"},
        Config=TransferConfig(max_concurrency=2),
    )
    return key


if __name__ == "__main__":
    folder, bucket, prefix = sys.argv[1:]
    kept = send(boto3.client("s3", config=BOUNDED), Path(folder), bucket, prefix)
    print(f"kept as s3://{bucket}/{kept}")
