"""The fear: all of this holds with doubles of Terraform, and the real one with AWS's own provider does something else.

Nothing is left out: the configuration is the product's, without an override. What moto tells otherwise than AWS (a zone
with a VPC that is not private, rules for groups without their descriptions, machines without their groups whose
interfaces outlive them, a distribution without the signer of its origin) the double of the account puts right. The
buckets stay empty: moto looks at no condition of a policy, and by theirs it would let nobody in.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from provisioning.cluster import Cluster
from provisioning.phases.terraform import TerraformApply
from provisioning.run import ExitCode, Options, Retry
from provisioning.site import Site
from provisioning.teardown.state import held
from provisioning.terraform.host_keys import ensure
from provisioning.terraform.runner import Terraform
from tests.doubles.aws import AwsAccount
from tests.doubles.aws.seeds_edge import described, seed_hosted_zone
from tests.doubles.aws.snapshots import snapshot
from tests.doubles.aws.strangers import seed_stranger
from tests.provisioning.phases.clouds import Heard, perform
from tests.provisioning.phases.clouds import site as site_in
from tests.provisioning.teardown.calling import Teardown
from tests.provisioning.terraform.conftest import initialised, real, terraform  # noqa: F401 - fixtures
from tests.provisioning.terraform.workspace import LONGEST_S, OPERATOR

pytestmark = pytest.mark.long


@pytest.fixture
def configuration(initialised: Path, real: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """A copy of the product's HCL, since Terraform writes its lock file beside it; a teardown uses this one too."""
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(real))
    monkeypatch.setenv("TF_VAR_ssh_public_key", OPERATOR)
    monkeypatch.setattr("provisioning.teardown.order.Terraform", lambda site: Terraform(site, initialised))
    return initialised


def seed_account(account: AwsAccount, cluster: Cluster) -> None:
    """The customer's zone, and strangers, but for the one certificate of theirs that our records would prove too: with
    it Terraform is not asked at all, as another test shows."""
    zone = seed_hosted_zone(account, str(cluster.domain.name))
    seed_stranger(account, cluster)
    acm = account.client("acm", cluster.region)
    for each in acm.list_certificates()["CertificateSummaryList"]:
        if each["DomainName"] == cluster.domain.name:
            options = described(account, cluster.region, each["CertificateArn"])["DomainValidationOptions"]
            acm.delete_certificate(CertificateArn=each["CertificateArn"])
            for name in {option["ResourceRecord"]["Name"] for option in options}:
                forget(account, zone, name)


def forget(account: AwsAccount, zone: str, name: str) -> None:
    route53 = account.client("route53")
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    changes = [{"Action": "DELETE", "ResourceRecordSet": each} for each in records if each["Name"] == name]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def timed(what: str, began: float) -> None:
    print(f"{what}: {time.monotonic() - began:.0f} s")


def applied(site: Site, terraform: Terraform) -> int:  # noqa: F811
    """Applies through the engine, which ends well only if a second plan is empty; how many resources stand then."""
    phase = TerraformApply(site, terraform)
    phase.retry = Retry(attempts=1)
    began = time.monotonic()
    ran = perform(site, [phase], Options(yes=True))
    timed("apply", began)
    assert ran.code is ExitCode.DONE, ran.text
    return resources(terraform)


def resources(terraform: Terraform) -> int:  # noqa: F811
    return held(terraform.state.read_text())


def assert_the_machines_get_their_host_keys_and_nobody_else(account: AwsAccount, site: Site) -> None:
    keys = ensure(site.host_keys, site.nodes).private
    ssm = account.client("ssm", site.cluster.region)
    for name, machine in site.machines().items():
        parameter = f"/{site.cluster.name}/host-keys/{machine.instance_id}"
        assert ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"] == keys[name]
    secrets = [line.encode() for key in keys.values() for line in key.splitlines()[3:-1] if line]
    written = [path.read_bytes() for path in site.terraform.iterdir() if path.is_file()]
    assert [secret for secret in secrets for text in written if secret in text] == []


def test_it_makes_everything_once_and_destroys_what_is_ours_and_nothing_else(
    account: AwsAccount, configuration: Path, teardown: Teardown, tmp_path: Path
) -> None:
    site = site_in(tmp_path)
    runner = Terraform(site, configuration)
    seed_account(account, site.cluster)
    regions = [site.cluster.region, "us-east-1"]
    before = snapshot(account, regions)

    made = applied(site, runner)

    print(f"resources: {made}")
    assert set(site.machines()) == set(site.nodes)
    assert_the_machines_get_their_host_keys_and_nobody_else(account, site)
    assert runner.plan(Heard().step(LONGEST_S)).changes == ()

    began = time.monotonic()
    ended = teardown(at=site)
    timed("destroy", began)
    assert ended.code is ExitCode.DONE, ended.out
    assert re.search(r"Apply complete! Resources: 0 added, 0 changed, [1-9]\d* destroyed", ended.out)
    assert ended.receipt is not None
    assert (ended.receipt["left"], ended.receipt["notes"]) == ([], [])
    assert resources(runner) == 0
    after = snapshot(account, regions)
    assert {kind for kind in before if before[kind] != after[kind]} == set()
