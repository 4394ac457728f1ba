"""A rebuild that is cut off, refused or repeated while AWS makes its things: nothing twice, nothing lost, all said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioning.phases.terraform import TerraformApply
from provisioning.run import Cancelled, ExitCode, Options, Retry
from provisioning.run.errors import StepTimeout
from provisioning.site import REPOSITORY, Site
from provisioning.terraform.diagnostics import PlanDestroys, PlanStale, StateLocked, TerraformMissing
from provisioning.terraform.host_keys import ensure
from provisioning.terraform.runner import Terraform
from tests.doubles.aws import AwsAccount
from tests.doubles.terraform import Fault, TerraformDouble
from tests.provisioning.phases.clouds import Heard, Ran, changed, nodes, perform, site

YES = Options(yes=True)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsAccount]:
    with AwsAccount() as running:
        for name in [name for name in os.environ if name.startswith(("AWS_", "TF_"))]:
            monkeypatch.delenv(name)
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def double(tmp_path: Path, account: AwsAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[TerraformDouble]:
    made = TerraformDouble(tmp_path / "double")
    monkeypatch.setenv("PATH", f"{made.path}:{os.environ['PATH']}")
    yield made
    assert made.violations == []


@pytest.fixture
def here(tmp_path: Path, double: TerraformDouble) -> Site:
    return site(tmp_path)


def apply(here: Site, options: Options = YES) -> Ran:
    return perform(here, [phase(here)], options)


def phase(here: Site) -> TerraformApply:
    made = TerraformApply(here, Terraform(here))
    made.retry = Retry(attempts=3, first_s=0.01, longest_s=0.02)
    return made


def test_the_plan_names_each_machine_and_changes_nothing(here: Site, double: TerraformDouble) -> None:
    ran = apply(here, Options(plan=True))
    assert ran.code is ExitCode.PLAN_HAS_CHANGES
    for node in here.nodes:
        assert f"create aws_instance {node}" in ran.out
    assert double.count("apply") == 0
    assert not here.outputs_file.exists()


def test_an_apply_makes_the_machines_once_and_writes_down_their_addresses(here: Site, double: TerraformDouble) -> None:
    first = apply(here)
    assert first.code is ExitCode.DONE, first.text
    assert set(here.machines()) == set(here.nodes)
    assert here.outputs_file.stat().st_mode & 0o777 == 0o600
    keys = ensure(here.host_keys, here.nodes).public
    assert {host.node: host.host_key for host in here.hosts().values()} == keys

    again = apply(here)
    assert again.code is ExitCode.DONE
    assert double.count("apply") == 1
    assert double.count("init") == 1
    assert apply(here, Options(plan=True)).code is ExitCode.DONE


def test_progress_names_the_resource_and_the_time_it_takes(here: Site, double: TerraformDouble) -> None:
    double.set(delays_s={"aws_vpc": 1.2})
    said = apply(here).out
    assert "aws_vpc.main: Still creating... [1s elapsed]" in said
    assert "aws_vpc.main: Creation complete after 1s" in said


def test_outputs_that_were_not_written_are_written_by_the_next_run(here: Site, double: TerraformDouble) -> None:
    apply(here)
    before = here.outputs()
    here.outputs_file.write_text('{"of": "yesterday"}')
    ran = apply(here)
    assert ran.code is ExitCode.DONE, ran.text
    assert here.outputs() == before
    assert double.count("apply") == 1


def test_no_private_key_is_in_a_file_but_the_keys_own(here: Site, double: TerraformDouble, tmp_path: Path) -> None:
    apply(here)
    secrets = [
        line for key in ensure(here.host_keys, here.nodes).private.values() for line in key.splitlines()[3:-1] if line
    ]
    searched = [path for path in tmp_path.rglob("*") if path.is_file() and here.host_keys not in path.parents]
    assert {"terraform.tfstate", "apply.tfplan", "apply.jsonl", "calls.jsonl"} <= {path.name for path in searched}
    found = [path for path in searched for secret in secrets if secret in path.read_text(errors="replace")]
    assert found == []
    assert all(here.redactor.text(secret) == "[hidden]" for secret in secrets)


def test_a_quota_that_ends_at_the_ninth_machine_says_so_and_the_next_run_makes_only_the_rest(
    here: Site, double: TerraformDouble
) -> None:
    double.set(Fault("aws_instance", "VcpuLimitExceeded", max_live=8))
    ran = apply(here)
    assert ran.code is ExitCode.CLOUD
    assert "E-VCPU-QUOTA" in ran.text
    assert "./inv quota.request" in ran.text
    assert double.count("apply") == 1, "a quota does not grow by asking again"

    double.set()
    ran = apply(here, Options(yes=True, resume=True))
    assert ran.code is ExitCode.DONE, ran.text
    made = double.made()
    assert len(made) == len(set(made))
    assert set(here.machines()) == set(here.nodes)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("aws_iam_role", "EntityAlreadyExists: Role with name x already exists."),
        ("aws_key_pair", "InvalidKeyPair.Duplicate: The keypair already exists"),
        ("aws_s3_bucket", "BucketAlreadyOwnedByYou"),
    ],
)
def test_a_name_that_is_taken_says_how_to_be_rid_of_what_has_it(
    here: Site, double: TerraformDouble, kind: str, error: str
) -> None:
    double.set(Fault(kind, error))
    ran = apply(here)
    assert ran.code is ExitCode.CLOUD
    assert "E-NAME-TAKEN" in ran.text
    assert "./inv destroy" in ran.text
    assert "adopt_buckets" in ran.text


@pytest.mark.parametrize("error", ["RequestLimitExceeded: Request limit exceeded.", "InsufficientInstanceCapacity"])
def test_what_passes_by_itself_is_tried_again(here: Site, double: TerraformDouble, error: str) -> None:
    double.set(Fault("aws_instance", error, times=2))
    ran = apply(here)
    assert ran.code is ExitCode.DONE, ran.text
    made = double.made()
    assert len(made) == len(set(made))


def test_a_machine_that_was_never_finished_is_replaced_without_a_question(here: Site, double: TerraformDouble) -> None:
    double.set(Fault("aws_instance", "RequestLimitExceeded", times=1, taint=True))
    ran = apply(here, Options())
    assert ran.code is ExitCode.DONE, ran.text
    assert len(double.deleted()) == 1


def test_a_machine_in_another_zone_is_a_replacement_that_somebody_has_to_agree_to(
    here: Site, double: TerraformDouble
) -> None:
    apply(here)
    moved = nodes(here)
    node = next(each for each in moved if each["role"] == "worker")
    node["zone"] = next(
        zone for zone in here.cluster.zones if zone in {each["zone"] for each in moved} - {node["zone"]}
    )
    after = changed(here, nodes=moved)
    title = f"replace aws_instance {node['name']} (another availability_zone)"

    refused = apply(after, Options())
    assert refused.code is ExitCode.NOT_AGREED
    assert title in refused.text
    assert double.deleted() == []

    terraform = Terraform(after)
    planned = terraform.plan(Heard().step())
    with pytest.raises(PlanDestroys, match=node["name"]):
        terraform.apply(Heard().step(), planned)
    assert double.deleted() == []

    agreed = apply(after)
    assert agreed.code is ExitCode.DONE, agreed.text
    assert double.deleted() == [f'module.node["{node["name"]}"].aws_instance.this']


def test_a_machine_of_another_type_is_stopped_only_when_somebody_has_agreed(
    here: Site, double: TerraformDouble
) -> None:
    apply(here)
    larger = nodes(here)
    node = next(each for each in larger if each["role"] == "api")
    node["type"] = "t3a.large"
    after = changed(here, nodes=larger)

    refused = apply(after, Options())
    assert refused.code is ExitCode.NOT_AGREED
    assert f"change aws_instance {node['name']} (it is stopped for that, and started again)" in refused.text

    agreed = apply(after)
    assert agreed.code is ExitCode.DONE, agreed.text
    assert double.deleted() == []


def test_one_machine_can_be_renewed_and_no_other_thing_is_touched(here: Site, double: TerraformDouble) -> None:
    apply(here)
    address = f'module.node["{here.nodes[1]}"].aws_instance.this'
    before = here.machines()
    terraform = Terraform(here)
    planned = terraform.plan(Heard().step(), replace=[address], targets=[address])
    assert [change.verb for change in planned.changes] == ["replace"]
    terraform.apply(Heard().step(), planned, agreed={change.id for change in planned.changes})
    assert {name for name, machine in here.machines().items() if machine != before[name]} == {here.nodes[1]}


def test_what_is_destroyed_leaves_no_addresses_behind(here: Site, double: TerraformDouble) -> None:
    apply(here)
    terraform = Terraform(here)
    planned = terraform.plan(Heard().step(), destroy=True)
    terraform.apply(Heard().step(), planned, agreed={change.id for change in planned.changes})
    assert not here.outputs_file.exists()
    assert terraform.plan(Heard().step(), destroy=True).changes == ()


def test_a_bucket_of_a_lost_state_is_taken_over_after_a_line_in_the_plan(
    here: Site, double: TerraformDouble, account: AwsAccount
) -> None:
    number = account.client("sts").get_caller_identity()["Account"]
    name = f"{here.cluster.buckets.images.name}-{number}"
    _bucket(account, name, {f"kubernetes.io/cluster/{here.cluster.name}": "owned"})
    assert f"adopt aws_s3_bucket {name}" in apply(here, Options(plan=True)).out
    assert apply(here).code is ExitCode.DONE
    assert 'module.bucket["images"].aws_s3_bucket.this' not in double.made()
    assert apply(here, Options(plan=True)).code is ExitCode.DONE


def test_a_bucket_that_does_not_carry_the_tag_is_left_alone(
    here: Site, double: TerraformDouble, account: AwsAccount
) -> None:
    number = account.client("sts").get_caller_identity()["Account"]
    _bucket(account, f"{here.cluster.buckets.images.name}-{number}", {"kubernetes.io/cluster/another": "owned"})
    assert "adopt" not in apply(here, Options(plan=True)).out


def _bucket(account: AwsAccount, name: str, tags: dict[str, str]) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": account.region})
    s3.put_bucket_tagging(
        Bucket=name, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}
    )


DRIVER = """
import sys
from pathlib import Path
from provisioning.cluster import load
from provisioning.phases.terraform import TerraformApply
from provisioning.run import Command, Options
from provisioning.site import Site
from provisioning.terraform.runner import Terraform
file, folder, resume = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "resume"
site = Site(load(file), file, folder)
command = Command(("./inv", "rebuild"), site.cluster.name, [TerraformApply(site, Terraform(site))], folder)
sys.exit(int(command.perform(Options(yes=True, resume=resume))))
"""


def drive(here: Site, how: str = "new") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(here.cluster_file), str(here.folder), how],
        cwd=REPOSITORY,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def until(wanted: Any, within_s: float = 30.0) -> None:
    end = time.monotonic() + within_s
    while not wanted():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def test_terraform_outlives_a_killed_run_and_the_next_run_waits_for_it(here: Site, double: TerraformDouble) -> None:
    double.set(delay_s=0.05)
    killed = drive(here)
    until(lambda: len(double.made()) >= 5)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=10)
    assert not here.outputs_file.exists()

    resumed = drive(here, "resume")
    said, _ = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, said
    assert "Terraform of an earlier run is still at work" in said
    made = double.made()
    assert len(made) == len(set(made)), "nothing was made twice"
    assert double.count("apply") == 1, "what the killed run began was brought to its end"
    assert set(here.machines()) == set(here.nodes)


def test_ctrl_c_lets_terraform_finish_what_it_has_begun(here: Site, double: TerraformDouble) -> None:
    double.set(delay_s=0.05)
    stopped = drive(here)
    until(lambda: len(double.made()) >= 5)
    stopped.send_signal(signal.SIGINT)
    said, _ = stopped.communicate(timeout=30)
    assert stopped.returncode == ExitCode.INTERRUPTED, said
    made = double.made()
    state = json.loads((here.terraform / "terraform.tfstate").read_text())
    assert sum(len(each["instances"]) for each in state["resources"]) == len(made)
    assert len(made) < 20

    resumed = drive(here, "resume")
    said, _ = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, said
    assert len(double.made()) == len(set(double.made()))


def test_a_terraform_that_does_not_stop_in_time_is_left_to_finish(
    here: Site, double: TerraformDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioning.terraform.process._LAST_S", 0.3)
    terraform, heard = Terraform(here), Heard()
    planned = terraform.plan(heard.step())
    double.set(delays_s={"aws_vpc": 2.0})
    with pytest.raises(StepTimeout):
        terraform.apply(heard.step(timeout_s=0.5), planned)
    assert any("still finishing" in line for line in heard.lines)

    after = Heard()
    again = Terraform(here).plan(after.step())
    assert any("still at work" in line for line in after.lines)
    assert double.made() == ["aws_vpc.main"]
    assert "aws_vpc.main" not in {change.address for change in again.changes}


def test_a_wish_to_stop_during_a_plan_stops_it(here: Site, double: TerraformDouble) -> None:
    heard = Heard()
    heard.stop.ask()
    with pytest.raises(Cancelled):
        Terraform(here).plan(heard.step())


def test_a_state_that_somebody_else_has_locked_is_said_so(
    here: Site, double: TerraformDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioning.terraform.runner._LOCK_WAIT_S", 0)
    apply(here)
    holder = subprocess.Popen(
        ["flock", str(here.terraform / "terraform.tfstate"), "sleep", "30"], start_new_session=True
    )
    try:
        time.sleep(0.3)
        with pytest.raises(StateLocked):
            Terraform(here).plan(Heard().step())
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait(timeout=10)


def test_a_plan_from_before_somebody_elses_change_is_not_applied(here: Site, double: TerraformDouble) -> None:
    terraform = Terraform(here)
    old = terraform.plan(Heard().step())
    file = old.file.rename(old.file.with_name("old.tfplan"))
    apply(here)
    with pytest.raises(PlanStale):
        terraform.apply(Heard().step(), replace(old, file=file))


def test_the_state_before_each_apply_is_kept(here: Site, double: TerraformDouble) -> None:
    apply(here)
    before = (here.terraform / "terraform.tfstate").read_text()
    fewer = [node for node in nodes(here) if node["role"] != "infrastructure"]
    terraform = Terraform(here)
    planned = terraform.plan(Heard().step(), replace=[f'module.node["{fewer[0]["name"]}"].aws_instance.this'])
    terraform.apply(Heard().step(), planned, agreed={change.id for change in planned.changes})
    [copy] = (here.terraform / "backups").iterdir()
    assert copy.read_text() == before
    assert copy.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("version", ["1.10.5", "0.15.0"])
def test_an_old_terraform_is_refused_with_the_way_to_a_new_one(
    tmp_path: Path, account: AwsAccount, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    old = TerraformDouble(tmp_path / "old", version=version)
    monkeypatch.setenv("PATH", f"{old.path}:/usr/bin:/bin")
    ran = apply(site(tmp_path))
    assert ran.code is ExitCode.CONFIGURATION
    assert "E-TERRAFORM-MISSING" in ran.text
    assert "developer.hashicorp.com/terraform/install" in ran.text


def test_without_terraform_it_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TerraformMissing):
        Terraform(site(tmp_path)).plan(Heard().step())


def test_a_host_key_that_others_may_read_stops_the_phase(here: Site, double: TerraformDouble) -> None:
    ensure(here.host_keys, here.nodes)
    (here.host_keys / here.nodes[0]).chmod(0o644)
    ran = apply(here)
    assert ran.code is ExitCode.CONFIGURATION
    assert "E-HOST-KEYS" in ran.text


def test_another_cluster_file_is_another_input(here: Site, double: TerraformDouble) -> None:
    before = phase(here).inputs(None)
    assert phase(here).inputs(None) == before
    assert phase(changed(here, tags={"Project": "another"})).inputs(None) != before
