"""The way back: which revision, what it changes, what it does not take back, and that the next deploy goes forward."""

import json
import re

import pytest

from tests.provisioning.deploy.world import DeployWorld


def image(world: DeployWorld, name: str) -> str:
    found = world.api.get("Deployment", name, "eco2", "apps")
    assert found is not None
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def test_the_way_back_shows_what_it_changes_returns_and_a_deploy_would_go_forward(world: DeployWorld) -> None:
    # Whichever of the two runs: the other one, and back.
    before = image(world, "chat").rpartition(":")[2]
    newer = {"1.0.0": "1.1.0", "1.1.0": "1.0.0"}[before]
    world.deploy("chat", version=newer)
    number = world.history("chat")[-1].number
    ran = world.rollback("chat", yes=True)
    assert ran.code == 0, ran.text
    assert re.search(rf"-> +{number - 1} ", ran.out)
    assert re.search(rf"^\+ +image: \S+:{before}$", ran.out, re.MULTILINE)
    assert image(world, "chat").endswith(f":{before}")
    last = world.history("chat")[-1]
    assert (last.said, last.returned_to, last.tag) == ("deployed", number - 1, before)
    assert world.plan("chat", version=newer).code == 2


@pytest.mark.long
def test_a_schema_that_stays_newer_is_said_and_the_next_deploy_goes_forward(world: DeployWorld) -> None:
    world.deploy("waste", "postgresql", version="1.0.0")
    world.deploy("waste", "postgresql", version="1.1.0")
    ran = world.rollback("waste", yes=True)
    assert ran.code == 0, ran.text
    assert "The schema stays as 1.1.0 has migrated it" in ran.out
    forward = world.deploy("waste", version="1.1.0")
    assert forward.results["waste"]["outcome"] == "upgraded"
    assert image(world, "waste").endswith(":1.1.0")


def test_nobody_agreed_and_nothing_changes(world: DeployWorld) -> None:
    before = len(world.api.mutations())
    ran = world.rollback("rabbitmq")
    if ran.code == 17:
        world.change_template("rabbitmq")
        world.deploy("rabbitmq")
        before = len(world.api.mutations())
        ran = world.rollback("rabbitmq")
    assert ran.code == 22
    assert "roll rabbitmq back from revision" in ran.text
    assert len(world.api.mutations()) == before


def test_a_revision_that_never_was_is_told_with_those_that_are_there(world: DeployWorld) -> None:
    ran = world.rollback("waste", to=99, json=True, yes=True)
    assert ran.code == 17
    error = json.loads(ran.out)["error"]
    assert error["code"] == "E-NO-REVISION"
    assert "there are" in error["message"]


@pytest.mark.long
def test_a_way_back_whose_pods_do_not_start_fails_and_is_told(
    world: DeployWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deploy("recycle", version="1.0.0")
    world.deploy("recycle", version="1.1.0")
    world.api.settings.bad_images.add("eco2:1.0.0")
    monkeypatch.setattr("provisioning.deploy.rollback._READY_S", 4.0)
    ran = world.rollback("recycle", yes=True, json=True)
    assert ran.code == 17
    assert "ImagePullBackOff" in ran.text
    assert ran.results["recycle"]["outcome"] == "failed"
    world.api.settings.bad_images.clear()
    assert world.deploy("recycle", version="1.1.0").code == 0


def test_without_a_name_every_release_is_listed_with_its_revisions(world: DeployWorld) -> None:
    ran = world.rollback(None, json=True)
    assert ran.code == 0
    releases = json.loads(ran.out)["releases"]
    assert {"waste", "postgresql", "monitoring", "edge"} <= set(releases)
    assert releases["waste"][0]["chart"].startswith("api-")
