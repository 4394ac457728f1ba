"""Is it ready? Asked of each part in its own protocol, with the login the Eco² processes use.

A probe returns None when ready and raises otherwise. Each one takes at most a few seconds.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from provisioning.local.ports import is_listening
from provisioning.local.settings import S3

Probe = Callable[[], None]

_TIMEOUT_S = 2


class Refused(Exception):
    """The other side answered, and the answer is no."""


class Doomed(Exception):
    """Waiting on is pointless: the process has ended for good."""


def listening(port: int) -> None:
    """Something accepts at 127.0.0.1:port: a cheap question before the others, while everything else is starting."""
    if not is_listening(port):
        raise Refused(f"nothing listens at port {port}")


def amqp(url: str) -> None:
    """Logs in to the broker and opens its virtual host."""
    from kombu import Connection

    with Connection(url, connect_timeout=_TIMEOUT_S) as connection:
        connection.connect()


def postgres(url: str) -> None:
    """Runs ``SELECT 1`` in the database."""
    import psycopg2

    connection = psycopg2.connect(url, connect_timeout=_TIMEOUT_S)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def redis(url: str) -> None:
    """Logs in and sends PING."""
    from redis import Redis

    with Redis.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S) as client:
        client.ping()


def s3(url: str) -> None:
    """Asks for the bucket by a signed HEAD."""
    client = s3_client(url)
    client.head_bucket(Bucket=S3.parse(url).bucket)


def http_ready(port: int, path: str = "/ready") -> None:
    """``GET /ready`` (or another path) at 127.0.0.1:port answers 200."""
    _get(port, path)


def exporter(port: int, gauge: str) -> None:
    """An exporter reaches what it watches: of its metrics ``gauge`` is 1."""
    if f"\n{gauge} 1\n" not in _get(port, "/metrics"):
        raise Refused(f"/metrics does not say {gauge} 1: it cannot log in to what it watches")


def _get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode("utf-8", "replace")
    finally:
        connection.close()
    if response.status != 200:
        raise Refused(f"{path} answers {response.status}: {body[:500].strip()}")
    return body


def s3_client(url: str):  # type: ignore[no-untyped-def]  # boto3 has no types
    """A boto3 client for an ECO2_S3_URL: path-style, no retries, short timeouts."""
    import boto3
    from botocore.config import Config

    s3 = S3.parse(url)
    own = urlsplit(url).hostname == "127.0.0.1"
    return boto3.client(
        "s3",
        endpoint_url=s3.endpoint,
        aws_access_key_id=s3.access_key,
        aws_secret_access_key=s3.secret_key,
        region_name="us-east-1" if own else None,
        config=Config(
            connect_timeout=_TIMEOUT_S,
            read_timeout=_TIMEOUT_S,
            retries={"max_attempts": 0},
            s3={"addressing_style": "path"},
        ),
    )


OF_PART: dict[str, Callable[[str], None]] = {
    "rabbitmq": amqp,
    "postgresql": postgres,
    "redis": redis,
    "seaweedfs": s3,
}


# Asked at its port.
OF_MONITORING: dict[str, Callable[[int], None]] = {
    "prometheus": lambda port: http_ready(port, "/-/ready"),
    "alertmanager": lambda port: http_ready(port, "/-/ready"),
    "node_exporter": lambda port: http_ready(port, "/"),
    "postgres_exporter": lambda port: exporter(port, "pg_up"),
    "redis_exporter": lambda port: exporter(port, "redis_up"),
}


def wait(probe: Probe, timeout_s: float, *, watch: Callable[[], None] = lambda: None, every_s: float = 0.1) -> None:
    """Returns when ``probe`` passes; raises TimeoutError with its last error after ``timeout_s``.

    ``watch`` is called between two tries and raises Doomed to end the wait early.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            probe()
            return
        except Exception as error:  # whatever a client library raises means "not yet"; the last one is reported
            if time.monotonic() + every_s > deadline:
                raise TimeoutError(f"not ready after {timeout_s:g} s: {describe(error)}") from error
        watch()
        time.sleep(every_s)


def describe(error: BaseException) -> str:
    """One line of an error; client libraries like to write several."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
