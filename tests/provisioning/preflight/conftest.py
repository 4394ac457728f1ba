"""A site that is ready for a rebuild: an account with its zone, a key, the programs, and the world that it asks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioning.aws import Account
from provisioning.kubernetes.release_table import image_tag
from provisioning.monitoring.receivers import VARIABLES
from provisioning.preflight import CHECKS, Finding, Report, Severity, run_preflight
from provisioning.site import Site
from provisioning.terraform.runner import CONFIGURATION
from tests.doubles.aws import AwsAccount
from tests.doubles.terraform import TerraformDouble
from tests.provisioning.phases.clouds import site
from tests.provisioning.preflight.outside import Outside

# Those that render charts want Helm, repositories and time; they have tests of their own.
RENDERING = (19, 20, 21, 22, 23)


@dataclass
class Ready:
    """What the checks look at, to be broken in one place by a test."""

    site: Site
    aws: AwsAccount
    outside: Outside
    terraform: TerraformDouble
    configuration: Path = CONFIGURATION

    def report(self, *numbers: int) -> Report:
        """The report of these checks, or of all that render nothing."""
        chosen = [
            check for check in CHECKS if check.number in numbers or (not numbers and check.number not in RENDERING)
        ]
        account = Account(self.site.cluster.region)
        return run_preflight(self.site, account, checks=chosen, configuration=self.configuration)

    def findings(self, number: int) -> Sequence[Finding]:
        [result] = self.report(number).results
        assert not result.skipped, result.skipped
        return result.findings

    def errors(self, number: int) -> list[str]:
        return [finding.what for finding in self.findings(number) if finding.severity is Severity.ERROR]

    def warnings(self, number: int) -> list[str]:
        return [finding.what for finding in self.findings(number) if finding.severity is Severity.WARNING]


MakeReady = Callable[[Site], Ready]


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ready]:
    home = tmp_path / "outside"
    home.mkdir()
    with AwsAccount() as aws, Outside(home) as outside:
        for name in [
            name for name in os.environ if name.startswith(("AWS_", "TF_")) or name.lower().endswith("_proxy")
        ]:
            monkeypatch.delenv(name)
        for name, value in {**aws.environment(), **outside.environment()}.items():
            monkeypatch.setenv(name, value)
        for name in ("GHCR_TOKEN", *VARIABLES):
            monkeypatch.delenv(name, raising=False)
        terraform = TerraformDouble(tmp_path / "double")
        monkeypatch.setenv("PATH", f"{terraform.path}:{os.environ['PATH']}")
        here = site(tmp_path)
        key = Path(here.cluster.access.key_file)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, timeout=30)
        _world(here, aws, outside)
        yield Ready(here, aws, outside, terraform)


def _world(here: Site, aws: AwsAccount, outside: Outside) -> None:
    name = here.cluster.domain.name
    assert name is not None
    zone = aws.client("route53").create_hosted_zone(Name=name, CallerReference="ready")
    servers = [f"{server}." for server in zone["DelegationSet"]["NameServers"]]
    outside.resolves({(name, "NS"): servers})
    outside.operator_is(str(here.cluster.access.ssh_from[0].network_address))
    registry = here.cluster.registry
    names = (registry.repository, f"{registry.repository}-worker")
    outside.registry_has(*(f"{registry.owner}/{name}:{image_tag()}" for name in names))
