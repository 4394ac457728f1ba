"""Somebody else answers, or will not let us in: nothing is sent to a machine that is not the pinned one."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioning.run import NotYet, RunError
from provisioning.site import Site
from provisioning.ssh import HostKeyRefused, Hosts, HostUnreachable, LoginRefused
from tests.provisioning.ssh.conftest import Steps
from tests.provisioning.ssh.sshd import Sshd, key_pair


@pytest.fixture
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda folder: key_pair(folder / "other"), id="another key"),
        pytest.param(
            lambda folder: (
                "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7vbqajDhA5OB0XRCdYXmbCGMqQ1Pr6kZ3Kdu7ouDk9i5HzZ0Sx2iV5v"
                "h6i0hwbGnOEmq3bO2lCF8qcRnJm0J2Qe0NnpIFIQ4Y9vN5KEMdEPfEpKHyVmzEx0kwLzvJIqKZzM3bLDEzbCl7bVJ1rmKOx4d7zVzvzQ"
                "v8bI6uHQ=="
            ),
            id="a key of another kind",
        ),
        pytest.param(lambda folder: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI0000", id="no key at all"),
    ],
)
def test_another_host_key_is_refused_before_anything_is_sent(
    sshd: Sshd, site_of: Callable[..., Site], tmp_path: Path, other: Callable[[Path], str]
) -> None:
    site = site_of(sshd, host_key=other(tmp_path))
    with Hosts(site) as hosts, pytest.raises(HostKeyRefused):
        hosts.run(Steps(site.redactor)(), site.control_plane, "touch /run/ran")
    assert not sshd.path("/run/ran").exists()
    assert "Accepted" not in sshd.log()


def test_the_operators_known_hosts_do_not_count(
    sshd: Sshd, site_of: Callable[..., Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that the operator once accepted by hand is not the pinned one."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(f"{sshd.address} {sshd.host_key}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    site = site_of(sshd, host_key=key_pair(tmp_path / "other"))
    with Hosts(site) as hosts, pytest.raises(HostKeyRefused, match="not the pinned one"):
        hosts.run(Steps(site.redactor)(), site.control_plane, "true")


def test_another_users_key_is_refused_with_the_file_named(
    sshd: Sshd, site_of: Callable[..., Site], tmp_path: Path, no_agent: None
) -> None:
    key_pair(tmp_path / "other")
    site = site_of(sshd, key_file=tmp_path / "other")
    with Hosts(site) as hosts, pytest.raises(LoginRefused, match=str(tmp_path / "other")):
        hosts.run(Steps(site.redactor)(), site.control_plane, "true")


def test_a_key_file_that_is_not_there_is_said_to_be_missing(
    sshd: Sshd, site_of: Callable[..., Site], tmp_path: Path, no_agent: None
) -> None:
    site = site_of(sshd, key_file=tmp_path / "nowhere")
    with Hosts(site) as hosts, pytest.raises(LoginRefused, match="no such file"):
        hosts.run(Steps(site.redactor)(), site.control_plane, "true")


def test_keys_in_the_operators_home_are_not_tried(
    sshd: Sshd, site_of: Callable[..., Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_agent: None
) -> None:
    (tmp_path / ".ssh").mkdir()
    shutil.copy(sshd.key_file, tmp_path / ".ssh" / "id_ed25519")
    monkeypatch.setenv("HOME", str(tmp_path))
    site = site_of(sshd, key_file=tmp_path / "nowhere")
    with Hosts(site) as hosts, pytest.raises(LoginRefused):
        hosts.run(Steps(site.redactor)(), site.control_plane, "true")


def test_nobody_listening_is_unreachable_and_worth_another_try(sshd: Sshd, site_of: Callable[..., Site]) -> None:
    sshd.address = "127.254.253.252"
    site = site_of(sshd)
    with Hosts(site) as hosts, pytest.raises(HostUnreachable) as refused:
        hosts.run(Steps(site.redactor)(), site.control_plane, "true")
    assert refused.value.transient


def test_a_port_that_says_nothing_is_given_up_in_time(sshd: Sshd, site_of: Callable[..., Site]) -> None:
    sshd.address = "127.254.253.251"
    site = site_of(sshd)
    with socket.create_server((sshd.address, 22)), Hosts(site) as hosts, pytest.raises(RunError) as given_up:
        hosts.run(Steps(site.redactor)(1.0), site.control_plane, "true")
    assert given_up.value.transient


def test_before_terraform_there_is_nothing_to_connect_to(sshd: Sshd, site_of: Callable[..., Site]) -> None:
    site = site_of(sshd)
    site.outputs_file.unlink()
    with Hosts(site) as hosts, pytest.raises(NotYet):
        hosts.run(Steps(site.redactor)(), site.control_plane, "true")
