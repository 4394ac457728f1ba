"""The status says what is wrong on every side, and says what it can when the API, a machine or AWS does not answer."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from provisioning.aws import Account
from provisioning.operations import commands
from provisioning.operations.backups import Backups
from provisioning.operations.looking import look
from provisioning.operations.performing import Asked
from provisioning.run import ExitCode
from tests.doubles.aws import AwsAccount
from tests.doubles.charts import ChartRepository
from tests.provisioning.operations.conftest import Lives, bucket
from tests.provisioning.operations.living import Rig, Wanted
from tests.provisioning.operations.talking import Heard

pytestmark = pytest.mark.long

MASTER, API = "k8s-master", "k8s-api-waste"
CLUSTER = Wanted((MASTER, API), "1.34.12", ("aws-cloud-controller-manager",))


def status(rig: Rig) -> tuple[ExitCode, dict[str, Any]]:
    heard = Heard()
    code = commands.status(rig.site, json=True, screen=heard.screen)
    return code, json.loads(heard.out)


def wrong(told: dict[str, Any]) -> set[str]:
    return {name for name, part in told.items() if isinstance(part, dict) and not part["ok"]}


def test_what_is_well_is_0_and_each_trouble_is_named_on_its_side(
    lives: Lives, aws: AwsAccount, charts: ChartRepository
) -> None:
    rig = lives(CLUSTER)
    bucket(aws, rig)
    code, told = status(rig)
    assert wrong(told) == {"backup"}, told
    assert commands.etcd_backup(rig.site, Asked(yes=True), screen=Heard().screen) is ExitCode.DONE
    code, told = status(rig)
    assert (code, wrong(told)) == (ExitCode.DONE, set()), told
    assert told["backup"]["facts"]["key"] == Backups(rig.site, Account(rig.site.cluster.region)).all()[0].key
    assert told["certificates"]["facts"]["smallest_days"] >= 0
    assert {node["name"]: node["version"] for node in told["nodes"]["facts"]} == {MASTER: "1.34.12", API: "1.34.12"}
    assert told["releases"]["facts"][0]["status"] == "deployed"

    rig.kubectl.run(look(rig.site, "test"), "cordon", API)
    rig.kubectl.run(look(rig.site, "test"), "label", "node", API, "domain=other", "--overwrite")
    code, told = status(rig)
    assert code is ExitCode.KUBERNETES
    assert wrong(told) == {"nodes", "drift"}, told
    assert any("domain=other" in each for each in told["drift"]["problems"])

    heard = Heard()
    assert commands.status(rig.site, screen=heard.screen) is ExitCode.KUBERNETES
    assert "not well: nodes, drift" in heard.out


def test_a_dead_api_hides_neither_etcd_nor_the_backups(lives: Lives, aws: AwsAccount, charts: ChartRepository) -> None:
    rig = lives(CLUSTER)
    bucket(aws, rig)
    assert commands.etcd_backup(rig.site, Asked(yes=True), screen=Heard().screen) is ExitCode.DONE
    manifests = rig.world.hosts[MASTER].path("/etc/kubernetes")
    (manifests / "manifests/kube-apiserver.yaml").rename(manifests / "kube-apiserver.yaml")
    rig.world.settle(rig.world.hosts[MASTER])
    rig.world.power_off(API)
    began = time.monotonic()
    code, told = status(rig)
    assert time.monotonic() - began < 60
    assert code is ExitCode.KUBERNETES
    assert told["etcd"]["ok"]
    assert told["backup"]["ok"]
    assert "the API does not answer" in told["nodes"]["unknown"]
    assert told["machines"]["facts"] == {MASTER: True, API: False}
