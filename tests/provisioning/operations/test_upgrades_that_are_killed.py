"""The whole command, from its options to its exit code: planned, killed, resumed, and refused where it has to be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from provisioning.cluster import load
from provisioning.operations import commands
from provisioning.operations.performing import Asked
from provisioning.run import ExitCode
from provisioning.site import Site
from tests.doubles.aws import AwsAccount
from tests.doubles.charts import ChartRepository
from tests.provisioning.operations.conftest import Lives, bucket
from tests.provisioning.operations.living import Rig, Wanted
from tests.provisioning.operations.talking import Heard

pytestmark = pytest.mark.long

MASTER, API, AI = "k8s-master", "k8s-api-waste", "k8s-worker-ai"
OLD = Wanted((MASTER, API, AI), "1.33.13", ("aws-cloud-controller-manager",))


def edited(rig: Rig, version: str) -> Site:
    """The operator writes another version into the cluster file."""
    said = json.loads(rig.site.cluster_file.read_text())
    said["kubernetes"]["version"] = version
    rig.site.cluster_file.write_text(json.dumps(said, indent=1))
    return Site(load(rig.site.cluster_file), rig.site.cluster_file, rig.site.folder)


def begun(rig: Rig, *words: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "ECO2_CLUSTERS": str(rig.site.folder.parent), "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-m", "tests.provisioning.operations.driver", str(rig.site.cluster_file), *words]
    output = (rig.folder / "driver.log").open("ab")
    return subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def test_an_upgrade_that_is_killed_at_its_worst_moments_goes_on_and_does_nothing_twice(
    lives: Lives, aws: AwsAccount, charts: ChartRepository
) -> None:
    rig = lives(OLD)
    bucket(aws, rig)
    site = edited(rig, "1.34.12")
    heard = Heard()
    planned = commands.cluster_upgrade(site, Asked(plan=True), to="1.34.12", screen=heard.screen)
    assert planned is ExitCode.PLAN_HAS_CHANGES, heard.text
    assert "the API is away for about a minute" in heard.out
    assert "kubelet 1.33.13 -> 1.34.12" in heard.out
    assert rig.world.count(None, "kubeadm upgrade") == 0

    moments = ((MASTER, "kubeadm upgrade apply"), (API, "kubeadm upgrade node"), (AI, "apt-get .*kubelet="))
    words: list[str] = []
    for host, line in moments:
        # The command has begun on the machine and takes its time when the tool that asked for it dies.
        rig.world.delays[line] = 1.0
        driver = begun(rig, *words)
        deadline = time.monotonic() + 120
        while not rig.world.count(host, line):
            assert driver.poll() is None, (rig.folder / "driver.log").read_text()[-3000:]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        words = ["--resume"]
    rig.world.delays.clear()
    assert begun(rig, *words).wait(timeout=180) == 0, (rig.folder / "driver.log").read_text()[-3000:]

    for node in rig.api.list("Node"):
        assert node["status"]["nodeInfo"]["kubeletVersion"] == "v1.34.12"
        assert not node["spec"].get("unschedulable")
    counts = {node: rig.world.count(node, "kubeadm upgrade (apply|node)") for node in rig.site.nodes}
    assert counts == dict.fromkeys(rig.site.nodes, 1)
    image = rig.api.list("DaemonSet", "kube-system", "apps")
    [controller] = [each for each in image if each["metadata"]["name"] == "aws-cloud-controller-manager"]
    assert controller["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":v1.34.3")
    # One backup, made before anything was changed.
    names = [
        each["Key"] for each in aws.client("s3").list_objects_v2(Bucket=site.outputs().buckets["backups"])["Contents"]
    ]
    assert len([name for name in names if name.endswith(".db")]) == 1
    heard = Heard()
    assert commands.cluster_upgrade(site, Asked(plan=True), screen=heard.screen) is ExitCode.DONE, heard.text


def test_another_version_than_the_cluster_file_s_is_refused_with_the_way_to_change_it(
    lives: Lives, aws: AwsAccount, charts: ChartRepository
) -> None:
    rig = lives(Wanted((MASTER, API), "1.33.13", OLD.releases))
    heard = Heard()
    refused = commands.cluster_upgrade(rig.site, Asked(json=True), to="1.34.12", screen=heard.screen)
    assert refused is ExitCode.CONFIGURATION
    error = json.loads(heard.out)["error"]
    assert error["code"] == "E-UPGRADE-VERSION"
    assert "kubernetes.version" in error["remedy"]
    back = edited(rig, "1.33.9")
    assert commands.cluster_upgrade(back, Asked(), screen=heard.screen) is ExitCode.KUBERNETES
    assert "cannot be downgraded" in heard.text
    # Only the control plane, and with it what makes that safe.
    bucket(aws, rig)
    site = edited(rig, "1.34.12")
    heard = Heard()
    only = commands.cluster_upgrade(site, Asked(yes=True), only=("control-plane",), screen=heard.screen)
    assert only is ExitCode.DONE, heard.text
    assert rig.world.count(MASTER, "snapshot save") == 1
    versions = {each["metadata"]["name"]: each["status"]["nodeInfo"]["kubeletVersion"] for each in rig.api.list("Node")}
    assert versions == {MASTER: "v1.34.12", API: "v1.33.13"}
    heard = Heard()
    assert (
        commands.cluster_upgrade(site, Asked(), only=("controlplane",), screen=heard.screen) is ExitCode.CONFIGURATION
    )
    assert "did you mean control-plane?" in heard.text


def test_two_minors_away_is_two_upgrades_one_after_the_other(
    lives: Lives, aws: AwsAccount, charts: ChartRepository
) -> None:
    rig = lives(Wanted((MASTER, API), "1.33.13", OLD.releases))
    bucket(aws, rig)
    site = edited(rig, "1.35.9")
    heard = Heard()
    assert commands.cluster_upgrade(site, Asked(plan=True), screen=heard.screen) is ExitCode.PLAN_HAS_CHANGES
    assert "Control plane to Kubernetes 1.34.12" in heard.out
    assert "Control plane to Kubernetes 1.35.9" in heard.out
    heard = Heard()
    assert commands.cluster_upgrade(site, Asked(yes=True), screen=heard.screen) is ExitCode.DONE, heard.text
    applied = [each.line for each in rig.world.commands if each.line.startswith("kubeadm upgrade apply")]
    assert applied == ["kubeadm upgrade apply v1.34.12 --yes", "kubeadm upgrade apply v1.35.9 --yes"]
    assert rig.world.count(API, "kubeadm upgrade node") == 2
    # Each step could be taken back by a backup of just its version.
    stored = aws.client("s3").list_objects_v2(Bucket=site.outputs().buckets["backups"])["Contents"]
    assert len([each for each in stored if each["Key"].endswith(".db")]) == 2
