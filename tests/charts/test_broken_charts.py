"""A chart that helm or the API server refuses, that takes a misspelt value in silence, or is another one each time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from provisioning.cluster.model import Cluster
from tests.charts.rendering import CHARTS, KUBERNETES, Manifest, Release, helm, text_of
from tests.charts.values import ALL, release

Rendered = Callable[[str], list[Manifest]]
FOLDERS = sorted(path.parent.name for path in CHARTS.glob("*/Chart.yaml") if path.parent.name != "monitoring")


@pytest.mark.parametrize("name", ALL)
def test_helm_has_nothing_to_say_against_a_chart(cluster: Cluster, helm: Path, name: str) -> None:
    of = release(cluster, name)

    linted = _helm(helm, "lint", "--strict", str(CHARTS / of.chart), of=of)

    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize("name", ALL)
def test_every_object_is_one_of_this_kubernetes(rendered: Rendered, name: str) -> None:
    for manifest in rendered(name):
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


@pytest.mark.parametrize("name", ALL)
def test_every_object_says_its_namespace(cluster: Cluster, rendered: Rendered, name: str) -> None:
    allowed = {release(cluster, name).namespace, "monitoring"} if name == "edge" else {release(cluster, name).namespace}

    assert {manifest["metadata"]["namespace"] for manifest in rendered(name)} <= allowed


@pytest.mark.parametrize("name", ALL)
def test_a_second_deployment_is_the_same_to_the_byte(cluster: Cluster, helm: Path, name: str) -> None:
    assert text_of(helm, release(cluster, name)) == text_of(helm, release(cluster, name))


@pytest.mark.parametrize("name", ALL)
def test_a_misspelt_value_is_refused(cluster: Cluster, helm: Path, name: str) -> None:
    of = release(cluster, name, replica=3)

    refused = _helm(helm, "template", name, str(CHARTS / of.chart), of=of)

    assert refused.returncode != 0
    assert "'replica' not allowed" in refused.stderr


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("waste", {"domain": "wast"}, "/domain"),
        ("waste", {"image": {"repository": "ghcr.io/x/eco2", "tag": ""}}, "/image/tag"),
        ("waste", {"pictures": {"url": "https://key:word@s3.example/bucket", "cdnUrl": "https://x"}}, "/pictures/url"),
        ("waste", {"pictures": {"url": "", "cdnUrl": "https://x"}}, "/pictures"),
        ("waste", {"resources": {"requests": {"cpu": "0.3", "memory": "448Mi"}}}, "/resources"),
        ("waste", {"config": {"gatway": {}}}, "'gatway' not allowed"),
        ("auth", {"config": {"mail": {"password": "in the open"}}}, "/config/mail/password"),
        ("auth", {"secretSettings": {"ECO2_MAIL_PASSWORD": {"name": "mail", "key": "password"}}}, "/secretSettings"),
        ("waste", {"rollout": {"maxSurge": 0, "maxUnavailable": 0}}, "/rollout"),
        ("storage", {"accessMode": "ReadWriteMany"}, "/accessMode"),
        ("redis", {"replicas": 2}, "/replicas"),
        ("postgresql", {"parameters": {"work_mem": "4MB'\nfsync = 'off"}}, "/parameters/work_mem"),
        ("postgresql", {"backup": {"enabled": True, "bucket": ""}}, "/backup/bucket"),
        ("edge", {"securityGroups": []}, "/securityGroups"),
        ("edge", {"idleTimeoutSeconds": 75}, "/idleTimeoutSeconds"),
    ],
)
def test_a_wrong_value_is_refused_by_its_place(
    cluster: Cluster, helm: Path, name: str, changed: dict[str, Any], said: str
) -> None:
    of = release(cluster, name, **changed)

    refused = _helm(helm, "template", name, str(CHARTS / of.chart), of=of)

    assert refused.returncode != 0
    assert said in refused.stderr


def test_a_gateway_that_takes_the_whole_pod_is_refused(cluster: Cluster, helm: Path) -> None:
    whole = release(cluster, "waste").values["resources"]
    of = release(cluster, "waste", gateway={"resources": whole})

    refused = _helm(helm, "template", "waste", str(CHARTS / "api"), of=of)

    assert "leaves nothing" in refused.stderr


@pytest.mark.parametrize("file", ["_shared.tpl", "_process.tpl"])
def test_what_charts_share_is_the_same_in_each(file: str) -> None:
    texts = {path.read_text(encoding="utf-8") for path in CHARTS.glob(f"*/templates/{file}")}

    assert len(texts) == 1


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_chart_tells_what_it_has_made_and_can_be_tested(folder: str) -> None:
    templates = CHARTS / folder / "templates"

    assert (templates / "NOTES.txt").is_file()
    assert list((templates / "tests").glob("*.yaml"))


def _helm(program: Path, *words: str, of: Release) -> Any:
    return helm(program, *words, values=of.values)
