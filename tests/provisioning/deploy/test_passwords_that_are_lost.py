"""A rotation that is cut off, refused or forgotten about: no password is ever lost, and a second run ends the first."""

from __future__ import annotations

import json

import pytest

from provisioning.deploy.parts import PARTS, WRONG
from provisioning.kubernetes.rotation import NEXT, PASSWORDS, ROTATED, ROTATING, annotations_of
from provisioning.kubernetes.secrets import decoded
from tests.provisioning.deploy.parts import Containers
from tests.provisioning.deploy.world import DeployWorld


def credentials(world: DeployWorld, part: str) -> dict[str, str]:
    return decoded(secret(world, part))


def secret(world: DeployWorld, part: str) -> dict[str, object]:
    return world.secret(f"{part}-credentials", world.site.cluster.releases[part].namespace)


@pytest.fixture
def containers(world: DeployWorld) -> Containers:
    """The parts as their Secrets say."""
    found = Containers({part: [credentials(world, part)[keys[0]]] for part, keys in PASSWORDS.items()})
    world.api.execute = found.execute
    return found


def test_a_rotation_says_the_outage_first_and_changes_nothing_without_a_yes(
    world: DeployWorld, containers: Containers
) -> None:
    before = len(world.api.mutations())
    plan = world.rotate("monitoring", plan=True)
    assert plan.code == 2, plan.text
    assert "a minute without dashboards" in plan.out
    assert "[hidden]" not in plan.out, "words, and no password"
    assert "known only later" in plan.out
    assert world.rotate("monitoring").code == 22
    assert world.rotate("monitoring", answer="n").code == 22
    assert len(world.api.mutations()) == before
    assert containers.words == []


def test_grafanas_new_password_reaches_its_pod_and_its_secret_and_no_line_of_output(
    world: DeployWorld, containers: Containers
) -> None:
    old = containers.passwords["monitoring"][0]
    ran = world.rotate("monitoring", answer="y")
    assert ran.code == 0, ran.text
    now = credentials(world, "monitoring")
    assert containers.passwords["monitoring"] == [old, now["grafana-password"]]
    assert not [key for key in now if key.startswith(NEXT)]
    assert ROTATING not in annotations_of(secret(world, "monitoring"))
    assert annotations_of(secret(world, "monitoring"))[ROTATED]
    assert not [password for password in containers.passwords["monitoring"] if password in ran.text]
    journal = "".join(path.read_text() for path in (world.site.folder / "runs").iterdir())
    assert not [password for password in containers.passwords["monitoring"] if password in journal]
    assert now["grafana-password"] not in str(containers.words)
    # A deploy finds nothing to do: the restart that the rotation has made is part of what is wanted.
    assert world.plan("monitoring").code == 0
    listed = json.loads(world.secrets(as_json=True).out)["secrets"]
    [told] = [each for each in listed if each["name"] == "monitoring-credentials"]
    assert told["rotated"]
    assert told["rotating"] is None


def test_one_that_was_cut_off_before_the_new_password_was_noted_is_ended_by_the_next(
    world: DeployWorld, containers: Containers
) -> None:
    # The part has its new password; the Secret does not say so yet, and then the API server is gone.
    world.api.faults.add("PUT", "/secrets/monitoring-credentials", code=403, nth=2, times=9)
    ran = world.rotate("monitoring", yes=True)
    assert ran.code == 12
    told = containers.passwords["monitoring"]
    assert len(told) == 2
    halfway = credentials(world, "monitoring")
    assert (halfway["grafana-password"], halfway["next-grafana-password"]) == (told[0], told[1])
    world.api.faults.clear()
    plan = world.rotate("monitoring", plan=True)
    assert "that was begun at" in plan.out
    again = world.rotate("monitoring", yes=True)
    assert again.code == 0, again.text
    # The same new password, and no third one.
    assert containers.passwords["monitoring"] == told
    assert credentials(world, "monitoring")["grafana-password"] == told[1]


@pytest.mark.long
def test_a_part_that_knows_neither_password_keeps_both_in_its_secret_and_the_next_run_goes_on(
    world: DeployWorld, containers: Containers
) -> None:
    containers.broken["monitoring"] = WRONG
    old = credentials(world, "monitoring")["grafana-password"]
    ran = world.rotate("monitoring", yes=True)
    assert ran.code == 12
    assert "E-ROTATION-PASSWORD" in ran.text
    found = credentials(world, "monitoring")
    assert found["grafana-password"] == old
    containers.broken.clear()
    assert world.rotate("monitoring", yes=True).code == 0
    assert credentials(world, "monitoring")["grafana-password"] == found["next-grafana-password"]


@pytest.mark.long
def test_redis_of_which_somebody_has_changed_the_password_by_hand_is_told_and_mended(
    world: DeployWorld, containers: Containers
) -> None:
    world.deploy()
    old = containers.passwords["redis"][0]
    containers.passwords["redis"] = ["changed-by-hand"]
    ran = world.rotate("redis", yes=True)
    assert ran.code == 12
    assert "E-ROTATION-PASSWORD" in ran.text
    assert "WRONGPASS" in ran.text
    assert credentials(world, "redis")["password"] == old
    assert decoded(world.secret("backends", "eco2"))["ECO2_REDIS_URL"].count(old) == 1
    listed = json.loads(world.secrets(as_json=True).out)["secrets"]
    assert [each["name"] for each in listed if each["rotating"]] == ["redis-credentials"]
    # Put right by hand, the same command goes on; services, workers and Redis start anew.
    containers.passwords["redis"] = [old]
    again = world.rotate("redis", yes=True)
    assert again.code == 0, again.text
    new = credentials(world, "redis")["password"]
    assert containers.passwords["redis"] == [old, new]
    assert f":{new}@" in decoded(world.secret("backends", "eco2"))["ECO2_REDIS_URL"]


@pytest.mark.long
def test_a_part_that_does_not_do_it_is_told_in_its_own_words(world: DeployWorld, containers: Containers) -> None:
    containers.broken["monitoring"] = 1
    ran = world.rotate("monitoring", yes=True)
    assert ran.code == 12
    assert "monitoring: it does not do that" in ran.text
    assert len(containers.passwords["monitoring"]) == 1
    containers.broken.clear()
    assert world.rotate("monitoring", yes=True).code == 0


def test_a_rotation_brings_no_other_version_with_it(
    world: DeployWorld, containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECO2_VERSION", "1.1.0")
    ran = world.rotate("rabbitmq", yes=True, json=True)
    assert ran.code == 15
    assert json.loads(ran.out)["error"]["code"] == "E-ROTATION-TREE"
    assert containers.words == []


@pytest.mark.parametrize("releases", [(), ("waste",)])
def test_what_has_no_password_is_told_with_what_has(world: DeployWorld, releases: tuple[str, ...]) -> None:
    ran = world.rotate(*releases, yes=True)
    assert ran.code == 15
    assert "postgresql, rabbitmq, redis, monitoring" in ran.text


@pytest.mark.long
def test_all_at_once_every_password_is_another_and_everything_that_reads_one_has_started_anew(
    world: DeployWorld, containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioning.kubernetes.release_table._READY_S", 60.0)
    world.deploy()
    pods = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in world.api.list("Pod")}
    ran = world.rotate(everything=True, yes=True)
    assert ran.code == 0, ran.text
    for part, keys in PASSWORDS.items():
        old, new = containers.passwords[part]
        assert (credentials(world, part)[keys[0]], new) == (new, new)
        assert old != new
    backends = decoded(world.secret("backends", "eco2"))
    for part, key in (("redis", "ECO2_REDIS_URL"), ("rabbitmq", "ECO2_AMQP_URL")):
        assert f":{containers.passwords[part][1]}@" in backends[key]
    after = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in world.api.list("Pod")}
    kept = {name for name, uid in pods.items() if after.get(name) == uid}
    assert "rabbitmq-0" in kept
    assert not {"redis-0", "postgresql-0"} & kept
    assert not [name for name in kept if name.startswith(("waste-", "storage-0", "ai-0"))]
    assert len(containers.words) == len(PARTS)
    assert world.deploy(plan=True, json=False).code == 0
