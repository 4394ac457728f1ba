"""A deploy that cannot end well: pods that fail, an API server in trouble, a run that is killed, two at once."""

import json
import re
import time

import pytest

from tests.provisioning.deploy.world import DeployWorld, ended, until


def image(world: DeployWorld, name: str) -> str:
    found = world.api.get("Deployment", name, "eco2", "apps")
    assert found is not None
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def test_a_version_whose_pods_do_not_start_is_taken_back_and_the_rest_runs_on(world: DeployWorld) -> None:
    before = world.history("waste")[-1].number
    world.pushed("2.0.0")
    world.api.settings.bad_images.add("eco2:2.0.0")
    ran = world.deploy("waste", "edge", version="2.0.0")
    assert ran.code == 17
    assert "ImagePullBackOff" in ran.text
    assert "rolled back to revision" in ran.text
    assert ran.results["waste"]["outcome"] == "failed"
    assert (ran.results["waste"]["before"], ran.results["waste"]["after"]) == (before, before + 2)
    assert ran.results["edge"]["outcome"] == "not begun"
    world.api.settle()
    assert not image(world, "waste").endswith(":2.0.0")
    # What was rolled back is not what is wanted, so the next one would try again.
    assert world.plan("waste", version="2.0.0").code == 2


@pytest.mark.long
def test_pods_that_are_never_ready_end_it_in_bounded_time_with_the_reason(world: DeployWorld) -> None:
    world.deploy("auth", version="1.0.0")
    world.api.settings.never_ready.add("deployment/auth")
    began = time.monotonic()
    ran = world.deploy("auth", version="1.1.0")
    assert time.monotonic() - began < 60
    assert ran.code == 17
    assert "runs and is not ready" in ran.text
    assert ran.results["auth"]["outcome"] == "failed"


@pytest.mark.long
def test_it_tells_how_many_pods_are_ready_while_it_waits(world: DeployWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provisioning.kubernetes.rollout.LOOK_S", 0.5)
    monkeypatch.setattr("provisioning.kubernetes.release_table._READY_S", 30.0)
    world.deploy("chat", version="1.0.0")
    world.api.settings.pod_ready_after_s = 3.0
    ran = world.deploy("chat", version="1.1.0")
    assert ran.code == 0, ran.text
    assert re.search(r"chat: \d of \d pods ready; chat-\S+ container", ran.text), ran.text


@pytest.mark.parametrize("code", [429, pytest.param(500, marks=pytest.mark.long)])
def test_an_api_server_in_trouble_delays_it_and_changes_nothing_else(
    world: DeployWorld, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioning.kubernetes.release_table._READY_S", 30.0)
    version = {429: "1.1.0", 500: "1.0.0"}[code]  # another one each time, so that there is something to do
    world.api.faults.add("*", "/", code=code, times=2, retry_after_s=1 if code == 429 else None)
    world.api.faults.add("*", "/deployments", code=code, times=1)
    ran = world.deploy("recycle", version=version)
    assert ran.code == 0, ran.text
    assert image(world, "recycle").endswith(f":{version}")


@pytest.mark.long
def test_one_that_was_killed_is_resumed_and_ends_the_same(world: DeployWorld) -> None:
    world.deploy("userinfo", version="1.0.0")
    world.api.settings.pod_ready_after_s = 30.0
    process = world.start("userinfo", version="1.1.0")
    until(lambda: world.history("userinfo")[-1].said.startswith("pending"))
    world.kill_helm()
    process.kill()
    process.wait()
    world.api.settings.pod_ready_after_s = 0.0
    ran = ended(world.start("userinfo", "--resume", version="1.1.0"))
    assert ran.code == 0, ran.text
    assert "nobody works on it" in ran.text
    last = world.history("userinfo")[-1]
    assert (last.said, last.tag) == ("deployed", "1.1.0")


@pytest.mark.long
def test_of_two_at_once_the_second_is_refused_and_says_who_is_at_work(world: DeployWorld) -> None:
    world.deploy("location", version="1.0.0")
    world.api.settings.pod_ready_after_s = 5.0
    process = world.start("location", version="1.1.0")
    until(lambda: world.history("location")[-1].said.startswith("pending"))
    second = world.deploy("location")
    assert second.code == 21
    assert f"process {process.pid}" in second.text
    assert json.loads(second.out)["error"]["code"] == "E-LOCKED"
    world.api.settings.pod_ready_after_s = 0.0
    assert ended(process).code == 0
