"""The fear: all of this holds with doubles of Terraform, and the real one with AWS's own provider does something else."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from provisioning.cluster import Cluster
from provisioning.phases.terraform import TerraformApply
from provisioning.run import ExitCode, Options, Retry
from provisioning.teardown.state import held
from provisioning.terraform.runner import Terraform
from tests.doubles.aws import AwsAccount
from tests.doubles.aws.seeds_edge import seed_hosted_zone
from tests.doubles.aws.snapshots import snapshot
from tests.doubles.aws.strangers import seed_stranger
from tests.provisioning.phases.clouds import Heard, perform
from tests.provisioning.phases.clouds import site as site_of
from tests.provisioning.teardown.calling import Teardown
from tests.provisioning.terraform.conftest import real, terraform  # noqa: F401 - fixtures
from tests.provisioning.terraform.workspace import LONGEST_S, OPERATOR, copied

pytestmark = pytest.mark.long


def without_the_certificate_that_keeps_terraform_away(account: AwsAccount, cluster: Cluster) -> None:
    """The strangers have one that our records prove too, and then Terraform is not asked, which others tests show."""
    acm = account.client("acm", cluster.region)
    for each in acm.list_certificates()["CertificateSummaryList"]:
        tags = acm.list_tags_for_certificate(CertificateArn=each["CertificateArn"])["Tags"]
        if each["DomainName"] == cluster.domain.name and {"Key": "Project", "Value": cluster.domain.name} not in tags:
            acm.delete_certificate(CertificateArn=each["CertificateArn"])


def test_it_makes_all_finds_nothing_more_to_do_and_takes_ours_alone(
    account: AwsAccount,
    real: Path,  # noqa: F811
    teardown: Teardown,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = site_of(tmp_path)
    configuration = copied(tmp_path)
    runner = Terraform(site, configuration)
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(real))
    monkeypatch.setenv("TF_VAR_ssh_public_key", OPERATOR)
    monkeypatch.setattr("provisioning.teardown.order.Terraform", lambda site: Terraform(site, configuration))
    seed_hosted_zone(account, str(site.cluster.domain.name))
    seed_stranger(account, site.cluster)
    without_the_certificate_that_keeps_terraform_away(account, site.cluster)
    regions = [site.cluster.region, "us-east-1"]
    before = snapshot(account, regions)

    phase = TerraformApply(site, runner)
    phase.retry = Retry(attempts=1)
    began = time.monotonic()
    applied = perform(site, [phase], Options(yes=True))
    print(f"apply: {time.monotonic() - began:.0f} s")
    print(applied.text[-3000:])
    assert applied.code is ExitCode.DONE, applied.text
    made = held(runner.state.read_text())
    print(f"resources: {made}")
    assert set(site.machines()) == set(site.nodes)
    p = runner.plan(Heard().step(LONGEST_S))
    print(p.changes)
    assert p.changes == ()

    began = time.monotonic()
    ended = teardown(at=site)
    print(f"destroy: {time.monotonic() - began:.0f} s")
    print(ended.out[-15000:], ended.err[-3000:])
    print(json.dumps(ended.receipt, indent=0)[:6000])
    assert ended.code is ExitCode.DONE
    assert held(runner.state.read_text()) == 0
    after = snapshot(account, regions)
    for k in before:
        if before[k] != after[k]:
            print("DIFF", k, {i for i in before[k] if i not in after[k] or before[k][i] != after[k][i]}, set(after[k]) - set(before[k]))
    assert after == before
