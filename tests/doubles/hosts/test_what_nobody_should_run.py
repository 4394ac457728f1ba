"""The double must not let pass what a real machine would not, nor what nobody should do to one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.hosts.client import Shell, prepared, running
from tests.doubles.hosts.world import HostWorld

REPOSITORY = (
    'echo "deb [signed-by=/etc/apt/keyrings/k.gpg] https://pkgs.k8s.io/core:/stable:/v1.34/deb/ /" > '
    "/etc/apt/sources.list.d/k.list\n"
)
KEY = (
    "curl -fsSL --max-time 9 https://pkgs.k8s.io/core:/stable:/v1.34/deb/Release.key | gpg --dearmor "
    "--yes -o /etc/apt/keyrings/k.gpg\n"
)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with running(tmp_path_factory.mktemp("fresh")) as world:
        yield Shell(world)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("frobnicate --all", "command not found"),
        ("systemctl frobnicate cron", "knows no systemctl frobnicate"),
        ("sysctl --frobnicate", "no option --frobnicate"),
        ("apt-get install -y jq", "before any apt-get update"),
        ("apt-get update -qq && apt-get install jq", "without -y"),
        ("apt-get update -qq && apt-get upgrade -y", "more than what is pinned"),
        ("sudo true", "without -n"),
        ("curl -fsS https://pkgs.k8s.io/", "may wait for ever"),
        ("mount /dev/nvme1n1 /mnt", "no phase mounts"),
        ("hostname other", "cloud-init's"),
    ],
)
def test_a_command_that_is_unknown_or_wrong_fails_and_is_remembered(fresh: Shell, script: str, why: str) -> None:
    world = fresh.world
    world.violations.clear()
    world.hosts[world.first_control_plane].packages.lists.clear()
    done = fresh(world.first_control_plane, f"set -e\n{script}")
    assert done.returncode == 127, done
    [violation] = world.violations
    assert violation.startswith(f"{world.first_control_plane}: ")
    assert why in violation


def test_a_command_is_there_only_once_its_package_is(world: HostWorld, shell: Shell, node: str) -> None:
    assert shell(node, "command -v kubeadm").returncode == 1
    shell.prepare(node)
    assert shell.output(node, "command -v kubeadm; kubeadm version -o short") == f"/usr/bin/kubeadm\nv{shell.version}\n"
    assert world.violations == []


def test_a_version_that_does_not_exist_cannot_be_installed(shell: Shell, node: str) -> None:
    done = shell(node, f"set -e\n{prepared(shell.version)}".replace(f"{shell.version}-1.1", "1.34.99-1.1"))
    assert done.returncode == 100
    assert "E: Version '1.34.99-1.1' for 'kubelet' was not found" in done.stderr


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (REPOSITORY + "apt-get update", "NO_PUBKEY 234654DA9A296436"),
        (KEY + REPOSITORY + "chmod 600 /etc/apt/keyrings/k.gpg; apt-get update", "not readable by user '_apt'"),
        ("umask 077\n" + KEY + REPOSITORY + "apt-get update", "not readable by user '_apt'"),
        (KEY.replace("| gpg --dearmor --yes -o", ">") + REPOSITORY + "apt-get update", "unsupported filetype"),
        (KEY + REPOSITORY.replace("v1.34", "v1.3") + "apt-get update", "does not have a Release file"),
    ],
)
def test_a_repository_without_its_key_is_not_believed(fresh: Shell, script: str, error: str) -> None:
    clean = "rm -f /etc/apt/keyrings/k.gpg /etc/apt/sources.list.d/k.list\n"
    done = fresh(fresh.world.first_control_plane, clean + script)
    fresh.output(fresh.world.first_control_plane, clean)
    assert done.returncode == 100
    assert error in done.stderr


def test_sources_that_changed_after_the_update_are_a_mistake_of_the_script(
    world: HostWorld, shell: Shell, node: str
) -> None:
    done = shell(node, f"set -e\napt-get update -qq\n{KEY}{REPOSITORY}apt-get install -y kubelet=1.34.12-1.1")
    assert done.returncode == 127
    assert "changed since the last apt-get update" in world.violations[0]


def test_a_held_package_changes_only_when_that_is_said(world: HostWorld, shell: Shell, node: str) -> None:
    shell.prepare(node)
    other = "kubelet=1.34.11-1.1"
    held = shell(node, f"apt-get install -y --allow-downgrades {other}")
    assert held.returncode == 100
    assert "Held packages were changed" in held.stderr
    down = shell(node, f"apt-get install -y --allow-change-held-packages {other}")
    assert down.returncode == 100
    assert "Packages were downgraded" in down.stderr
    shell.output(node, f"apt-get install -y --allow-downgrades --allow-change-held-packages {other}")
    assert world.hosts[node].packages.installed["kubelet"] == "1.34.11-1.1"


def test_a_second_preparation_changes_nothing_that_the_model_keeps(world: HostWorld, shell: Shell, node: str) -> None:
    shell.prepare(node)
    world.records.clear()
    shell.prepare(node)
    changes = {change for command in world.mutations() for change in command.changes}
    assert changes == {"restart containerd", "download /etc/apt/keyrings/docker.asc"}


def test_containerd_is_what_it_read_when_it_started(world: HostWorld, shell: Shell, node: str) -> None:
    shell.prepare(node)
    runtime = world.hosts[node].runtime
    assert runtime is not None
    assert runtime.systemd_cgroup
    assert runtime.cri
    shell.output(node, "echo 'disabled_plugins = [\"cri\"]' > /etc/containerd/config.toml")
    assert world.hosts[node].runtime == runtime
    done = shell(node, "systemctl restart containerd; crictl info")
    assert done.returncode == 1
    assert "unknown service runtime.v1.RuntimeService" in done.stderr


def test_tables_of_another_version_of_containerd_are_ignored_without_a_word(
    world: HostWorld, shell: Shell, node: str
) -> None:
    shell.prepare(node)
    shell.output(
        node,
        "sed -i 's/io.containerd.cri.v1/io.containerd.grpc.v1/' /etc/containerd/config.toml; "
        "systemctl restart containerd",
    )
    runtime = world.hosts[node].runtime
    assert runtime is not None
    assert not runtime.systemd_cgroup


def test_every_command_is_recorded_with_its_arguments_and_host(world: HostWorld, shell: Shell, node: str) -> None:
    shell.output(node, "cd /etc; sysctl -n net.ipv4.ip_forward")
    assert [command.argv for command in world.commands] == [
        ("sudo", "-n", "bash", "-s"),
        ("sysctl", "-n", "net.ipv4.ip_forward"),
    ]
    assert world.commands[-1].cwd == "/etc"
    assert world.commands[-1].exit_code == 0
    assert world.count(node, "^sysctl") == 1
    assert world.count(None, "^sysctl") == 1
    assert world.mutations() == []


def test_a_script_cannot_touch_the_machine_that_the_tests_run_on(shell: Shell, node: str) -> None:
    before = Path("/proc/sys/net/ipv4/tcp_keepalive_time").read_text()
    shell.output(node, "echo no > /usr/bin/touched; echo 9 > /proc/sys/net/ipv4/tcp_keepalive_time; rm -rf /etc/ssl")
    assert Path("/proc/sys/net/ipv4/tcp_keepalive_time").read_text() == before
    assert not Path("/usr/bin/touched").exists()
    assert Path("/etc/ssl").exists()
