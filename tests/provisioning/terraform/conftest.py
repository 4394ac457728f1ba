"""Terraform, its providers and the simulated account, each where this machine has it; a test says what it lacks.

``ECO2_AWS_PROVIDER_SIM`` names a folder with stand-ins for the providers: its ``install.sh DEST`` leaves a
``DEST/terraformrc``, and its ``check.sh FOLDER`` applies a configuration and destroys it.
``ECO2_TERRAFORM_PLUGINS`` names a folder that holds ``registry.terraform.io``: the real providers, without a network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.provisioning.terraform.workspace import LONGEST_S, SIM_HOME, Make, Workspace, clean_environment, copied

# Read before any test takes the caller's settings away.
SIM = os.environ.get("ECO2_AWS_PROVIDER_SIM")
PLUGINS = os.environ.get("ECO2_TERRAFORM_PLUGINS")
CONFIGURED = os.environ.get("TF_CLI_CONFIG_FILE", str(Path.home() / ".terraformrc"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(LONGEST_S * 2))


@pytest.fixture(scope="session")
def terraform() -> None:
    """The terraform binary."""
    if shutil.which("terraform") is None:
        pytest.skip("needs terraform 1.11 or newer on the PATH")


@pytest.fixture(scope="session")
def simulator(terraform: None) -> Path:
    """The folder of the simulated providers."""
    if not SIM:
        pytest.skip("needs ECO2_AWS_PROVIDER_SIM, a folder with simulated providers (check.sh, install.sh)")
    return Path(SIM)


@pytest.fixture(scope="session")
def simulated(simulator: Path) -> Path:
    """Terraform's settings for the simulated providers."""
    subprocess.run([simulator / "install.sh", SIM_HOME], check=True, capture_output=True, timeout=LONGEST_S)
    return Path(SIM_HOME, "terraformrc")


def _mirrors() -> Iterator[Path]:
    if PLUGINS:
        yield Path(PLUGINS)
    for found in sorted(Path("/opt").glob("*/registry.terraform.io/hashicorp/aws")):
        yield found.parents[2]


@pytest.fixture(scope="session")
def real(terraform: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Terraform's settings for the real provider: from a mirror on this machine, as configured, or the simulator's."""
    settings = tmp_path_factory.mktemp("settings") / "terraformrc"
    for mirror in _mirrors():
        settings.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
        return settings
    if Path(CONFIGURED).exists():
        return Path(CONFIGURED)
    settings.write_text("")
    return settings


def _initialised(folder: Path, settings: Path) -> Path:
    environment = {**clean_environment(), "TF_CLI_CONFIG_FILE": str(settings)}
    command = ["terraform", f"-chdir={folder}", "init", "-no-color"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    if done.returncode:
        pytest.skip(f"no provider for Terraform on this machine, and no registry: {done.stderr.strip()[-300:]}")
    return folder


@pytest.fixture(scope="session")
def initialised(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the configuration in which `terraform init` has run with the real provider."""
    return _initialised(copied(tmp_path_factory.mktemp("real")), real)


@pytest.fixture(scope="session")
def base(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the simulated ones; workspaces are copies of it."""
    root = tmp_path_factory.mktemp("base")
    _initialised(copied(root), simulated)
    return root


@pytest.fixture
def make(base: Path, simulated: Path, tmp_path: Path) -> Make:
    """Makes workspaces; with `world`, in an account that stands already."""

    def made(name: str = "workspace", world: Path | None = None) -> Workspace:
        return Workspace.made(tmp_path / name, base, simulated, world)

    return made


@pytest.fixture
def workspace(make: Make) -> Workspace:
    return make()


@pytest.fixture(scope="session")
def built(base: Path, simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The cluster of the cluster file, applied once. To be looked at, not to be changed."""
    workspace = Workspace.made(tmp_path_factory.mktemp("built") / "workspace", base, simulated)
    applied = workspace.apply()
    assert applied.code == 0, applied.said
    return workspace


@pytest.fixture
def standing(built: Workspace, tmp_path: Path) -> Workspace:
    """A copy of the built cluster, account and all, to be changed."""
    return Workspace.made(tmp_path / "standing", built.folder.parent, built.settings)
