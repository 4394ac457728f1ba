"""The one edge to AWS: every call bounded, retried where that helps, and its errors sorted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from provisioning.aws.errors import AwsSaid, classified

# A call that does not come back is tried again by botocore; all attempts together stay under three minutes.
_BOUNDS = {"connect_timeout": 5, "read_timeout": 30}
_ATTEMPTS = 4


@dataclass(frozen=True)
class Identity:
    """Who asks: the account's 12 digits and the ARN of the user or role."""

    account: str
    arn: str


class Account:
    """An AWS account in one region, seen through the operator's own credentials.

    Credentials and endpoints come the standard ways alone (environment, profile, SSO, ``AWS_ENDPOINT_URL``). Methods
    may be called from any thread, take at most some minutes, and raise the classes of `provisioning.aws.errors`.
    """

    def __init__(self, region: str) -> None:
        self.region = region
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}

    def ask(self, service: str, action: str, *, region: str | None = None, **arguments: Any) -> dict[str, Any]:
        """One call by AWS's own name for it: ``ask("ec2", "DescribeVpcs", VpcIds=[…])``; returns the whole answer."""
        try:
            client = self.client(service, region)
            answer: dict[str, Any] = getattr(client, xform_name(action))(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise classified(error, service, action) from error
        return answer

    def every(
        self, service: str, action: str, key: str, *, region: str | None = None, **arguments: Any
    ) -> Iterator[Any]:
        """All items under ``key`` of a listing, over all its pages (``Reservations``, ``QuotaList.Items``)."""
        try:
            client = self.client(service, region)
            method = xform_name(action)
            pages = (
                client.get_paginator(method).paginate(**arguments)
                if client.can_paginate(method)
                else [getattr(client, method)(**arguments)]
            )
            for page in pages:
                found: Any = page
                for part in key.split("."):
                    found = (found or {}).get(part)
                yield from found or ()
        except (BotoCoreError, ClientError) as error:
            raise classified(error, service, action) from error

    def client(self, service: str, region: str | None = None) -> Any:
        """The boto3 client, made once; for what `ask` and `every` do not do. Its errors are boto's own."""
        where = region or self.region
        with self._lock:
            if self._session is None:
                self._session = boto3.Session()
            if (service, where) not in self._clients:
                config = Config(
                    **_BOUNDS,
                    retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                    user_agent_extra="eco2-provisioning",
                )
                self._clients[service, where] = self._session.client(service, region_name=where, config=config)
            return self._clients[service, where]

    def identity(self) -> Identity:
        answer = self.ask("sts", "GetCallerIdentity")
        return Identity(str(answer["Account"]), str(answer["Arn"]))

    def now(self) -> datetime:
        """AWS's clock, from the Date header of an answer; in whole seconds."""
        headers = self.ask("sts", "GetCallerIdentity")["ResponseMetadata"]["HTTPHeaders"]
        try:
            return parsedate_to_datetime(headers["date"])
        except (KeyError, ValueError) as error:
            raise AwsSaid("sts GetCallerIdentity: the answer has no date") from error
