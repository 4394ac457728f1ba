"""The account as tests have it: a server on a free port, its environment, its clients."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config
from moto.moto_api import state_manager
from moto.moto_api._internal.models import MotoAPIBackend
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from tests.doubles.aws.backends import ACCOUNT
from tests.doubles.aws.calls import Call
from tests.doubles.aws.faults import Faults
from tests.doubles.aws.gate import Gate
from tests.doubles.aws.quotas import Quotas

__all__ = ["ACCOUNT", "AwsAccount"]

SECRET = "double/secret/access/key/of/nobody00"


class _Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept, as AWS keeps them

    def log(self, type: str, message: str, *args: Any) -> None:
        """Says nothing: failures are in the answers."""


class AwsAccount:
    """An empty account while inside. moto keeps it in this process, so there is one at a time in a process.

    >>> with AwsAccount() as account:
    ...     account.client("ec2").describe_vpcs()
    """

    def __init__(self, *, region: str = "ap-northeast-2", settle_s: float = 0.2) -> None:
        self.region = region
        self.faults = Faults()
        self._gate = Gate(self.faults, settle_s)
        self._server: Any = None
        self._clients: dict[tuple[str, str], Any] = {}

    def __enter__(self) -> AwsAccount:
        self.reset()
        self._server = make_server("127.0.0.1", 0, self._gate, threaded=True, request_handler=_Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="aws", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            client.close()
        self._server.shutdown()
        self._server.server_close()
        self.reset()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def quotas(self) -> Quotas:
        return self._gate.quotas

    @property
    def calls(self) -> list[Call]:
        """Every call that came through, in order; those that a fault met are not among them."""
        return self._gate.calls

    def changes(self) -> list[Call]:
        """Those that were to change something."""
        return self._gate.changes()

    def hear(self, listener: Callable[[Call], None]) -> None:
        """``listener`` hears each call before it is answered, in the thread that answers it."""
        self._gate.hear = listener

    def settle(self) -> None:
        """What takes time (ending machines, a CDN that deploys) is over at once."""
        self._gate.settle()

    def environment(self) -> dict[str, str]:
        """For a process, or for `monkeypatch.setenv`: all of AWS's clients go to this account."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_SERVICE_QUOTAS": self.url,
            "AWS_ACCESS_KEY_ID": "AKIADOUBLEOFNOBODY00",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client of the test's own, without retries."""
        key = (service, region or self.region)
        if key not in self._clients:
            environment = self.environment()
            self._clients[key] = boto3.client(
                service,  # type: ignore[call-overload]
                region_name=key[1],
                endpoint_url=self.url,
                aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
                config=Config(retries={"total_max_attempts": 1, "mode": "standard"}),
            )
        return self._clients[key]

    def reset(self) -> None:
        """Everything is gone, as in a new account: default VPCs and nothing else."""
        MotoAPIBackend("us-east-1", ACCOUNT).reset()
        state_manager.set_transition("cloudfront::distribution", {"progression": "manual", "times": 10**9})
        self._gate.reset()
