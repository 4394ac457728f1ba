"""Every script that may run on a node, as a file to read, and checked by bash."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest

from provisioning.cluster import Version
from provisioning.operations.scripts import certificates, etcd, reset, restore, upgrade

TO = Version(1, 34, 12)
IDENTITY = "20260101T000000Z"
URL = "https://bucket/key?X-Amz-Signature=1"
SCRIPTS = {
    "certificates-expiry-control-plane": certificates.expiry(control_plane=True),
    "certificates-expiry-node": certificates.expiry(control_plane=False),
    "certificates-renew": certificates.renew(),
    "certificates-written-and-started": certificates.written_and_started(),
    "certificates-restart": certificates.restart(tuple(certificates.STATIC_PODS)),
    "etcd-health": etcd.health(),
    "etcd-snapshot": etcd.snapshot(),
    "etcd-forget-snapshot": etcd.forget_snapshot(),
    "etcd-upload": etcd.upload(
        etcd.SNAPSHOT, "https://bucket/key?X-Amz-Signature=1", {"x-amz-meta-a": "b"}, timeout_s=9
    ),
    "etcd-forget-member": etcd.forget_member("master-2"),
    "reset": reset.reset(),
    "reset-remains": reset.remains(),
    "restore-state": restore.state(IDENTITY),
    "restore-fetch": restore.fetch(IDENTITY, URL, "0" * 64, timeout_s=9),
    "restore-stop": restore.stop(),
    "restore-exchange": restore.exchange(IDENTITY, "master", {"master": "https://10.0.1.10:2380"}),
    "restore-exchange-back": restore.exchange_back(IDENTITY),
    "restore-start": restore.start(),
    "restore-forget": restore.forget(["20250101T000000Z"], fetched=IDENTITY),
    "restore-restart-kubelet": restore.restart_kubelet(IDENTITY),
    "restore-kubelet-restarted": restore.kubelet_restarted(IDENTITY),
    "upgrade-versions-control-plane": upgrade.versions(control_plane=True),
    "upgrade-versions-node": upgrade.versions(control_plane=False),
    "upgrade-first-control-plane": upgrade.upgrade_control_plane(TO, first=True),
    "upgrade-further-control-plane": upgrade.upgrade_control_plane(TO, first=False),
    "upgrade-node": upgrade.upgrade_node(TO) + upgrade.upgrade_kubelet(TO),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_what_its_file_says(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.sh", SCRIPTS[name])


@pytest.mark.parametrize("name", SCRIPTS)
def test_bash_understands_the_script(name: str) -> None:
    # As it is wrapped on its way to a node.
    text = f"eco2_script() {{\n{SCRIPTS[name]}}}\n"
    read = subprocess.run(
        [shutil.which("bash") or "bash", "-n"], input=text, capture_output=True, text=True, check=False
    )
    assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck_finds_nothing(name: str) -> None:
    checker = shutil.which("shellcheck", path=".venv/bin") or shutil.which("shellcheck")
    if checker is None:
        pytest.skip("shellcheck is not installed")
    # SC2317: what follows an exit; SC2016: what is for awk or sed.
    words = [checker, "--shell=bash", "--exclude=SC2317,SC2016,SC2154", "--severity=warning", "-"]
    read = subprocess.run(words, input=f"#!/bin/bash\n{SCRIPTS[name]}", capture_output=True, text=True, check=False)
    assert read.stdout == ""


def test_a_url_that_is_a_secret_stands_in_no_command_s_arguments() -> None:
    for name in ("etcd-upload", "restore-fetch"):
        [line] = [line for line in SCRIPTS[name].splitlines() if "X-Amz-Signature" in line]
        # printf is bash itself, so no process has the URL among its arguments.
        assert line.lstrip().startswith("printf ")
        assert line.partition("|")[2].lstrip().startswith("curl --config - ")
        assert "X-Amz-Signature" not in line.partition("|")[2]
