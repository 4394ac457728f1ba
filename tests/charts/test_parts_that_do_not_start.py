"""Redis, PostgreSQL or RabbitMQ that does not start with what its chart gives it, or starts without a password.

The programs are this machine's; their versions are older than the images', and the settings are the same.
"""

import subprocess
import urllib.request
from collections.abc import Callable, Iterator

import psycopg2
import pytest
import redis as client

from provisioning.local.errors import MissingPackages
from provisioning.local.packages import Programs, require
from services.kernel.broker import reach
from tests.charts import daemons
from tests.charts.daemons import Daemon, command_line
from tests.charts.rendering import Manifest, container, pods, workload
from tests.charts.values import PASSWORD

Rendered = Callable[[str], list[Manifest]]


@pytest.fixture(scope="module")
def programs() -> Programs:
    try:
        return require(("rabbitmq", "postgresql", "redis"), say=print)
    except MissingPackages as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def redis(programs: Programs, rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemons.redis(rendered("redis"), tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="module")
def rabbitmq(programs: Programs, rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemons.rabbitmq(rendered("rabbitmq"), programs, tmp_path_factory.mktemp("rabbitmq")) as running:
        yield running


def test_redis_takes_the_password_of_the_secret_and_no_command_line_has_it(redis: Daemon) -> None:
    with pytest.raises(client.AuthenticationError):
        client.Redis(port=redis.port).ping()

    assert client.Redis(port=redis.port, password=PASSWORD).ping()
    assert PASSWORD not in command_line(redis.pid)


def test_redis_runs_with_what_the_chart_says(redis: Daemon) -> None:
    connection = client.Redis(port=redis.port, password=PASSWORD, decode_responses=True)

    assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert connection.config_get("appendonly") == {"appendonly": "yes"}
    assert int(connection.config_get("maxmemory")["maxmemory"] or 0) > 512 * 1024 * 1024


@pytest.mark.parametrize(("password", "code"), [(PASSWORD, 0), ("another", 1)])
def test_the_probe_of_redis_wants_its_answer(rendered: Rendered, redis: Daemon, password: str, code: int) -> None:
    probe = container(workload(rendered("redis")), "redis")["readinessProbe"]["exec"]["command"]
    asked = [word.replace("redis-cli", f"redis-cli -p {redis.port}") for word in probe]

    answered = subprocess.run(asked, env={"PATH": "/usr/bin:/bin", "REDISCLI_AUTH": password}, capture_output=True)

    assert answered.returncode == code


def test_rabbitmq_takes_the_user_of_the_secret_and_no_guest(rabbitmq: Daemon) -> None:
    reach(f"amqp://eco2:{PASSWORD}@127.0.0.1:{rabbitmq.port}//")

    with pytest.raises(Exception, match=r"403|ACCESS_REFUSED"):
        reach(f"amqp://guest:guest@127.0.0.1:{rabbitmq.port}//")
    assert PASSWORD not in command_line(rabbitmq.pid)


def test_rabbitmq_tells_its_metrics(rabbitmq: Daemon) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{rabbitmq.metrics_port}/metrics", timeout=10) as answer:
        assert b"rabbitmq_queues" in answer.read()


def test_the_chart_test_of_rabbitmq_passes_only_where_rabbitmq_answers(rendered: Rendered, rabbitmq: Daemon) -> None:
    (test,) = (pod for pod in pods(rendered("rabbitmq")) if pod.owner["kind"] == "Pod")
    (one,) = test.spec["containers"]

    def asks(port: int) -> int:
        command = [word.replace("/5672", f"/{port}") for word in one["command"]]
        return subprocess.run([*command, "127.0.0.1"], capture_output=True, timeout=30).returncode

    assert asks(rabbitmq.port) == 0
    assert asks(daemons.free_port()) != 0


def test_the_script_of_postgresqls_first_start_is_run_and_not_taken_into_the_images_shell(rendered: Rendered) -> None:
    pod = workload(rendered("postgresql")).spec
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    (volume,) = (one for one in pod["volumes"] if one["name"] == mounts["/docker-entrypoint-initdb.d"])

    assert volume["configMap"]["defaultMode"] & 0o111 == 0o111
    assert [item["path"] for item in volume["configMap"]["items"]] == ["monitoring.sh"]


def test_postgresql_starts_and_shows_the_exporter_statistics_and_no_data(
    programs: Programs, rendered: Rendered
) -> None:
    with daemons.postgresql(rendered("postgresql"), programs) as running:
        owner = psycopg2.connect(f"postgresql://eco2:{PASSWORD}@127.0.0.1:{running.port}/eco2")
        with owner, owner.cursor() as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT 1 AS one")
            cursor.execute(
                "SELECT name, setting FROM pg_settings WHERE name IN ('max_connections', 'data_checksums', 'jit')"
            )
            assert dict(cursor.fetchall()) == {"max_connections": "200", "data_checksums": "on", "jit": "off"}
        owner.close()
        exporter = psycopg2.connect(f"postgresql://eco2_monitoring:{PASSWORD}m@127.0.0.1:{running.port}/eco2")
        with exporter, exporter.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query IS NOT NULL")
            assert cursor.fetchone()
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("SELECT * FROM kept")
        exporter.close()
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(f"postgresql://eco2:wrong@127.0.0.1:{running.port}/eco2")
        assert PASSWORD not in command_line(running.pid)
