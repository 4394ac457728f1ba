"""A plan shows every line that would differ, and no content of a Secret."""

import json

import pytest

from provisioning.kubernetes.secrets import decoded
from tests.provisioning.deploy.world import DeployWorld


def test_a_plan_before_the_first_deploy_shows_every_object_and_secret_that_would_be_made(world: DeployWorld) -> None:
    assert world.planned.code == 2, world.planned.text
    said = json.loads(world.planned.out)
    found = {each["name"]: each for each in said["releases"]}
    assert {(each["status"], each["revision"]) for each in found.values()} == {("missing", 0)}
    assert "+++ StatefulSet/data/redis (then)" in found["redis"]["diff"]
    # Kinds that the API server learns of by this very release, or by one before it.
    assert "+++ Prometheus/monitoring/monitoring-prometheus (then)" in found["monitoring"]["diff"]
    assert "+++ PrometheusRule/" in found["eco2-monitoring"]["diff"]
    assert "data" in said["namespaces"]
    assert {"namespace": "data", "name": "redis-credentials", "origin": "with random passwords"} in said["secrets"]


def test_no_password_is_in_a_plan_in_which_everything_changes(
    world: DeployWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-key-that-nobody-may-see")
    monkeypatch.setenv("GHCR_TOKEN", "ghp-a-token-that-nobody-may-see")
    plan = world.plan("waste", "postgresql", "redis", "rabbitmq", version="1.2.0", as_json=True)
    assert plan.code == 2, plan.text
    said = json.loads(plan.out)
    assert {"namespace": "eco2", "name": "openai", "origin": "from your environment"} in said["secrets"]
    diffs = {each["name"]: each["diff"] for each in said["releases"]}
    assert "eco2:1.2.0" in diffs["waste"]
    hidden = ["that-nobody-may-see"]
    for name in ("postgresql", "rabbitmq", "redis"):
        where = world.site.cluster.releases[name].namespace
        hidden += [value for value in decoded(world.secret(f"{name}-credentials", where)).values() if len(value) > 8]
    hidden += decoded(world.secret("backends", "eco2")).values()
    assert len(hidden) > 10
    assert not [value for value in hidden if value in plan.text]


@pytest.mark.long
def test_a_secret_that_was_lost_is_planned(world: DeployWorld) -> None:
    found = world.secret("backends", "eco2")
    world.api.store.remove("secrets", found)
    plan = world.plan("waste")
    assert plan.code == 2
    assert "make the Secret backends in eco2" in plan.out
    assert world.deploy().code == 0
