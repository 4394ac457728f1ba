"""Before anything is sent: is there a cluster, does it answer, is there such a release, was the image ever pushed?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.provisioning.deploy.world import DeployWorld, Ran, ended

COMMANDS: dict[str, Callable[[DeployWorld], Ran]] = {
    "deploy": lambda world: world.deploy(),
    "deploy --plan": lambda world: world.deploy(plan=True),
    "deploy-monitoring": lambda world: world.deploy_monitoring(),
    "deploy.plan": lambda world: world.plan(as_json=True),
    "deploy.rollback waste": lambda world: world.rollback("waste", json=True),
    "deploy.rollback": lambda world: world.rollback(None, json=True),
    "secrets.list": lambda world: world.secrets(as_json=True),
    "secrets.rotate redis": lambda world: world.rotate("redis", json=True),
}


@contextmanager
def without_kubeconfig(world: DeployWorld) -> Iterator[None]:
    aside = world.site.folder / "kubeconfig.aside"
    world.site.kubeconfig.rename(aside)
    try:
        yield
    finally:
        aside.rename(world.site.kubeconfig)


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_cluster_it_says_so_in_one_line_and_in_json(world: DeployWorld, command: str) -> None:
    with without_kubeconfig(world):
        ran = COMMANDS[command](world)
    assert ran.code == 12
    [line] = ran.out.splitlines()
    error = json.loads(line)["error"]
    assert error["code"] == "E-NO-CLUSTER"
    assert "there is no cluster" in error["message"]
    assert ran.err == ""


@pytest.mark.parametrize(
    "command", ["deploy", *(pytest.param(each, marks=pytest.mark.long) for each in ("deploy.plan", "secrets.list"))]
)
def test_an_api_server_that_does_not_answer_is_told_in_bounded_time(world: DeployWorld, command: str) -> None:
    world.api.set_api(up=False)
    ran = COMMANDS[command](world)
    world.api.set_api(up=True)
    assert ran.code == 12
    error = json.loads(ran.out)["error"]
    assert error["code"] == "E-API"
    assert "does not answer" in error["message"]
    assert len(error["message"].splitlines()) == 1


def test_the_front_door_says_it_too(world: DeployWorld) -> None:
    with without_kubeconfig(world):
        ran = ended(world.start("deploy", "--json", module="invoke"))
    assert ran.code == 12
    assert json.loads(ran.out)["error"]["code"] == "E-NO-CLUSTER"


def test_a_release_that_does_not_exist_is_told_with_those_that_do(world: DeployWorld) -> None:
    ran = world.deploy("wast")
    assert ran.code == 15
    assert "there is no release wast" in ran.text
    assert "waste" in ran.text


def test_an_image_that_was_never_pushed_stops_it_before_it_begins(world: DeployWorld) -> None:
    before = len(world.api.mutations())
    ran = world.deploy("waste", "ai", version="9.9.9")
    assert ran.code == 15
    assert "E-IMAGE-MISSING" in ran.text
    assert "eco2:9.9.9" in ran.text
    assert "eco2-worker:9.9.9" in ran.text
    assert len(world.api.mutations()) == before
    plan = world.deploy("waste", version="9.9.9", plan=True)
    assert plan.code == 15


def test_a_registry_that_does_not_answer_stops_nothing(world: DeployWorld) -> None:
    world.outside.hosts.clear()
    ran = world.deploy("edge")
    assert ran.code == 0, ran.text
    assert "was not checked" in ran.text
