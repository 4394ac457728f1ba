"""The scripts of a rotation against the real Redis, PostgreSQL and RabbitMQ, started as their charts start them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
import redis as client

from provisioning.cluster import Cluster, load
from provisioning.deploy.parts import PARTS, WRONG, statements
from provisioning.kubernetes.secrets import backends
from provisioning.local.errors import MissingPackages
from provisioning.local.packages import Programs, require
from tests.charts import daemons
from tests.charts.daemons import Daemon, command_line
from tests.charts.rendering import parsed, text_of
from tests.charts.values import PASSWORD, release

NEW = "the-new_one-2"
MONITORING = "the-new_exporters-3"
DATABASE = {"password": PASSWORD, "next-password": NEW, "next-monitoring-password": MONITORING}


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return load()


@pytest.fixture(scope="module")
def have() -> Programs:
    try:
        return require(("rabbitmq", "postgresql", "redis"), say=print)
    except MissingPackages as missing:
        pytest.skip(str(missing))


def told(part: str, given: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """What `kubectl exec` would run in the part's container."""
    return subprocess.run(
        ["sh", "-euc", PARTS[part].script],
        input=given,
        text=True,
        capture_output=True,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment},
        timeout=60,
        check=False,
    )


@pytest.fixture
def redis(cluster: Cluster, have: Programs, programs: Path, tmp_path: Path) -> Iterator[Daemon]:
    manifests = parsed(text_of(programs / "helm", release(cluster, "redis")))
    (tmp_path / "redis").mkdir()
    with daemons.redis(manifests, tmp_path / "redis") as running:
        yield running


def redis_environment(daemon: Daemon, folder: Path) -> dict[str, str]:
    """In the container Redis listens on the port that redis-cli asks by itself."""
    folder.mkdir()
    wrapper = folder / "redis-cli"
    wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/redis-cli -p {daemon.port} "$@"\n')
    wrapper.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_redis_takes_both_passwords_until_it_starts_anew_and_a_second_time_is_no_other(
    cluster: Cluster, redis: Daemon, tmp_path: Path
) -> None:
    environment = redis_environment(redis, tmp_path / "programs")
    given = PARTS["redis"].given(cluster, {"password": PASSWORD, "next-password": NEW})
    connected = client.Redis(port=redis.port, password=PASSWORD)
    connected.set("kept", "here")
    for _ in range(2):
        ended = told("redis", given, environment)
        assert ended.returncode == 0, ended.stderr
        assert client.Redis(port=redis.port, password=NEW).get("kept") == b"here"
        assert client.Redis(port=redis.port, password=PASSWORD).ping()
    assert connected.ping()
    with pytest.raises(client.AuthenticationError):
        client.Redis(port=redis.port, password="another").ping()


def test_redis_with_neither_password_is_told_apart_from_one_that_is_away(
    cluster: Cluster, redis: Daemon, tmp_path: Path
) -> None:
    given = PARTS["redis"].given(cluster, {"password": "forgotten", "next-password": "never-set"})
    ended = told("redis", given, redis_environment(redis, tmp_path / "programs"))
    assert ended.returncode == WRONG
    away = told("redis", given, redis_environment(Daemon(daemons.free_port(), 0), tmp_path / "away"))
    assert away.returncode == 1
    assert "refused" in away.stderr
    assert "forgotten" not in ended.stderr + away.stderr


@pytest.fixture
def postgresql(cluster: Cluster, have: Programs, programs: Path) -> Iterator[Daemon]:
    manifests = parsed(text_of(programs / "helm", release(cluster, "postgresql")))
    with daemons.postgresql(manifests, have) as running:
        yield running


def login(daemon: Daemon, user: str, password: str) -> None:
    """Raises `psycopg2.OperationalError`."""
    address = {"host": "127.0.0.1", "port": daemon.port, "dbname": "eco2", "user": user, "password": password}
    with closing(psycopg2.connect(**address)):
        pass


def test_postgresqls_roles_get_their_new_passwords_and_who_is_connected_goes_on(
    cluster: Cluster, postgresql: Daemon
) -> None:
    environment = {
        **{"PGHOST": "127.0.0.1", "PGPORT": str(postgresql.port)},
        **{"POSTGRES_USER": "eco2", "POSTGRES_DB": "eco2"},
    }
    owner = {"host": "127.0.0.1", "port": postgresql.port, "dbname": "eco2", "user": "eco2", "password": PASSWORD}
    with closing(psycopg2.connect(**owner)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("CREATE ROLE eco2_waste LOGIN PASSWORD 'derived-from-the-old-one'")
        given = PARTS["postgresql"].given(cluster, DATABASE)
        for _ in range(2):
            ended = told("postgresql", given, environment)
            assert ended.returncode == 0, ended.stderr
        cursor.execute("SELECT 1")
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'eco2%'")
        assert cursor.fetchone() == (3,), "roles of schemas that are not there are not made"
    login(postgresql, "eco2", NEW)
    login(postgresql, "eco2_monitoring", MONITORING)
    none = {"username": "-", "password": "-"}
    url = backends(cluster, {"postgresql": {"password": NEW}, "rabbitmq": none, "redis": none})
    waste = urlsplit(url["ECO2_DATABASE_URL_WASTE"])
    login(postgresql, str(waste.username), str(waste.password))
    for user, password in (("eco2", PASSWORD), ("eco2_waste", "derived-from-the-old-one")):
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            login(postgresql, user, password)


def test_postgresql_with_neither_password_is_told(cluster: Cluster, postgresql: Daemon) -> None:
    environment = {
        **{"PGHOST": "127.0.0.1", "PGPORT": str(postgresql.port)},
        **{"POSTGRES_USER": "eco2", "POSTGRES_DB": "eco2"},
    }
    given = PARTS["postgresql"].given(cluster, {**DATABASE, "password": "forgotten"})
    ended = told("postgresql", given, environment)
    assert ended.returncode == WRONG
    assert "password authentication failed" in ended.stderr
    login(postgresql, "eco2", PASSWORD)


def test_no_statement_holds_a_password() -> None:
    said = statements({"eco2": NEW, "eco2_monitoring": MONITORING})
    assert NEW not in said
    assert MONITORING not in said
    assert said.count("SCRAM-SHA-256$4096:") == 2


@pytest.mark.long
def test_rabbitmq_takes_its_new_password_and_a_second_time_is_no_other(
    cluster: Cluster, have: Programs, programs: Path, tmp_path: Path
) -> None:
    manifests = parsed(text_of(programs / "helm", release(cluster, "rabbitmq")))
    with daemons.rabbitmq(manifests, have, tmp_path) as running:
        said = Path(f"/proc/{running.pid}/environ").read_text().split("\0")
        environment = dict(each.split("=", 1) for each in said if "=" in each)
        # Debian's own wrapper would go on as another user, with another cookie than this server's.
        assert have.rabbitmq_server is not None
        environment["PATH"] = f"{have.rabbitmq_server.resolve().parent}:{environment['PATH']}"
        given = PARTS["rabbitmq"].given(cluster, {"username": "eco2", "password": PASSWORD, "next-password": NEW})
        for _ in range(2):
            ended = told("rabbitmq", given, environment)
            assert ended.returncode == 0, ended.stdout + ended.stderr
        asked = ["rabbitmqctl", "--quiet", "authenticate_user", "eco2"]
        for password, code in ((NEW, True), (PASSWORD, False)):
            answer = subprocess.run(asked, input=f"{password}\n", text=True, env=environment, capture_output=True)
            assert (answer.returncode == 0) is code
        assert NEW not in command_line(running.pid)
