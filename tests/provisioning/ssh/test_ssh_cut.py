"""The connection breaks, or the tool is killed: no half of a script runs, and none stops half-way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import psutil
import pytest
from fabric import Connection

from provisioning.run import RunError
from provisioning.site import Site
from provisioning.ssh import ConnectionCut, Hosts
from provisioning.ssh.connection import opened
from provisioning.ssh.session import COMMAND
from provisioning.ssh.wrapper import wrapped
from tests.provisioning.ssh.conftest import Steps
from tests.provisioning.ssh.sshd import Sshd

SECRET = "s3cret-of-the-script"


def soon(condition: Callable[[], bool], within_s: float = 15.0) -> bool:
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def connection(site: Site, node: str) -> Connection:
    return opened(site.hosts()[node], 5)


def test_no_part_of_a_script_runs_when_it_came_only_in_part(connection: Connection, sshd: Sshd) -> None:
    """The text is cut at every line's end and within lines; only the whole of it does anything."""
    text = wrapped("touch /run/ran", log="cut", lock_wait_s=1)
    whole = len(text.rstrip())
    cuts = [index for index, letter in enumerate(text) if letter == "\n" and index < whole]
    assert text[cuts[-1] :].strip() == "eco2"
    for cut in [*cuts, *(index - 3 for index in cuts), whole - 1]:
        subprocess.run(["bash", "-s"], input=text[:cut].encode(), capture_output=True, check=False, timeout=5)
    channel = connection.transport.open_session()
    channel.exec_command(COMMAND)
    channel.sendall(text[: whole - 5].encode())
    sshd.drop_connections()
    time.sleep(0.3)
    assert not sshd.path("/run/ran").exists()
    assert not Path("/run/ran").exists()
    assert not Path("/run/eco2.lock").exists()


def test_a_script_runs_to_its_end_when_its_listener_is_gone(
    connection: Connection, hosts: Hosts, node: str, steps: Steps, sshd: Sshd
) -> None:
    """It keeps talking after the cut, and is hurt by nobody listening. The next script waits for it."""
    channel = connection.transport.open_session()
    channel.exec_command(COMMAND)
    body = "touch /run/began\nfor i in $(seq 20); do echo line $i >&2; echo out $i; sleep 0.1; done\ntouch /run/ended"
    channel.sendall(wrapped(body, log="cut", lock_wait_s=1).encode())
    channel.shutdown_write()
    assert soon(sshd.path("/run/began").exists)
    sshd.drop_connections()
    assert not sshd.path("/run/ended").exists()
    assert hosts.run(steps(), node, "test -e /run/ended && echo waited") == "waited\n"
    assert "line 20" in sshd.path("/var/log/eco2/cut.log").read_text()
    assert list(sshd.path("/run/eco2").iterdir()) == []


def test_a_cut_while_a_script_runs_is_an_error_worth_another_try(
    hosts: Hosts, node: str, steps: Steps, sshd: Sshd
) -> None:
    dropper = Thread(target=lambda: soon(sshd.path("/run/began").exists) and sshd.drop_connections())
    dropper.start()
    with pytest.raises(ConnectionCut) as cut:
        hosts.run(steps(), node, "touch /run/began; sleep 1; touch /run/ended")
    dropper.join()
    assert cut.value.transient
    assert hosts.run(steps(), node, "test -e /run/ended && echo waited") == "waited\n"


def test_a_connection_that_died_between_two_scripts_is_opened_anew(
    hosts: Hosts, node: str, steps: Steps, sshd: Sshd
) -> None:
    hosts.run(steps(), node, "true")
    sshd.drop_connections()
    time.sleep(0.2)
    assert hosts.run(steps(), node, "echo again") == "again\n"


def test_the_tool_killed_in_the_middle_leaves_a_script_that_ends_properly(
    site: Site, sshd: Sshd, hosts: Hosts, node: str, steps: Steps
) -> None:
    program = f"""
from pathlib import Path
from provisioning.run import Redactor, Step, Stop
from provisioning.cluster import load
from provisioning.site import Site
from provisioning.ssh import Hosts
whole = load()
access = whole.access.model_copy(update={{"user": "root", "key_file": {str(sshd.key_file)!r}}})
site = Site(whole.model_copy(update={{"access": access}}), Path("cluster.yaml"), Path({str(site.folder)!r}))
step = Step("x", None, attempt=1, timeout_s=30, stop=Stop(), redactor=Redactor(), show=lambda *said: None)
Hosts(site).run(step, {node!r}, "touch /run/began; sleep 1.5; touch /run/ended")
"""
    tool = subprocess.Popen([sys.executable, "-c", program])
    assert soon(sshd.path("/run/began").exists, 20)
    tool.send_signal(signal.SIGKILL)
    tool.wait()
    assert not sshd.path("/run/ended").exists()
    assert hosts.run(steps(), node, "test -e /run/ended && echo waited") == "waited\n"


def test_no_other_program_on_the_machine_sees_the_script(hosts: Hosts, node: str, steps: Steps, sshd: Sshd) -> None:
    seen: list[str] = []

    def look() -> None:
        assert soon(sshd.path("/run/began").exists)
        for process in psutil.process_iter():
            try:
                seen.append(" ".join(process.cmdline()))
                if process.pid != os.getpid():
                    seen.append(str(process.environ()))
            except psutil.Error:
                continue

    looker = Thread(target=look)
    looker.start()
    hosts.run(steps(), node, f"secret={SECRET}\ntouch /run/began\nsleep 1\ncat <<EOF >/run/file\n$secret\nEOF")
    looker.join()
    assert any(COMMAND in line for line in seen)
    assert not [line for line in seen if SECRET in line]
    assert sshd.path("/run/file").read_text() == f"{SECRET}\n"
    assert SECRET not in sshd.log() + "".join(path.read_text() for path in sshd.path("/var/log/eco2").iterdir())


def test_the_library_prints_nothing_of_its_own_when_a_connection_fails(site: Site, sshd: Sshd, node: str) -> None:
    program = f"""
import socket, threading
from pathlib import Path
from provisioning.cluster import Host
from provisioning.ssh.connection import opened
server = socket.create_server(("127.254.253.249", 0))
threading.Thread(target=lambda: server.accept()[0].close()).start()
try:
    opened(Host("n", "api", "127.254.253.249", server.getsockname()[1], "u", Path("/none"), {sshd.host_key!r}), 3)
except Exception as error:
    print(type(error).__name__)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=20)
    assert ended.stdout.strip() in ("ConnectionCut", "HostUnreachable")
    assert ended.stderr == ""


def test_what_a_script_leaves_running_does_not_keep_the_lock(hosts: Hosts, node: str, steps: Steps) -> None:
    hosts.run(steps(), node, "sleep 30 >/dev/null 2>&1 &")
    began = time.monotonic()
    hosts.run(steps(), node, "true")
    assert time.monotonic() - began < 10


def test_a_script_killed_on_the_node_is_a_failure(hosts: Hosts, node: str, steps: Steps) -> None:
    with pytest.raises(Exception, match="ended with 137"):
        hosts.run(steps(), node, "kill -KILL $BASHPID")


def test_a_server_that_dies_while_we_log_in_is_worth_another_try(sshd: Sshd, site_of: Callable[..., Site]) -> None:
    sshd.address = "127.254.253.250"
    site = site_of(sshd)
    with socket.create_server((sshd.address, 22)) as server:
        closer = Thread(target=lambda: server.accept()[0].close())
        closer.start()
        with Hosts(site) as hosts, pytest.raises(RunError) as cut:
            hosts.run(Steps(site.redactor)(5.0), site.control_plane, "true")
        closer.join()
    assert cut.value.transient
