"""The fear: all of this holds with doubles of Terraform, and the real one with AWS's own provider does something else."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from provisioning.phases.terraform import TerraformApply
from provisioning.run import Options
from provisioning.terraform.runner import Terraform
from tests.doubles.aws import AwsAccount
from tests.doubles.aws.seeds_edge import seed_hosted_zone
from tests.provisioning.phases.clouds import Heard, perform
from tests.provisioning.phases.clouds import site as site_of
from tests.provisioning.terraform.conftest import real, terraform  # noqa: F401 - fixtures
from tests.provisioning.terraform.workspace import OPERATOR, copied

pytestmark = pytest.mark.long


def test_try(account: AwsAccount, real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_of(tmp_path)
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(real))
    monkeypatch.setenv("TF_VAR_ssh_public_key", OPERATOR)
    seed_hosted_zone(account, site.cluster.domain.name)
    t = Terraform(site, copied(tmp_path))
    began = time.monotonic()
    ran = perform(site, [TerraformApply(site, t)], Options(yes=True))
    print(ran.text)
    print("apply", time.monotonic() - began)
    print(len([c for c in account.calls]))
    for c in account.calls:
        if "?" in c.action or " " in c.action:
            print(c.name, c.parameters)
    print(t.plan(Heard().step(600)).changes)
