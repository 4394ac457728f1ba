"""What a deploy does, and what it leaves alone: from nothing, a second time, with another template or tag."""

import pytest
import yaml

from tests.provisioning.deploy.world import DeployWorld


def test_from_nothing_every_release_is_installed_and_told(world: DeployWorld) -> None:
    assert world.first.code == 0, world.first.text
    results = world.first.results
    assert {"postgresql", "waste", "ai", "monitoring", "eco2-monitoring", "edge"} <= set(results)
    assert {each["outcome"] for each in results.values()} == {"installed"}
    waste = results["waste"]
    assert (waste["before"], waste["after"], waste["tag"]) == (0, 1, "1.0.0")
    assert waste["seconds"] > 0
    assert waste["chart"].startswith("api-")
    assert results["rabbitmq"]["tag"] is None


def test_a_second_time_changes_nothing_and_the_plan_is_empty(world: DeployWorld) -> None:
    before = len(world.api.mutations())
    ran = world.deploy("redis", "edge")
    assert ran.code == 0, ran.text
    assert {name: each["outcome"] for name, each in ran.results.items()} == {"redis": "unchanged", "edge": "unchanged"}
    assert world.plan("redis", "edge").code == 0
    assert len(world.api.mutations()) == before


def test_a_template_that_changed_at_the_same_version_is_planned_with_its_difference_and_deployed(
    world: DeployWorld,
) -> None:
    world.change_template("rabbitmq")
    plan = world.plan("rabbitmq", "redis")
    assert plan.code == 2, plan.text
    assert "upgrade rabbitmq in messaging" in plan.out
    assert "Service/messaging/rabbitmq (then)" in plan.out
    assert "+  - appProtocol: test/amqp" in plan.out
    assert "redis" not in plan.out
    ran = world.deploy("rabbitmq", "redis")
    assert ran.results["rabbitmq"]["outcome"] == "upgraded"
    assert ran.results["redis"]["outcome"] == "unchanged"
    service = world.api.get("Service", "rabbitmq", "messaging")
    assert service is not None
    assert service["spec"]["ports"][0]["appProtocol"] == "test/amqp"


@pytest.mark.long
def test_another_version_reaches_the_releases_that_are_named_and_no_others(world: DeployWorld) -> None:
    world.deploy("waste", "auth")
    ran = world.deploy("waste", version="1.1.0")
    assert ran.code == 0, ran.text
    assert ran.results["waste"]["tag"] == "1.1.0"
    images = {
        name: found["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
        for name in ("waste", "auth")
        if (found := world.api.get("Deployment", name, "eco2", "apps"))
    }
    assert images == {"waste": "1.1.0", "auth": "1.0.0"}


@pytest.mark.long
def test_what_is_told_to_people_is_a_table(world: DeployWorld) -> None:
    ran = world.deploy("edge", "redis", json=False)
    assert ran.code == 0, ran.text
    [edge] = [line for line in ran.out.splitlines() if line.startswith("edge ")]
    assert "unchanged" in edge
    assert "1.0.0" in edge


def test_the_monitoring_goes_alone_and_brings_its_definitions_up_to_the_charts(world: DeployWorld) -> None:
    [crds] = (world.site.folder.parent / "charts").glob("kube-prometheus-stack-*/charts/crds/crds")
    file = crds / "crd-prometheusrules.yaml"
    definition = yaml.safe_load(file.read_text())
    # What a newer chart would have: Helm itself never upgrades what lies in crds/.
    fields = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    fields["addedByATest"] = {"type": "string"}
    file.write_text(yaml.safe_dump(definition))
    world.outside.asked.clear()
    ran = world.deploy_monitoring()
    assert ran.code == 0, ran.text
    assert {name: each["outcome"] for name, each in ran.results.items()} == {
        "monitoring": "upgraded",
        "eco2-monitoring": "unchanged",
    }
    name = "prometheusrules.monitoring.coreos.com"
    found = world.api.get("CustomResourceDefinition", name, group="apiextensions.k8s.io")
    assert found is not None
    assert "addedByATest" in found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    assert world.outside.asked == [], "it has no image of ours, so no registry is asked"
