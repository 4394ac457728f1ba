"""Certificates near their end are told in time, and what is renewed is really used."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from provisioning.operations import commands
from provisioning.operations.certificates import Certificate, Report, of_kubeadm
from provisioning.operations.errors import NodeAnswersWrong
from provisioning.operations.performing import Asked
from provisioning.run import ExitCode
from tests.doubles.aws import AwsAccount
from tests.doubles.hosts import Fails
from tests.doubles.hosts.kubeadm import certs
from tests.provisioning.operations.conftest import Lives, bucket
from tests.provisioning.operations.living import Rig, Wanted
from tests.provisioning.operations.talking import Heard

pytestmark = pytest.mark.long

MASTER, API = "k8s-master", "k8s-api-waste"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def checked(rig: Rig) -> tuple[ExitCode, dict[str, dict[str, Any]]]:
    heard = Heard()
    code = commands.certs_check(rig.site, json=True, screen=heard.screen)
    listed = json.loads(heard.out)["certificates"]
    return code, {f"{each['where']} {each['name']}": each for each in listed}


def test_old_certificates_are_renewed_used_and_fetched_and_a_second_run_changes_nothing(
    lives: Lives, aws: AwsAccount
) -> None:
    rig = lives(Wanted((MASTER, API), "1.34.12"))
    bucket(aws, rig)
    code, found = checked(rig)
    assert code is ExitCode.DONE
    assert {f"{MASTER} apiserver", f"{MASTER} ca", f"{API} kubelet-client", f"{API} kubelet-server"} <= set(found)
    assert found["this machine kubeconfig"]["state"] == "ok"

    certs.age(rig.world.hosts[MASTER], 5)
    code, found = checked(rig)
    assert code is ExitCode.KUBERNETES
    assert found[f"{MASTER} apiserver"]["state"] == "error"
    heard = Heard()
    assert commands.certs_check(rig.site, screen=heard.screen) is ExitCode.KUBERNETES
    assert "./inv certs.renew" in heard.out

    # Cut off between renewing and restarting: the static pods still use the old ones.
    rig.world.faults.add(MASTER, "crictl stop", Fails(1, "context deadline exceeded"))
    old = rig.site.kubeconfig.read_bytes()
    assert commands.certs_renew(rig.site, Asked(yes=True), screen=heard.screen) is ExitCode.REMOTE_COMMAND
    resumed = Heard()
    again = commands.certs_renew(rig.site, Asked(yes=True, resume=True), screen=resumed.screen)
    assert again is ExitCode.DONE, resumed.text
    assert rig.world.count(MASTER, "kubeadm certs renew all") == 1
    for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        assert rig.world.hosts[MASTER].pods, name
    code, found = checked(rig)
    assert code is ExitCode.DONE
    assert found[f"{MASTER} apiserver"]["days"] >= 364
    assert rig.site.kubeconfig.read_bytes() != old
    assert rig.site.kubeconfig.stat().st_mode & 0o777 == 0o600
    renewed = Heard()
    planned = commands.certs_renew(rig.site, Asked(plan=True), screen=renewed.screen)
    assert planned is ExitCode.DONE, renewed.text


def test_a_node_that_does_not_answer_is_unknown_and_the_rest_is_told(lives: Lives) -> None:
    rig = lives(Wanted((MASTER, API), "1.34.12"))
    rig.world.power_off(API)
    heard = Heard()
    assert commands.certs_check(rig.site, screen=heard.screen) is ExitCode.KUBERNETES
    assert f"unknown  {API}" in heard.out
    assert "certificates are good for" in heard.out


@pytest.mark.parametrize(
    ("days", "state", "code"),
    [(31, "ok", 0), (29, "warning", 0), (8, "warning", 0), (6, "error", 12), (-2, "error", 12)],
)
def test_a_month_is_a_warning_and_a_week_an_error(days: int, state: str, code: int) -> None:
    report = Report([Certificate("node", "apiserver", NOW + timedelta(days=days, hours=1))], {}, NOW)
    assert report.as_dict()["certificates"][0]["state"] == state
    assert report.exit_code == code


def test_a_missing_certificate_is_an_error_but_for_super_admin_conf() -> None:
    rows = [{"name": name, "expirationDate": None, "missing": True} for name in ("super-admin.conf", "etcd-peer")]
    said = json.dumps({"certificates": rows, "certificateAuthorities": []})
    [certificate] = of_kubeadm("node", f"[check-expiration] Reading configuration…\n{said}")
    assert (certificate.name, certificate.expires) == ("etcd-peer", None)
    assert Report([certificate], {}, NOW).exit_code is ExitCode.KUBERNETES


@pytest.mark.parametrize("text", ["", "no JSON", "{}", '{"certificates": 1, "certificateAuthorities": []}'])
def test_a_list_that_kubeadm_would_not_print_is_an_error(text: str) -> None:
    with pytest.raises(NodeAnswersWrong):
        of_kubeadm("node", text)
