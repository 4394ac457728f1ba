"""A Redis that comes back without what it knew: no copy of it, half a copy, or one that nobody can put back."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import redis
import yaml
from moto.server import ThreadedMotoServer

from provisioning.cluster.model import Cluster
from provisioning.local.errors import MissingPackages
from provisioning.local.packages import require
from tests.charts import daemons
from tests.charts.daemons import Daemon
from tests.charts.environments import references, told
from tests.charts.policies import Network, Peer
from tests.charts.rendering import CHARTS, Manifest, Pod, container, named, of_kind, parsed, pods, text_of, workload
from tests.charts.restricted import violations
from tests.charts.values import PASSWORD, release

Rendered = Callable[[str], list[Manifest]]
SECRETS = {("redis-credentials", "password"): PASSWORD, ("s3", "access-key"): "key", ("s3", "secret-key"): "secret"}
OPERATIONS = CHARTS.parent / "docs" / "operations.md"


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    try:
        require(("redis",), say=print)
    except MissingPackages as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def store(cluster: Cluster) -> Iterator[Any]:
    """An S3 with the bucket ``backups``."""
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
    client.create_bucket(Bucket="backups", CreateBucketConfiguration={"LocationConstraint": cluster.region})
    yield client
    server.stop()


@pytest.fixture(scope="module")
def manifests(cluster: Cluster, helm: Path, store: Any) -> list[Manifest]:
    """Redis with a backup into that bucket."""
    return parsed(
        text_of(helm, with_backup(cluster, endpoint=store.meta.endpoint_url, existingSecret="s3", prefix="redis/"))
    )


@pytest.fixture(scope="module")
def by_role(cluster: Cluster, helm: Path) -> list[Manifest]:
    """The same, where the node's role opens the bucket."""
    return parsed(text_of(helm, with_backup(cluster, prefix="redis/")))


def with_backup(cluster: Cluster, **backup: str) -> Any:
    return release(
        cluster,
        "redis",
        application={"image": {"repository": cluster.registry.image, "tag": "v1"}},
        backup={"bucket": "backups", "region": cluster.region, **backup},
    )


@pytest.fixture
def running(manifests: list[Manifest], tmp_path: Path) -> Iterator[Daemon]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with daemons.redis(manifests, folder) as server:
        connected(server).config_set("repl-diskless-sync-delay", 0)  # else it waits for more who want a copy
        yield server


def connected(server: Daemon) -> redis.Redis:
    return redis.Redis(port=server.port, password=PASSWORD, decode_responses=True)


def job(manifests: list[Manifest]) -> Pod:
    (found,) = (pod for pod in pods(manifests) if pod.owner["kind"] == "CronJob")
    return found


def programs(manifests: list[Manifest], folder: Path) -> Path:
    """What the ConfigMap brings, as the pod has it."""
    made = folder / "programs"
    made.mkdir(exist_ok=True)
    for name, text in named(manifests, "ConfigMap", "redis-backup")["data"].items():
        (made / name).write_text(text, encoding="utf-8")
    return made


def run(manifests: list[Manifest], name: str, folder: Path, port: int = 0) -> subprocess.CompletedProcess[str]:
    """A container of the Job with its own command, on this machine."""
    one = container(job(manifests), name)
    here = {
        "/backup": str(folder),
        "redis.data.svc": "127.0.0.1",
        "6379": str(port),
        "python": sys.executable,
    }
    words = [
        here.get(word, word).replace("/etc/eco2", str(programs(manifests, folder.parent))) for word in one["command"]
    ]
    environment = {**told(one, SECRETS), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)


def restored(manifests: list[Manifest], data: Path, copy: bytes) -> subprocess.CompletedProcess[bytes]:
    """By the program that docs/operations.md calls."""
    script = programs(manifests, data.parent) / "restore.sh"
    return subprocess.run(["sh", str(script), str(data)], input=copy, capture_output=True, timeout=60)


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
    (kept,) = store.list_objects_v2(Bucket="backups")["Contents"]
    assert re.fullmatch(r"redis/redis-\d{8}T\d{6}Z\.rdb", kept["Key"])
    assert kept["Key"] in sent.stdout
    back = store.get_object(Bucket="backups", Key=kept["Key"])["Body"].read()

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


def started_on(manifests: list[Manifest], data: Path) -> Any:
    """Redis as the chart starts it, with its data in a folder that is there already."""
    folder = Path(f"{data}-run-{len(list(data.parent.iterdir()))}")
    folder.mkdir()
    (folder / "data").symlink_to(data)
    return daemons.redis(manifests, folder)


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
    with cut_after(running.port, 500_000) as port:
        assert run(manifests, "copy", scratch, port).returncode != 0
    assert list(scratch.iterdir()) == []


class cut_after:
    """A way to Redis that breaks off after so many bytes of its answer."""

    def __init__(self, port: int, limit: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.limit = port, limit
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    def _serve(self) -> None:
        near, _ = self.listener.accept()
        with near, socket.create_connection(("127.0.0.1", self.port)) as far:
            asking = threading.Thread(target=self._copy, args=(near, far, sys.maxsize), daemon=True)
            asking.start()
            self._copy(far, near, self.limit)
            for end in (near, far):
                end.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket, limit: int) -> None:
        try:
            while limit > 0 and (data := source.recv(min(65536, limit))):
                target.sendall(data)
                limit -= len(data)
        except OSError:
            pass


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


def test_every_chart_sends_its_backups_by_the_same_program() -> None:
    copies = [path.read_bytes() for path in CHARTS.glob("*/files/send.py")]

    assert len(copies) == 2
    assert len(set(copies)) == 1


def test_the_password_comes_from_the_secret_and_stands_in_no_command(manifests: list[Manifest]) -> None:
    copy = container(job(manifests), "copy")

    assert references(copy) == {"REDISCLI_AUTH": ("redis-credentials", "password")}
    assert not any("AUTH" in word or "password" in word for word in copy["command"])
    assert references(container(job(manifests), "send")).keys() == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def test_a_backup_of_the_nodes_role_asks_for_no_keys(by_role: list[Manifest]) -> None:
    assert references(container(job(by_role), "send")) == {}
    assert "AWS_ENDPOINT_URL_S3" not in told(container(job(by_role), "send"))


def test_the_job_is_restricted_and_runs_beside_redis_one_at_a_time(by_role: list[Manifest]) -> None:
    pod, main = job(by_role), workload(by_role)

    assert violations(pod) == []
    assert pod.owner["spec"]["concurrencyPolicy"] == "Forbid"
    for where in ("nodeSelector", "tolerations"):
        assert pod.spec[where] == main.spec[where]
    for service in of_kind(by_role, "Service"):
        assert not service["spec"]["selector"].items() <= dict(pod.labels).items()


def test_the_job_reaches_redis_and_the_store_and_nobody_else(rendered: Rendered, by_role: list[Manifest]) -> None:
    network = Network(of_kind(by_role, "NetworkPolicy"))
    server, its_job = peer(workload(by_role)), peer(job(by_role))
    (test,) = (peer(pod) for pod in pods(by_role) if pod.owner["kind"] == "Pod")
    internet, metadata = Peer(address="52.219.60.1"), Peer(address="169.254.169.254")
    dns = Peer("kube-system", {"k8s-app": "kube-dns"}, {"dns": 53})

    assert network.allows(its_job, server, 6379)
    assert network.allows(test, server, 6379)
    assert network.allows(its_job, dns, 53, "UDP")
    for outside, port in ((internet, 443), (metadata, 80)):
        assert network.allows(its_job, outside, port)
        assert not network.allows(test, outside, port)
    assert not network.allows(its_job, Peer(address="10.0.1.77"), 443)
    assert not network.allows(its_job, server, 9121)
    assert not network.allows(server, internet, 443)


def peer(pod: Pod) -> Peer:
    ports = {port["name"]: port["containerPort"] for one in pod.containers for port in one.get("ports", [])}
    return Peer(pod.owner["metadata"]["namespace"], pod.labels, ports)


def test_without_a_bucket_there_is_nothing_of_backups(cluster: Cluster, helm: Path) -> None:
    without = parsed(text_of(helm, release(cluster, "redis", backup={"bucket": ""})))

    assert of_kind(without, "CronJob") == []
    assert not any(manifest["metadata"]["name"] == "redis-backup" for manifest in without)


def test_a_backup_without_the_image_that_sends_it_is_refused(cluster: Cluster, helm: Path) -> None:
    image = {"repository": cluster.registry.image, "tag": ""}

    with pytest.raises(AssertionError, match="/application/image/tag"):
        text_of(
            helm,
            release(
                cluster,
                "redis",
                application={"image": image},
                backup={"bucket": "backups", "region": cluster.region},
            ),
        )


def test_the_pod_of_the_manual_fits_the_chart(by_role: list[Manifest]) -> None:
    """The restore as docs/operations.md tells it."""
    section = OPERATIONS.read_text(encoding="utf-8").partition("### Redis: restore")[2].partition("\n## ")[0]
    (text,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    manifest = yaml.safe_load(text)
    pod, main = Pod(manifest, manifest["spec"], manifest["metadata"]["labels"]), workload(by_role)
    (one,) = pod.spec["containers"]
    (claim,) = main.owner["spec"]["volumeClaimTemplates"]
    volumes = {volume["name"]: volume for volume in pod.spec["volumes"]}
    mounted = {mount["mountPath"]: volumes[mount["name"]] for mount in one["volumeMounts"]}

    assert violations(pod) == []
    assert manifest["metadata"]["namespace"] == main.owner["metadata"]["namespace"]
    assert one["image"] == container(main, "redis")["image"]
    assert {key: pod.spec[key] for key in ("nodeSelector", "tolerations", "securityContext")} == {
        key: main.spec[key] for key in ("nodeSelector", "tolerations", "securityContext")
    }
    assert mounted["/data"]["persistentVolumeClaim"]["claimName"] == f"{claim['metadata']['name']}-redis-0"
    assert "restore.sh" in named(by_role, "ConfigMap", mounted["/etc/eco2"]["configMap"]["name"])["data"]
    assert "sh /etc/eco2/restore.sh /data" in section
