"""The fear: a teardown that works only as long as Terraform's state is there and Terraform works."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provisioning.aws import Account
from provisioning.cluster import Cluster
from provisioning.run import ExitCode
from provisioning.run.step import Step, Stop
from provisioning.site import Site
from provisioning.teardown import DestroyOptions
from provisioning.teardown.ledger import Ledger
from provisioning.teardown.state import TerraformDestroy
from provisioning.teardown.things import Cloud
from provisioning.terraform.runner import Terraform
from tests.doubles.aws import AwsAccount
from tests.doubles.aws.seeds import seed_cluster
from tests.doubles.aws.seeds_edge import certificate, described
from tests.doubles.terraform import TerraformDouble
from tests.provisioning.teardown.calling import Teardown

pytestmark = pytest.mark.long


@pytest.fixture
def step(site: Site) -> Step:
    return Step(
        "terraform",
        None,
        attempt=1,
        timeout_s=60,
        stop=Stop(),
        redactor=site.redactor,
        show=lambda phase, node, line: None,
    )


@pytest.fixture
def terraform(site: Site, step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TerraformDouble:
    """A cluster that Terraform has made: its state lies in the cluster's folder."""
    double = TerraformDouble(tmp_path / "double")
    monkeypatch.setenv("PATH", f"{double.path}:/usr/bin:/bin")
    runner = Terraform(site)
    runner.apply(step, runner.plan(step))
    return double


def resources(site: Site) -> int:
    return len(json.loads(Terraform(site).state.read_text())["resources"])


def test_its_state_is_empty_afterwards(
    account: AwsAccount, cluster: Cluster, site: Site, terraform: TerraformDouble, teardown: Teardown
) -> None:
    seed_cluster(account, cluster)
    assert resources(site) > 0

    ended = teardown()

    assert ended.code is ExitCode.DONE, ended.out
    assert "terraform destroy" in ended.out
    assert resources(site) == 0
    assert not site.outputs_file.exists()
    assert terraform.violations == []


@pytest.mark.parametrize(
    ("override", "elsewhere"),
    [('terraform {\n  backend "s3" {\n  }\n}\n', True), ("terraform {\n  required_providers {\n  }\n}\n", False)],
)
def test_terraform_is_asked_what_it_holds_only_where_its_state_lies_elsewhere(
    account: AwsAccount,
    cluster: Cluster,
    site: Site,
    step: Step,
    terraform: TerraformDouble,
    tmp_path: Path,
    override: str,
    elsewhere: bool,
) -> None:
    configuration = tmp_path / "configuration"
    configuration.mkdir()
    (configuration / "aws_override.tf").write_text(override)
    runner = Terraform(site, configuration)
    before = len(terraform.calls)
    phase = TerraformDestroy(runner, Cloud(Account(cluster.region), cluster), Ledger(tmp_path / "receipts"))
    (tmp_path / "receipts").mkdir()

    found = phase.facts(step)

    assert runner.elsewhere is elsewhere
    assert (len(terraform.calls) > before) is elsewhere
    assert elsewhere or found == resources(site)


def test_with_kept_data_it_is_not_asked_since_it_would_undo_the_buckets_settings(
    account: AwsAccount, cluster: Cluster, site: Site, terraform: TerraformDouble, teardown: Teardown
) -> None:
    seed_cluster(account, cluster)
    held = resources(site)

    assert teardown(DestroyOptions(yes=cluster.name, keep_data=True)).code is ExitCode.DONE

    assert resources(site) == held
    assert terraform.deleted() == []


def test_it_is_not_asked_where_its_records_prove_somebody_elses_certificate(
    account: AwsAccount, cluster: Cluster, site: Site, terraform: TerraformDouble, teardown: Teardown
) -> None:
    ids = seed_cluster(account, cluster).ids
    domain = str(cluster.domain.name)
    theirs = certificate(account, ids["zone"], cluster.region, domain, [], {"Name": "theirs"})

    ended = teardown()

    assert ended.code is ExitCode.DONE, ended.out
    assert ended.receipt is not None
    assert any(theirs in note for note in ended.receipt["notes"])
    assert terraform.deleted() == []
    proof = described(account, cluster.region, theirs)["DomainValidationOptions"][0]["ResourceRecord"]["Name"]
    records = account.client("route53").list_resource_record_sets(HostedZoneId=ids["zone"])["ResourceRecordSets"]
    assert proof in {each["Name"] for each in records}


def test_without_a_terraform_the_tags_are_enough_and_the_receipt_says_so(
    account: AwsAccount,
    cluster: Cluster,
    site: Site,
    terraform: TerraformDouble,
    teardown: Teardown,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seed_cluster(account, cluster)
    monkeypatch.setenv("PATH", "/nowhere")

    ended = teardown()

    assert ended.code is ExitCode.DONE, ended.out
    assert ended.receipt is not None
    assert any("there is no terraform on the PATH" in note for note in ended.receipt["notes"])


def test_a_state_that_cannot_be_read_stops_nothing(
    account: AwsAccount, cluster: Cluster, site: Site, teardown: Teardown
) -> None:
    seed_cluster(account, cluster)
    site.terraform.mkdir(mode=0o700)
    Terraform(site).state.write_text("{ torn")

    ended = teardown()

    assert ended.code is ExitCode.DONE, ended.out
    assert ended.receipt is not None
    assert ended.receipt["notes"]
