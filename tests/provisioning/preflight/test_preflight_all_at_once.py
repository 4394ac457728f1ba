"""A preflight that stops at the first mistake, hides one behind another, hangs, or changes something."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from provisioning.aws import Account
from provisioning.phases.preflight import Preflight
from provisioning.preflight import CHECKS, CloudNotReady, PreflightFailed, run_preflight
from provisioning.preflight.check import Check, Context, Finding
from provisioning.preflight.report import Status
from provisioning.run import ExitCode
from tests.provisioning.phases.clouds import Heard, changed
from tests.provisioning.preflight.conftest import RENDERING, Ready


def test_where_all_is_well_nothing_is_found_and_nothing_is_changed(ready: Ready) -> None:
    before = ready.aws.changes()
    report = ready.report()
    assert report.ok, "\n".join(report.lines())
    assert report.exit_code is ExitCode.DONE
    assert ready.aws.changes() == before
    assert ready.terraform.count("plan") == ready.terraform.count("apply") == 0


def test_numbers_are_unique_and_below_those_of_the_machines() -> None:
    numbers = [check.number for check in CHECKS]
    assert numbers == sorted(set(numbers))
    assert all(1 <= number < 30 for number in numbers)


def test_all_failures_are_told_at_once_with_what_why_and_remedy(ready: Ready) -> None:
    region = ready.site.cluster.region
    ready.aws.quotas.have(region, "L-1216C47A", 16)
    ready.outside.operator_is("198.51.100.9")
    ready.site = changed(ready.site, access=_access(ready, ssh_from=["203.0.113.10/32"]))
    report = ready.report()
    failed = {result.check.number for result in report.of(Status.FAILED)}
    assert {1, 5, 14} <= failed
    for result in report.of(Status.FAILED):
        assert all(finding.what and finding.why and finding.remedy for finding in result.findings)
    with pytest.raises(PreflightFailed) as error:
        report.check()
    for number in failed:
        assert any(line.startswith(f"{number}: ") for line in str(error.value).splitlines())


def test_the_account_comes_before_the_configuration_in_the_exit_code(ready: Ready) -> None:
    ready.outside.operator_is("198.51.100.9")
    report = ready.report()
    assert report.exit_code is ExitCode.CONFIGURATION
    ready.aws.quotas.have(ready.site.cluster.region, "L-1216C47A", 16)
    report = ready.report()
    assert report.exit_code is ExitCode.CLOUD
    with pytest.raises(CloudNotReady):
        report.check()


def test_without_credentials_one_check_says_so_and_the_others_are_not_made(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    report = ready.report()
    assert [result.check.number for result in report.of(Status.FAILED)] == [2]
    assert {result.check.number for result in report.of(Status.SKIPPED)} >= {3, 5, 7, 11, 18}
    assert report.exit_code is ExitCode.CLOUD


def test_a_right_that_is_missing_fails_its_check_alone_and_names_the_action(ready: Ready) -> None:
    ready.aws.faults.fail("iam:ListRoles", "denied", times=99)
    report = ready.report()
    [failed] = report.of(Status.FAILED)
    assert failed.check.number == 8
    assert "iam:ListRoles" in failed.findings[0].what


def test_a_check_that_hangs_does_not_hold_up_the_others(ready: Ready) -> None:
    def hangs(context: Context) -> Iterator[Finding]:
        time.sleep(30)
        yield from ()

    checks = [Check(1, "hangs", hangs), Check(2, "is quick", lambda context: ())]
    began = time.monotonic()
    report = run_preflight(ready.site, Account(ready.site.cluster.region), checks=checks, within_s=1)
    assert time.monotonic() - began < 10
    assert [result.status for result in report.results] == [Status.FAILED, Status.OK]


def test_scripts_get_every_check_as_json(ready: Ready) -> None:
    ready.aws.quotas.have(ready.site.cluster.region, "L-1216C47A", 16)
    said = json.loads(json.dumps(ready.report().as_dict()))
    assert (said["ok"], said["exit_code"]) == (False, int(ExitCode.CLOUD))
    [five] = [check for check in said["checks"] if check["number"] == 5]
    assert five["status"] == "failed"
    assert set(five["findings"][0]) == {"severity", "what", "why", "remedy"}


def test_the_phase_has_nothing_to_do_or_says_all_that_is_in_the_way(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(run_preflight.__kwdefaults__, "checks", _without_rendering())
    phase = Preflight(ready.site, Account(ready.site.cluster.region))
    heard = Heard()
    assert phase.plan(phase.facts(heard.step())) == ()
    ready.outside.operator_is("198.51.100.9")
    with pytest.raises(PreflightFailed, match=r"198\.51\.100\.9"):
        phase.facts(heard.step())


def _without_rendering() -> list[Check]:
    return [check for check in CHECKS if check.number not in RENDERING]


def _access(ready: Ready, **changes: object) -> dict[str, object]:
    access = ready.site.cluster.access
    said = {
        "user": access.user,
        "key_file": access.key_file,
        "ssh_from": [str(space) for space in access.ssh_from],
        "api_from": [str(space) for space in access.api_from],
        "anywhere": list(access.anywhere),
    }
    return {**said, **changes}
