"""Data that is lost with a pod, shared by two pods, thrown out of memory, or never copied anywhere."""

from collections.abc import Callable
from pathlib import Path

import pytest

from provisioning.cluster.model import Cluster
from tests.charts.environments import told
from tests.charts.rendering import Manifest, container, named, of_kind, parsed, text_of, workload
from tests.charts.values import DOMAINS, STORES, WORKERS, release

Rendered = Callable[[str], list[Manifest]]
KEEPERS = (*WORKERS, *STORES)
DATA = {
    "storage": "/var/lib/eco2",
    "ai": "/var/lib/eco2",
    "postgresql": "/var/lib/postgresql/data",
    "redis": "/data",
    "rabbitmq": "/var/lib/rabbitmq",
}


@pytest.mark.parametrize("name", KEEPERS)
def test_every_pod_has_a_volume_of_its_own_where_its_data_is(rendered: Rendered, name: str) -> None:
    pod = workload(rendered(name))
    (claim,) = pod.owner["spec"]["volumeClaimTemplates"]
    places = {
        mount["mountPath"]
        for mount in container(pod, name)["volumeMounts"]
        if mount["name"] == claim["metadata"]["name"] and not mount.get("readOnly")
    }

    assert pod.owner["kind"] == "StatefulSet"
    assert places == {DATA[name]}
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]


@pytest.mark.parametrize("name", [*DOMAINS, *KEEPERS])
def test_no_pod_names_a_volume_that_another_could_name_too(rendered: Rendered, name: str) -> None:
    assert of_kind(rendered(name), "PersistentVolumeClaim") == []
    assert not any("persistentVolumeClaim" in volume for volume in workload(rendered(name)).spec["volumes"])


@pytest.mark.parametrize("name", KEEPERS)
def test_a_volume_stays_when_its_release_or_pod_goes(rendered: Rendered, name: str) -> None:
    kept = workload(rendered(name)).owner["spec"]["persistentVolumeClaimRetentionPolicy"]

    assert kept == {"whenDeleted": "Retain", "whenScaled": "Retain"}


@pytest.mark.parametrize("name", KEEPERS)
def test_a_volume_is_its_users_and_files_keep_their_modes(rendered: Rendered, name: str) -> None:
    """Without a group the data cannot be written; changing every file's mode at each start breaks what must be 0600."""
    security = workload(rendered(name)).spec["securityContext"]

    assert security["fsGroup"] == security["runAsGroup"]
    assert security["fsGroupChangePolicy"] == "OnRootMismatch"


def test_the_journal_lies_on_the_volume(rendered: Rendered) -> None:
    for name in WORKERS:
        assert told(container(workload(rendered(name)), name))["ECO2_STATE_DIR"] == DATA[name]


def test_a_storage_class_is_named_when_one_is_wanted(cluster: Cluster, helm: Path, rendered: Rendered) -> None:
    for name in KEEPERS:
        named_one = workload(parsed(text_of(helm, release(cluster, name, storageClassName="gp3"))))
        (claim,) = named_one.owner["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["storageClassName"] == "gp3"
        (default,) = workload(rendered(name)).owner["spec"]["volumeClaimTemplates"]
        assert "storageClassName" not in default["spec"], "an empty name would mean: no class at all"


def test_redis_evicts_nothing_and_writes_everything_down(rendered: Rendered) -> None:
    settings = _settings(named(rendered("redis"), "ConfigMap", "redis-config")["data"]["redis.conf"])

    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["appendonly"] == "yes"
    assert settings["dir"] == DATA["redis"]


def test_redis_and_rabbitmq_stop_taking_before_their_limit_kills_them(rendered: Rendered) -> None:
    redis = container(workload(rendered("redis")), "redis")["resources"]["limits"]["memory"]
    rabbitmq = container(workload(rendered("rabbitmq")), "rabbitmq")["resources"]["limits"]["memory"]
    of_redis = _settings(named(rendered("redis"), "ConfigMap", "redis-config")["data"]["redis.conf"])["maxmemory"]
    conf = named(rendered("rabbitmq"), "ConfigMap", "rabbitmq-config")["data"]["rabbitmq.conf"]
    of_rabbitmq = dict(line.split(" = ") for line in conf.splitlines())["vm_memory_high_watermark.absolute"]

    assert 0.3 < int(of_redis.removesuffix("mb")) / _mebibytes(redis) < 0.7
    assert 0.3 < int(of_rabbitmq.removesuffix("MiB")) / _mebibytes(rabbitmq) < 0.7


def test_postgresql_makes_sure_of_what_it_has_committed(rendered: Rendered) -> None:
    conf = named(rendered("postgresql"), "ConfigMap", "postgresql-config")["data"]["postgresql.conf"]

    assert "fsync = on" in conf
    assert "full_page_writes = on" in conf
    assert "synchronous_commit" not in conf, "on, by default"
    assert "--data-checksums" in told(container(workload(rendered("postgresql")), "postgresql"))["POSTGRES_INITDB_ARGS"]


def _settings(conf: str) -> dict[str, str]:
    lines = (line.split(maxsplit=1) for line in conf.splitlines() if line and not line.startswith("#"))
    return {name: value.strip('"') for name, value in lines}


def _mebibytes(text: str) -> int:
    return int(text[:-2]) * (1024 if text.endswith("Gi") else 1)
