"""The host keys on the operator's side."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest

from provisioning.terraform.host_keys import HostKeyError, HostKeys, ensure


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def test_each_node_has_a_key_that_openssh_reads(folder: Path) -> None:
    keys = ensure(folder, ["master", "worker"])
    assert len(set(keys.public.values())) == 2
    for node, public in keys.public.items():
        command = ["ssh-keygen", "-y", "-f", folder / node]
        read = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert read.split()[:2] == public.split()[:2]
        assert (folder / f"{node}.pub").read_text() == public + "\n"
        assert public.endswith(f" {node}")


def test_a_second_call_changes_nothing(folder: Path) -> None:
    first = ensure(folder, ["master"])
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert ensure(folder, ["master"]) == first
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_node_that_is_new_gets_a_key_and_the_others_keep_theirs(folder: Path) -> None:
    first = ensure(folder, ["master"])
    second = ensure(folder, ["master", "worker"])
    assert second.public["master"] == first.public["master"]
    assert set(second.public) == {"master", "worker"}


def test_a_lost_public_half_comes_back(folder: Path) -> None:
    first = ensure(folder, ["master"])
    (folder / "master.pub").unlink()
    assert ensure(folder, ["master"]) == first
    assert (folder / "master.pub").exists()


def test_nobody_else_can_read_anything(folder: Path) -> None:
    ensure(folder, ["master"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_key_that_others_may_read_is_refused(folder: Path) -> None:
    ensure(folder, ["master"])
    (folder / "master").chmod(0o644)
    with pytest.raises(HostKeyError, match="chmod 600"):
        ensure(folder, ["master"])


@pytest.mark.parametrize("content", ["", "no key\n", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_a_file_that_is_no_key_is_refused_and_kept(folder: Path, content: str) -> None:
    folder.mkdir(mode=0o700)
    (folder / "master").write_text(content)
    (folder / "master").chmod(0o600)
    with pytest.raises(HostKeyError, match="master"):
        ensure(folder, ["master"])
    assert (folder / "master").read_text() == content


@pytest.mark.parametrize(
    "options", [["-t", "rsa", "-b", "2048", "-N", ""], ["-t", "ed25519", "-N", "a passphrase"]], ids=["rsa", "locked"]
)
def test_a_key_of_another_kind_is_refused(folder: Path, options: list[str]) -> None:
    folder.mkdir(mode=0o700)
    subprocess.run(["ssh-keygen", "-q", *options, "-f", folder / "master"], check=True)
    with pytest.raises(HostKeyError):
        ensure(folder, ["master"])


@pytest.mark.parametrize("node", ["", "../elsewhere", "/etc/passwd", ".hidden"])
def test_a_nodes_name_leads_nowhere_else(folder: Path, node: str) -> None:
    with pytest.raises(ValueError, match="no node's name"):
        ensure(folder, [node])


def test_what_is_printed_of_the_keys_is_no_secret(folder: Path) -> None:
    keys = ensure(folder, ["master"])
    assert repr(keys) == str(keys) == "HostKeys(master)"


def test_terraform_gets_both_halves_by_its_environment() -> None:
    given = HostKeys({"master": "public"}, {"master": "private"}).environment()
    assert {name: json.loads(value) for name, value in given.items()} == {
        "TF_VAR_host_public_keys": {"master": "public"},
        "TF_VAR_host_private_keys": {"master": "private"},
    }
