"""Which build a process says that it is."""

import configparser
import os
import subprocess
import sys

import pytest
from prometheus_client import REGISTRY

from services.kernel import build
from tests.stack import ROOT

TOLD = """
from services.kernel import build
from prometheus_client import generate_latest
print([line for line in generate_latest().decode().splitlines() if line.startswith("eco2_build_info")][0])
"""


def test_a_tree_says_the_version_of_its_setup_cfg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(build.VERSION, raising=False)
    metadata = configparser.ConfigParser()
    metadata.read(ROOT / "setup.cfg")

    assert build.version() == metadata["metadata"]["version"]
    labels = next(each for each in REGISTRY.collect() if each.name == "eco2_build_info").samples[0].labels
    assert set(labels) == {"version", "commit"}


def test_an_image_says_what_it_was_built_from() -> None:
    environment = {**os.environ, build.VERSION: "1.2.3", build.COMMIT: "abcdef0"}

    told = subprocess.run([sys.executable, "-c", TOLD], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert told.stdout.strip() == 'eco2_build_info{commit="abcdef0",version="1.2.3"} 1.0', told.stderr


def test_without_its_setup_cfg_the_version_is_unknown(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.delenv(build.VERSION, raising=False)
    monkeypatch.setattr(build, "SETUP", tmp_path_factory.mktemp("nowhere") / "setup.cfg")

    assert build.version() == "unknown"
