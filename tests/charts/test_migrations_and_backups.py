"""A service that meets a database without its tables, and a backup that is nowhere when it is needed."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import psycopg2
import pytest
from moto.server import ThreadedMotoServer

from provisioning.cluster.model import Cluster
from provisioning.local.errors import MissingPackages
from provisioning.local.packages import Programs, require
from services.kernel.archive import read
from services.kernel.migrations import domains
from services.kernel.roles import url_of
from tests.charts import daemons
from tests.charts.daemons import Daemon
from tests.charts.environments import references, told
from tests.charts.rendering import CHARTS, Manifest, container, named, of_kind, parsed, pods, text_of
from tests.charts.values import ALL, PASSWORD, release

Rendered = Callable[[str], list[Manifest]]
SECRETS = {
    ("postgresql-credentials", "password"): PASSWORD,
    ("s3", "access-key"): "key",
    ("s3", "secret-key"): "secret",
}


@pytest.fixture(scope="module")
def programs() -> Programs:
    try:
        return require(("postgresql",), say=print)
    except MissingPackages as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def database(programs: Programs, rendered: Rendered) -> Iterator[Daemon]:
    with daemons.postgresql(rendered("postgresql"), programs) as running:
        yield running


@pytest.fixture(scope="module")
def migrated(database: Daemon, rendered: Rendered) -> list[subprocess.CompletedProcess[str]]:
    """What two Jobs at once say of a new database in the end: one that fails is started again, as the Job would be."""

    def job(_: int) -> subprocess.CompletedProcess[str]:
        done = migrate(rendered, database)
        return migrate(rendered, database) if done.returncode else done

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(job, range(2)))


def migrate(rendered: Rendered, database: Daemon) -> subprocess.CompletedProcess[str]:
    job = named(rendered("postgresql"), "Job", "postgresql-migrations")
    (one,) = job["spec"]["template"]["spec"]["containers"]
    return run(one, database)


def run(one: Manifest, database: Daemon, *words: str, **told_too: str) -> subprocess.CompletedProcess[str]:
    """The container's command with what it is told, on this machine; `words` replace its arguments."""
    environment = told(one, SECRETS)
    if "ECO2_DATABASE_URL" in environment:
        service = "@postgresql.data.svc:5432/"
        assert service in environment["ECO2_DATABASE_URL"]
        here = environment["ECO2_DATABASE_URL"].replace(service, f"@127.0.0.1:{database.port}/")
        environment["ECO2_DATABASE_URL"] = here
    command = [sys.executable, *(words or one["args"][1:])]
    return subprocess.run(
        command,
        env={**environment, "PATH": os.environ["PATH"], **told_too},
        cwd=CHARTS.parent,
        capture_output=True,
        text=True,
        timeout=110,
    )


def test_the_migrations_are_in_one_release_that_comes_before_the_services(cluster: Cluster, rendered: Rendered) -> None:
    hooks = {
        (name, pod.owner["kind"])
        for name in ALL
        for pod in pods(rendered(name))
        if any("services.kernel.migrations" in one.get("args", []) for one in pod.containers)
    }

    assert hooks == {("postgresql", "Job")}
    job = named(rendered("postgresql"), "Job", "postgresql-migrations")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade"
    assert "before-hook-creation" in job["metadata"]["annotations"]["helm.sh/hook-delete-policy"]


def test_a_new_version_migrates_and_does_not_restart_the_database(cluster: Cluster, helm: Path) -> None:
    def at(tag: str) -> list[Manifest]:
        image = {"repository": cluster.registry.image, "tag": tag}
        return parsed(text_of(helm, release(cluster, "postgresql", application={"image": image})))

    before, after = at("v1"), at("v2")

    assert of_kind(before, "Job") != of_kind(after, "Job")
    assert of_kind(before, "StatefulSet") == of_kind(after, "StatefulSet")


def test_two_migrations_at_once_on_a_new_database_both_end_well(
    migrated: list[subprocess.CompletedProcess[str]],
) -> None:
    assert [(done.returncode, done.stderr) for done in migrated] == [(0, ""), (0, "")]


def test_the_job_makes_every_schema_with_a_role_that_may_use_it(
    database: Daemon, migrated: list[subprocess.CompletedProcess[str]]
) -> None:
    owners = f"postgresql://eco2:{PASSWORD}@127.0.0.1:{database.port}/eco2"
    for domain in domains():
        connection = psycopg2.connect(url_of(owners, domain.schema))
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND has_table_privilege("
                "quote_ident(schemaname) || '.' || quote_ident(tablename), 'INSERT')",
                (domain.schema,),
            )
            assert cursor.fetchone() != (0,), domain.schema
        connection.close()


def test_a_second_run_of_the_job_finds_nothing_to_do(
    rendered: Rendered, database: Daemon, migrated: list[subprocess.CompletedProcess[str]]
) -> None:
    done = migrate(rendered, database)

    assert (done.returncode, done.stdout) == (0, "nothing to do\n")


def test_the_job_says_when_postgresql_is_away_and_is_tried_again(rendered: Rendered) -> None:
    nobody = Daemon(daemons.free_port(), 0)

    assert migrate(rendered, nobody).returncode == 4
    job = named(rendered("postgresql"), "Job", "postgresql-migrations")
    assert job["spec"]["backoffLimit"] > 5
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"


def test_the_nightly_backup_arrives_whole_in_the_bucket(
    cluster: Cluster,
    helm: Path,
    database: Daemon,
    migrated: list[subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        given = {"bucket": "backups", "region": cluster.region, "endpoint": endpoint, "existingSecret": "s3"}
        manifests = parsed(text_of(helm, release(cluster, "postgresql", backup=given)))
        store = boto3.client(
            "s3", endpoint_url=endpoint, region_name=cluster.region, aws_access_key_id="k", aws_secret_access_key="s"
        )
        store.create_bucket(Bucket="backups", CreateBucketConfiguration={"LocationConstraint": cluster.region})
        (pod,) = (pod for pod in pods(manifests) if pod.owner["kind"] == "CronJob")
        program = tmp_path / "send.py"
        program.write_text(named(manifests, "ConfigMap", "postgresql-backup")["data"]["send.py"])

        folder = tmp_path / "backup"
        folder.mkdir()
        copy = container(pod, "copy")
        copied = run(copy, database, *(word.replace("/backup", str(folder)) for word in copy["args"][1:]))
        assert copied.returncode == 0, copied.stderr
        send = container(pod, "send")
        here = {"/etc/eco2/send.py": str(program), "/backup": str(folder)}
        sent = run(send, database, *(here.get(word, word) for word in send["args"][1:]))
        assert sent.returncode == 0, sent.stderr

        (kept,) = store.list_objects_v2(Bucket="backups")["Contents"]
        assert kept["Key"].startswith("postgresql/database-")
        assert kept["Key"] in sent.stdout
        back = tmp_path / "back.dump"
        store.download_file("backups", kept["Key"], str(back))
        assert set(read(back).schemas) == {domain.schema for domain in domains()}
    finally:
        server.stop()


@pytest.mark.parametrize("number", [0, 2])
def test_a_folder_without_exactly_one_backup_is_not_taken_for_success(
    rendered: Rendered, tmp_path: Path, number: int
) -> None:
    (pod,) = (pod for pod in pods(rendered("postgresql")) if pod.owner["kind"] == "CronJob")
    for index in range(number):
        (tmp_path / f"database-{index}.dump").write_bytes(b"x")
    words = [str(CHARTS / "postgresql" / "files" / "send.py"), str(tmp_path), "backups", "postgresql/"]

    done = run(container(pod, "send"), Daemon(0, 0), *words, AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s")

    assert done.returncode != 0
    assert f"holds {number} backups" in done.stderr


def test_a_backup_of_the_nodes_role_asks_for_no_keys(rendered: Rendered) -> None:
    (pod,) = (pod for pod in pods(rendered("postgresql")) if pod.owner["kind"] == "CronJob")

    assert references(container(pod, "send")) == {}
    assert "AWS_ENDPOINT_URL_S3" not in told(container(pod, "send"))


def test_backups_come_into_the_folder_of_the_bucket_that_the_nodes_may_write(
    cluster: Cluster, rendered: Rendered
) -> None:
    (pod,) = (pod for pod in pods(rendered("postgresql")) if pod.owner["kind"] == "CronJob")
    prefix = container(pod, "send")["args"][-1]

    assert prefix in cluster.buckets.backups.expiring
    iam = (CHARTS.parent / "provisioning" / "terraform" / "iam_nodes.tf").read_text(encoding="utf-8")
    assert f"${{local.buckets.backups.arn}}/{prefix}*" in iam


def test_one_backup_at_a_time_and_without_backups_nothing_of_them(
    cluster: Cluster, helm: Path, rendered: Rendered
) -> None:
    (job,) = of_kind(rendered("postgresql"), "CronJob")
    without = parsed(text_of(helm, release(cluster, "postgresql", backup={"enabled": False})))

    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert of_kind(without, "CronJob") == []
    assert "postgresql-backup" not in {one["metadata"]["name"] for one in without}
