"""Machines restart, connections break, keys are wrong; and nothing of a world outlives it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from provisioning.site import REPOSITORY
from tests.doubles.hosts import CutsConnection, DiskFull, Fails, Hangs, HostWorld, Slow
from tests.doubles.hosts.client import Shell

pytestmark = pytest.mark.long


def test_a_restart_forgets_memory_and_keeps_the_disk(world: HostWorld, shell: Shell, node: str) -> None:
    shell.prepare(node)
    shell.output(node, "echo kept > /etc/kept; echo gone > /run/gone; modprobe ip_vs; systemctl disable kubelet")
    boot = shell.output(node, "cat /proc/sys/kernel/random/boot_id")
    world.reboot(node)
    host = world.hosts[node]
    assert host.exists("/etc/kept")
    assert not host.exists("/run/gone")
    assert shell.output(node, "cat /proc/sys/kernel/random/boot_id") != boot
    # What was configured is back, what was done by hand is not.
    assert host.kernel.modules == {"overlay", "br_netfilter"}
    assert host.sysctl("net.ipv4.ip_forward") == "1"
    assert host.units.is_active("containerd")
    assert not host.units["kubelet"].active


def test_a_control_plane_that_restarts_comes_back_by_itself(world: HostWorld, shell: Shell, master: str) -> None:
    shell.cluster()
    world.power_off(master)
    assert not world.kubernetes.api_answers()
    world.power_on(master)
    assert world.kubernetes.api_answers()
    assert world.violations == []


def test_swap_comes_back_with_a_restart_unless_fstab_says_no(
    tmp_path: Path, world: HostWorld, shell: Shell, node: str
) -> None:
    host = world.hosts[node]
    shell.output(node, "printf '/swap.img\\tnone\\tswap\\tsw\\t0\\t0\\n' >> /etc/fstab")
    world.reboot(node)
    assert "swap.img" in shell.output(node, "swapon --show --noheadings")
    shell.output(node, "swapoff -a; swapoff -a")
    world.reboot(node)
    assert host.kernel.swap
    shell.output(node, "sed -i '/swap/d' /etc/fstab")
    world.reboot(node)
    assert not host.kernel.swap


def test_a_machine_with_another_key_is_not_spoken_to(world: HostWorld, shell: Shell, node: str, master: str) -> None:
    wrong = shell.site.folder / "wrong"
    line = shell.site.hosts()[master].known_hosts_line().partition(" ")[2]
    wrong.write_text(f"{world.hosts[node].address} {line}\n")
    done = subprocess.run(shell.command(node, wrong), input="", text=True, capture_output=True, check=False)
    assert done.returncode == 255
    assert "HOST IDENTIFICATION HAS CHANGED" in done.stderr
    assert world.commands == []


def test_a_lost_connection_does_not_stop_what_runs(world: HostWorld, shell: Shell, node: str) -> None:
    world.faults.add(node, "^sysctl", CutsConnection())
    done = shell(node, "sysctl -n net.ipv4.ip_forward > /run/answer\necho after > /run/after\n")
    assert done.returncode == 255
    deadline = time.monotonic() + 5
    while not world.hosts[node].exists("/run/after") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert world.hosts[node].read("/run/answer") == "0\n"


def test_faults_strike_the_time_they_were_asked_for(world: HostWorld, shell: Shell, node: str) -> None:
    fault = world.faults.add(node, "^apt-get .*update", Fails(100, "E: Could not get lock"), nth=2, times=2)
    codes = [shell(node, "apt-get update -qq").returncode for _ in range(4)]
    assert codes == [0, 100, 100, 0]
    assert fault.fired == 2


def test_a_full_disk_and_a_slow_one(world: HostWorld, shell: Shell, node: str) -> None:
    world.faults.add(node, "apt-get update", DiskFull())
    world.faults.add(node, "^modprobe", Slow(0.3))
    full = shell(node, "apt-get update")
    assert full.returncode == 100
    assert "No space left on device" in full.stderr
    begun = time.monotonic()
    shell.output(node, "modprobe overlay")
    assert time.monotonic() - begun >= 0.3


def test_what_hangs_can_be_killed(world: HostWorld, shell: Shell, node: str) -> None:
    world.faults.add(node, "^crictl|^sysctl", Hangs())
    assert shell(node, "timeout 0.3 sysctl -n vm.swappiness").returncode == 124


def test_delays_count_for_every_call(world: HostWorld, shell: Shell, node: str) -> None:
    world.delays[r"^sysctl"] = 0.2
    begun = time.monotonic()
    shell.output(node, "sysctl -n vm.swappiness; sysctl -n vm.swappiness")
    assert time.monotonic() - begun >= 0.4


def test_a_clock_can_be_wrong(world: HostWorld, shell: Shell, node: str) -> None:
    world.hosts[node].set_clock_skew(90)
    assert 85 < float(shell.output(node, "date +%s.%N")) - time.time() < 95


def remains(folder: Path) -> list[str]:
    """Processes and mounts of a world below this folder, as this machine sees them."""
    found = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(folder) in line]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            mounts = (process / "mountinfo").read_text()
        except OSError:
            continue
        if process.name != str(os.getpid()) and (str(folder) in mounts or f"{folder}/" in command):
            found.append(command)
    return found


def test_nothing_is_left_when_a_world_ends(world: HostWorld, shell: Shell, node: str, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    shell(node, "sleep 60 </dev/null >/dev/null 2>&1 &")
    assert remains(hosts)
    world.__exit__(None, None, None)
    assert remains(hosts) == []
    assert list(hosts.iterdir()) == []


KEEPER = """
import sys, time
from pathlib import Path
from tests.doubles.hosts import HostWorld, equipped, new_site
folder = Path(sys.argv[1])
site = new_site(folder / "site")
machines = equipped(site)
name = site.control_plane
with HostWorld(site, {name: machines[name]}, root=folder / "hosts") as world:
    print("up", flush=True)
    time.sleep(60)
"""


def test_nothing_runs_when_the_test_process_was_killed(world: HostWorld, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(folder)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    assert remains(folder / "hosts")
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 5
    while remains(folder / "hosts") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert remains(folder / "hosts") == []
