"""A Redis that comes back without what it knew: no copy of it, half a copy, or one that nobody can put back."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from provisioning.cluster.model import Cluster
from provisioning.local.errors import MissingPackages
from provisioning.local.packages import require
from tests.charts import daemons
from tests.charts.daemons import Daemon
from tests.charts.redis_copies import SECRETS, CutAfter, connected, restored, run, started_on
from tests.charts.rendering import Manifest, parsed, text_of
from tests.charts.values import release

BUCKET = "backups-of-redis"


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    try:
        require(("redis",), say=print)
    except MissingPackages as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def store(cluster: Cluster) -> Iterator[Any]:
    """An S3 with a bucket for backups."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name=cluster.region,
        aws_access_key_id="k",
        aws_secret_access_key="s",
    )
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": cluster.region})
    yield client
    server.stop()


@pytest.fixture(scope="module")
def manifests(cluster: Cluster, helm: Path, store: Any) -> list[Manifest]:
    """Redis with its backups in that S3."""
    deployed = release(cluster, "redis")
    there = {"bucket": BUCKET, "endpoint": store.meta.endpoint_url, "existingSecret": "s3"}
    backup = {**deployed.values["backup"], **there}
    return parsed(text_of(helm, release(cluster, "redis", backup=backup)))


@pytest.fixture
def running(manifests: list[Manifest], tmp_path: Path) -> Iterator[Daemon]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with daemons.redis(manifests, folder) as server:
        connected(server).config_set("repl-diskless-sync-delay", 0)  # else it waits for more who want a copy
        yield server


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch" / "backup"
    folder.mkdir(parents=True)
    return folder


def test_a_new_redis_has_from_the_backup_what_the_old_one_had(
    manifests: list[Manifest], running: Daemon, store: Any, scratch: Path, tmp_path: Path
) -> None:
    old = connected(running)
    old.set("budget", "1200")
    old.set("memory", "a cup", ex=86400)
    old.xadd("progress", {"stage": "vision"}, id="40-0")
    old.zadd("revoked", {"token": 5})
    for index in range(2000):
        old.hset(f"many:{index}", mapping={"korean": "페트병", "number": index})

    copied = run(manifests, "copy", scratch, running.port)
    assert copied.returncode == 0, copied.stdout + copied.stderr
    old.set("budget", "9999")  # after that moment
    sent = run(manifests, "send", scratch)
    assert sent.returncode == 0, sent.stderr
    (kept,) = store.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert re.fullmatch(r"redis/redis-\d{8}T\d{6}Z\.rdb", kept["Key"])
    assert kept["Key"] in sent.stdout
    back = store.get_object(Bucket=BUCKET, Key=kept["Key"])["Body"].read()

    data = tmp_path / "restored" / "data"
    data.mkdir(parents=True)
    done = restored(manifests, data, back)
    assert done.returncode == 0, done.stderr.decode()
    with started_on(manifests, data) as server:
        new = connected(server)
        assert new.dbsize() == 2004
        assert new.get("budget") == "1200"
        assert 0 < new.ttl("memory") <= 86400
        assert new.xrange("progress") == [("40-0", {"stage": "vision"})]
        assert new.zscore("revoked", "token") == 5
        assert new.hgetall("many:1999") == {"korean": "페트병", "number": "1999"}
        assert new.info("persistence")["aof_enabled"] == 1
        new.set("later", "1")
    with started_on(manifests, data) as server:
        assert connected(server).get("later") == "1", "it goes on writing everything down"
        assert connected(server).get("budget") == "1200"


def test_what_redis_had_before_a_restore_is_not_lost_and_not_lost_by_a_second_one(
    manifests: list[Manifest], running: Daemon, scratch: Path, tmp_path: Path
) -> None:
    connected(running).set("of", "the backup")
    assert run(manifests, "copy", scratch, running.port).returncode == 0
    (copy,) = (file.read_bytes() for file in scratch.iterdir())
    data = tmp_path / "other" / "data"
    data.mkdir(parents=True)
    with started_on(manifests, data) as server:
        connected(server).set("of", "now")

    assert restored(manifests, data, copy).returncode == 0
    with started_on(manifests, data) as server:
        assert connected(server).get("of") == "the backup"
    again = restored(manifests, data, copy)
    assert again.returncode != 0
    assert b"delete it first" in again.stderr

    (data / "appendonlydir").rename(tmp_path / "undone")
    (data / "appendonlydir.before").rename(data / "appendonlydir")
    with started_on(manifests, data) as server:
        assert connected(server).get("of") == "now"


def test_half_a_backup_is_refused_and_changes_nothing(
    manifests: list[Manifest], running: Daemon, scratch: Path, tmp_path: Path
) -> None:
    connected(running).set("key", "value" * 1000)
    assert run(manifests, "copy", scratch, running.port).returncode == 0
    (copy,) = (file.read_bytes() for file in scratch.iterdir())
    data = tmp_path / "other" / "data"
    (data / "appendonlydir").mkdir(parents=True)
    flipped = copy[:40] + bytes([copy[40] ^ 1]) + copy[41:]

    for damaged in (copy[:-20], flipped, b"", b"<Error>AccessDenied</Error>"):
        assert restored(manifests, data, damaged).returncode != 0
        assert [one.name for one in data.iterdir()] == ["appendonlydir"]


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_refused_password_ends_without_a_file(
    manifests: list[Manifest], running: Daemon, scratch: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setitem(SECRETS, ("redis-credentials", "password"), password)

    assert run(manifests, "copy", scratch, running.port).returncode != 0
    assert list(scratch.iterdir()) == []


def test_nobody_at_redis_address_ends_without_a_file(manifests: list[Manifest], scratch: Path) -> None:
    assert run(manifests, "copy", scratch, daemons.free_port()).returncode != 0
    assert list(scratch.iterdir()) == []


def test_a_connection_cut_in_the_middle_of_the_copy_ends_without_a_file(
    manifests: list[Manifest], running: Daemon, scratch: Path
) -> None:
    connected(running).set("large", os.urandom(2_000_000))
    with CutAfter(running.port, 500_000) as port:
        assert run(manifests, "copy", scratch, port).returncode != 0
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("number", [0, 2])
def test_a_folder_without_exactly_one_backup_is_not_taken_for_success(
    manifests: list[Manifest], scratch: Path, number: int
) -> None:
    (scratch / ".partial").write_bytes(b"x")
    for index in range(number):
        (scratch / f"redis-{index}.rdb").write_bytes(b"x")

    done = run(manifests, "send", scratch)

    assert done.returncode != 0
    assert f"holds {number} backups" in done.stderr
