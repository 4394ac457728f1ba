"""The same fears with the real terraform, where this machine has it and providers that need no cloud."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from provisioning.phases.terraform import TerraformApply
from provisioning.run import ExitCode, Options, Retry
from provisioning.site import REPOSITORY, Site
from provisioning.terraform.host_keys import ensure
from provisioning.terraform.runner import Terraform
from tests.doubles.aws import AwsAccount
from tests.provisioning.phases.clouds import Heard, Ran, perform, site
from tests.provisioning.terraform.conftest import simulated, simulator, terraform  # noqa: F401 - fixtures
from tests.provisioning.terraform.workspace import LONGEST_S, OPERATOR, copied

pytestmark = [pytest.mark.long, pytest.mark.timeout(LONGEST_S)]

YES = Options(yes=True)
DRIVER = """
import sys
from pathlib import Path
from provisioning.cluster import load
from provisioning.phases.terraform import TerraformApply
from provisioning.run import Command, Options
from provisioning.site import Site
from provisioning.terraform.runner import Terraform
file, folder, configuration, resume = *map(Path, sys.argv[1:4]), sys.argv[4] == "resume"
site = Site(load(file), file, folder)
phases = [TerraformApply(site, Terraform(site, configuration))]
command = Command(("./inv", "rebuild"), site.cluster.name, phases, folder)
sys.exit(int(command.perform(Options(yes=True, resume=resume))))
"""


@dataclass
class World:
    """The operator's site, a copy of the HCL, and the simulated account behind the provider."""

    site: Site
    configuration: Path
    file: Path
    faults: Path

    @property
    def terraform(self) -> Terraform:
        return Terraform(self.site, self.configuration)

    def apply(self, options: Options = YES) -> Ran:
        phase = TerraformApply(self.site, self.terraform)
        phase.retry = Retry(attempts=2, first_s=0.01)
        return perform(self.site, [phase], options)

    def drive(self, how: str = "new") -> subprocess.Popen[str]:
        words = [str(path) for path in (self.site.cluster_file, self.site.folder, self.configuration)]
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, *words, how],
            cwd=REPOSITORY,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def tell(self, **faults: Any) -> None:
        self.faults.write_text(json.dumps(faults))

    def machines(self) -> list[str]:
        """Names of the instances that stand, one that was made twice twice."""
        try:
            found = json.loads(self.file.read_text())["resources"].values()
        except (FileNotFoundError, ValueError):
            return []
        return sorted(each["attrs"]["tags"]["Name"] for each in found if each["type"] == "aws_instance")


@pytest.fixture
def world(
    tmp_path: Path,
    simulated: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    made = World(site(tmp_path), copied(tmp_path), tmp_path / "world.json", tmp_path / "faults.json")
    made.tell()
    with AwsAccount() as account:
        for name in [name for name in os.environ if name.startswith(("AWS_", "TF_"))]:
            monkeypatch.delenv(name)
        variables = {
            **account.environment(),
            "TF_CLI_CONFIG_FILE": str(simulated),
            "TF_VAR_ssh_public_key": OPERATOR,
            "AWS_SIM_WORLD": str(made.file),
            "AWS_SIM_FAULTS": str(made.faults),
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield made


def until(wanted: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST_S / 4
    while not wanted():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def test_an_apply_leaves_nothing_to_do_and_no_private_key_anywhere(world: World, tmp_path: Path) -> None:
    ran = world.apply()
    assert ran.code is ExitCode.DONE, ran.text
    assert "Creation complete after" in ran.out
    assert world.machines() == sorted(world.site.nodes)
    assert set(world.site.machines()) == set(world.site.nodes)
    assert world.apply(Options(plan=True)).code is ExitCode.DONE

    keys = ensure(world.site.host_keys, world.site.nodes).private
    secrets = [line for key in keys.values() for line in key.splitlines()[3:-1] if line]
    files = [path for path in tmp_path.rglob("*") if path.is_file() and world.site.host_keys not in path.parents]
    texts = [path.read_bytes() for path in files if "registry.terraform.io" not in path.parts]
    assert [secret for secret in secrets for text in texts if secret.encode() in text] == []


def test_a_quota_that_ends_at_the_ninth_machine_is_named_and_a_resumed_run_makes_the_rest(world: World) -> None:
    world.tell(faults=[{"type": "aws_instance", "max_live": 8, "error": "VcpuLimitExceeded"}])
    ran = world.apply()
    assert ran.code is ExitCode.CLOUD
    assert "E-VCPU-QUOTA" in ran.text
    assert len(world.machines()) == 8

    world.tell()
    ran = world.apply(Options(yes=True, resume=True))
    assert ran.code is ExitCode.DONE, ran.text
    assert world.machines() == sorted(world.site.nodes)


def test_a_quota_that_is_too_small_is_known_in_the_plan(world: World) -> None:
    small = {"match": {"quota_code": "L-1216C47A"}, "set": {"value": 16}}
    world.tell(data={"aws_servicequotas_service_quota": [small]})
    ran = world.apply(Options(plan=True))
    assert ran.code is ExitCode.CLOUD
    assert "E-VCPU-QUOTA" in ran.text
    assert world.machines() == []


@pytest.mark.parametrize(
    ("kind", "error"),
    [("aws_iam_role", "EntityAlreadyExists"), ("aws_key_pair", "InvalidKeyPair.Duplicate")],
)
def test_a_name_that_is_taken_is_named(world: World, kind: str, error: str) -> None:
    world.tell(faults=[{"type": kind, "nth": 1, "error": error}])
    ran = world.apply()
    assert ran.code is ExitCode.CLOUD
    assert "E-NAME-TAKEN" in ran.text
    assert error in ran.text


def test_throttling_is_tried_again(world: World) -> None:
    world.tell(faults=[{"type": "aws_vpc", "nth": 1, "error": "RequestLimitExceeded"}])
    ran = world.apply()
    assert ran.code is ExitCode.DONE, ran.text


def test_a_bucket_whose_state_is_lost_is_adopted(world: World) -> None:
    world.tell(faults=[{"type": "aws_vpc", "error": "AccessDenied"}])
    assert world.apply().code is ExitCode.CLOUD
    (world.site.terraform / "terraform.tfstate").unlink()
    world.tell()
    s3, name = boto3.client("s3"), f"{world.site.cluster.buckets.images.name}-123456789012"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": world.site.cluster.region})
    tag = {"Key": f"kubernetes.io/cluster/{world.site.cluster.name}", "Value": "owned"}
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [tag]})
    planned = world.apply(Options(plan=True))
    assert f"adopt aws_s3_bucket {name}" in planned.text


def test_a_killed_run_leaves_terraform_to_finish_and_the_next_one_waits_for_it(world: World) -> None:
    world.tell(delay_ms={"aws_instance.create": 1500})
    killed = world.drive()
    until(lambda: len(world.machines()) >= 1)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=10)

    resumed = world.drive("resume")
    said, _ = resumed.communicate(timeout=LONGEST_S / 2)
    assert resumed.returncode == 0, said
    assert "Terraform of an earlier run is still at work" in said
    assert world.machines() == sorted(world.site.nodes)


def test_ctrl_c_loses_nothing_that_was_begun(world: World) -> None:
    world.tell(delay_ms={"aws_instance.create": 1000})
    stopped = world.drive()
    until(lambda: len(world.machines()) >= 1)
    stopped.send_signal(signal.SIGINT)
    said, _ = stopped.communicate(timeout=LONGEST_S / 2)
    assert stopped.returncode == ExitCode.INTERRUPTED, said
    begun = world.machines()

    ran = world.apply(Options(yes=True, resume=True))
    assert ran.code is ExitCode.DONE, ran.text
    assert world.machines() == sorted(world.site.nodes)
    assert set(begun) <= set(world.site.nodes)


def test_providers_that_cannot_be_had_are_said_so(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = tmp_path / "empty"
    (tmp_path / "nothing").mkdir()
    settings.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{tmp_path / "nothing"}"\n  }}\n}}\n'
    )
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(settings))
    ran = world.apply(Options(plan=True))
    assert ran.code is ExitCode.CONFIGURATION
    assert "E-TERRAFORM-INIT" in ran.text


def test_a_cluster_folder_that_was_moved_keeps_its_state(world: World) -> None:
    assert world.apply().code is ExitCode.DONE
    moved = world.site.folder.rename(world.site.folder.with_name("moved"))
    elsewhere = Site(world.site.cluster, world.site.cluster_file, moved)
    planned = Terraform(elsewhere, world.configuration).plan(Heard().step())
    assert planned.changes == ()
