"""The host key on the machine's side: the script that cloud-init runs before sshd starts."""

from __future__ import annotations

import ast
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.terraform.host_keys import ensure
from tests.provisioning.terraform.metadata import INSTANCE, Cloud, cloud
from tests.provisioning.terraform.workspace import HCL

SCRIPT = (HCL / "modules/node/install_host_key.py").read_text()
NAME = f"/eco2/host-keys/{INSTANCE}"

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")


@pytest.fixture
def aws() -> Iterator[Cloud]:
    with cloud() as server:
        yield server


@pytest.fixture
def ssh(tmp_path: Path) -> Path:
    folder = tmp_path / "ssh"
    folder.mkdir()
    return folder


def install(
    aws: Cloud, ssh: Path, wait_s: float = 20, interpreter: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    """As cloud-init does: the script as an argument, and an environment with nothing else in it."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOST_KEY_METADATA": f"http://{aws.address}",
        "HOST_KEY_SSM": f"http://{aws.address}",
        "HOST_KEY_SSH": str(ssh),
        "HOST_KEY_WAIT_S": str(wait_s),
        "HOST_KEY_PAUSE_S": "0.05",
    }
    command = [interpreter, "-I", "-c", SCRIPT, "/eco2/host-keys", "ap-northeast-2"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_machine_has_the_key_that_its_operator_expects(aws: Cloud, ssh: Path, tmp_path: Path) -> None:
    keys = ensure(tmp_path / "keys", ["master"])
    aws.parameters[NAME] = keys.private["master"]
    done = install(aws, ssh)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in ssh.iterdir()) == ["ssh_host_ed25519_key", "ssh_host_ed25519_key.pub"]
    private, public = ssh / "ssh_host_ed25519_key", ssh / "ssh_host_ed25519_key.pub"
    assert private.read_text() == keys.private["master"]
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert public.read_text().split()[:2] == keys.public["master"].split()[:2]
    assert done.stdout + done.stderr == ""


def test_the_signature_is_the_one_that_aws_computes(aws: Cloud, ssh: Path, tmp_path: Path) -> None:
    aws.parameters[NAME] = ensure(tmp_path / "keys", ["master"]).private["master"]
    assert install(aws, ssh).returncode == 0
    assert aws.refused == []


def test_it_waits_for_a_key_that_comes_after_the_machine(aws: Cloud, ssh: Path, tmp_path: Path) -> None:
    key = ensure(tmp_path / "keys", ["master"]).private["master"]

    def store() -> None:
        deadline = time.monotonic() + 20
        while not aws.refused and time.monotonic() < deadline:
            time.sleep(0.02)
        aws.parameters[NAME] = key

    late = threading.Thread(target=store)
    late.start()
    assert install(aws, ssh).returncode == 0
    late.join()
    assert (ssh / "ssh_host_ed25519_key").read_text() == key
    assert "ParameterNotFound" in aws.refused[0]


def test_without_a_key_it_fails_and_touches_nothing(aws: Cloud, ssh: Path) -> None:
    (ssh / "ssh_host_ed25519_key").write_text("another key")
    done = install(aws, ssh, wait_s=0.2)
    assert done.returncode == 1
    assert "no SSH host key" in done.stderr
    assert (ssh / "ssh_host_ed25519_key").read_text() == "another key"


def test_what_is_no_key_is_not_installed(aws: Cloud, ssh: Path) -> None:
    aws.parameters[NAME] = "no key"
    assert install(aws, ssh).returncode != 0
    assert not (ssh / "ssh_host_ed25519_key").exists()


def test_another_machines_key_is_not_asked_for(aws: Cloud, ssh: Path, tmp_path: Path) -> None:
    aws.parameters["/eco2/host-keys/i-another"] = ensure(tmp_path / "keys", ["master"]).private["master"]
    assert install(aws, ssh, wait_s=0.2).returncode == 1


def test_it_needs_nothing_that_an_untouched_ubuntu_lacks() -> None:
    """Ubuntu 22.04 has Python 3.10 and its standard library."""
    tree = ast.parse(SCRIPT, feature_version=(3, 10))
    imported = {name.name for each in ast.walk(tree) if isinstance(each, ast.Import) for name in each.names}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names
    assert not any(isinstance(each, ast.ImportFrom) for each in ast.walk(tree))
