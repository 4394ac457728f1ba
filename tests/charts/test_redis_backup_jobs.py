"""The Job that backs up Redis: it reaches too much or too little, says the password, or the manual tells it wrongly."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from provisioning.cluster.model import Cluster
from tests.charts.environments import references, told
from tests.charts.policies import Network, Peer
from tests.charts.redis_copies import job
from tests.charts.rendering import CHARTS, Manifest, Pod, container, named, of_kind, parsed, pods, text_of, workload
from tests.charts.restricted import violations
from tests.charts.values import release

Rendered = Callable[[str], list[Manifest]]
OPERATIONS = CHARTS.parent / "docs" / "operations.md"


def test_every_chart_sends_its_backups_by_the_same_program() -> None:
    copies = [path.read_bytes() for path in CHARTS.glob("*/files/send.py")]

    assert len(copies) == 2
    assert len(set(copies)) == 1


def test_the_password_comes_from_the_secret_and_stands_in_no_command(rendered: Rendered) -> None:
    copy = container(job(rendered("redis")), "copy")

    assert references(copy) == {"REDISCLI_AUTH": ("redis-credentials", "password")}
    assert not any("AUTH" in word or "password" in word for word in copy["command"])


def test_only_an_s3_that_the_role_does_not_open_is_told_keys(cluster: Cluster, helm: Path, rendered: Rendered) -> None:
    backup = {**release(cluster, "redis").values["backup"], "endpoint": "https://s3.example", "existingSecret": "s3"}
    given = container(job(parsed(text_of(helm, release(cluster, "redis", backup=backup)))), "send")
    by_role = container(job(rendered("redis")), "send")

    assert references(given) == {
        "AWS_ACCESS_KEY_ID": ("s3", "access-key"),
        "AWS_SECRET_ACCESS_KEY": ("s3", "secret-key"),
    }
    assert told(given)["AWS_ENDPOINT_URL_S3"] == "https://s3.example"
    assert references(by_role) == {}
    assert "AWS_ENDPOINT_URL_S3" not in told(by_role)


def test_backups_come_into_the_folder_of_the_bucket_that_redis_node_may_write(
    cluster: Cluster, rendered: Rendered
) -> None:
    prefix = container(job(rendered("redis")), "send")["args"][-1]

    assert prefix in cluster.buckets.backups.expiring
    iam = (CHARTS.parent / "provisioning" / "terraform" / "iam_nodes.tf").read_text(encoding="utf-8")
    assert f"${{local.buckets.backups.arn}}/{prefix}*" in iam


def test_the_job_is_restricted_and_runs_beside_redis_one_at_a_time(rendered: Rendered) -> None:
    pod, main = job(rendered("redis")), workload(rendered("redis"))

    assert violations(pod) == []
    assert pod.owner["spec"]["concurrencyPolicy"] == "Forbid"
    for where in ("nodeSelector", "tolerations"):
        assert pod.spec[where] == main.spec[where]
    for service in of_kind(rendered("redis"), "Service"):
        assert not service["spec"]["selector"].items() <= dict(pod.labels).items()


def test_the_job_reaches_redis_and_the_store_and_nobody_else(rendered: Rendered) -> None:
    network = Network(of_kind(rendered("redis"), "NetworkPolicy"))
    server, its_job = peer(workload(rendered("redis"))), peer(job(rendered("redis")))
    (test,) = (peer(pod) for pod in pods(rendered("redis")) if pod.owner["kind"] == "Pod")
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
        text_of(helm, release(cluster, "redis", application={"image": image}))


def test_the_pod_of_the_manual_fits_the_chart(rendered: Rendered) -> None:
    """The restore as docs/operations.md tells it."""
    section = OPERATIONS.read_text(encoding="utf-8").partition("### Redis: restore")[2].partition("\n## ")[0]
    (text,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    manifest = yaml.safe_load(text)
    pod, main = Pod(manifest, manifest["spec"], manifest["metadata"]["labels"]), workload(rendered("redis"))
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
    assert "restore.sh" in named(rendered("redis"), "ConfigMap", mounted["/etc/eco2"]["configMap"]["name"])["data"]
    assert "sh /etc/eco2/restore.sh /data" in section
