"""A script arrives whole or not at all, runs as root, and its result is told apart from its chatter."""

import time

import pytest

from provisioning.run import Cancelled
from provisioning.site import Site
from provisioning.ssh import Hosts, NodeBusy, ScriptFailed, ScriptTimeout
from tests.provisioning.ssh.conftest import Steps
from tests.provisioning.ssh.sshd import Sshd


def test_the_result_is_its_standard_output_and_the_chatter_is_said(hosts: Hosts, node: str, steps: Steps) -> None:
    result = hosts.run(steps(), node, "id -un\necho working >&2\necho done")
    assert result == "root\ndone\n"
    assert steps.said == ["working"]


def test_chatter_is_said_while_the_script_runs(hosts: Hosts, node: str, steps: Steps, sshd: Sshd) -> None:
    began = time.monotonic()
    heard: list[float] = []
    step = steps()
    step._show = lambda phase, node, line: heard.append(time.monotonic() - began)
    hosts.run(step, node, "echo early >&2; sleep 2; echo late >&2")
    assert heard[0] < heard[1] - 0.5


def test_a_script_has_no_input_a_fixed_environment_and_stops_at_the_first_error(
    hosts: Hosts, node: str, steps: Steps
) -> None:
    shown = hosts.run(steps(), node, 'cat; echo "$LC_ALL $DEBIAN_FRONTEND $PATH"; umask')
    assert shown == "C noninteractive /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n0022\n"
    for mistake in ("false", 'echo "$unset"', "false | cat"):
        with pytest.raises(ScriptFailed):
            hosts.run(steps(), node, f"{mistake}\ntouch /run/went-on")
    assert hosts.run(steps(), node, "test -e /run/went-on || echo no") == "no\n"


def test_a_failure_tells_the_status_and_the_last_line_but_nothing_of_the_script(
    hosts: Hosts, node: str, steps: Steps, site: Site
) -> None:
    site.redactor.register("hunter2-hunter2")
    with pytest.raises(ScriptFailed) as failed:
        hosts.run(steps(), node, "key=hunter2-hunter2\necho one >&2; echo no room for $key >&2; exit 42")
    assert failed.value.exit_status == 42
    assert str(failed.value) == f"{node}: ended with 42: no room for [hidden]"
    assert "hunter2" not in "".join(steps.said)


def test_megabytes_of_result_and_of_chatter_come_through(hosts: Hosts, node: str, steps: Steps) -> None:
    script = "head -c 6000000 /dev/zero | tr '\\0' a | fold -w 99 >&2\nhead -c 6000000 /dev/zero | tr '\\0' b"
    assert hosts.run(steps(60), node, script) == "b" * 6_000_000
    assert sum(map(len, steps.said)) == 6_000_000


def test_letters_beyond_ascii_come_through(hosts: Hosts, node: str, steps: Steps) -> None:
    assert hosts.run(steps(), node, "echo 이코에코; echo 분리배출 >&2") == "이코에코\n"
    assert steps.said == ["분리배출"]


def test_the_connection_is_used_again(hosts: Hosts, node: str, steps: Steps, sshd: Sshd) -> None:
    hosts.run(steps(), node, "true")
    first = [process.pid for process in sshd.sessions()]
    hosts.run(steps(), node, "true")
    assert [process.pid for process in sshd.sessions()] == first


def test_a_script_that_takes_too_long_is_left_to_end_by_itself(
    hosts: Hosts, node: str, steps: Steps, sshd: Sshd
) -> None:
    began = time.monotonic()
    with pytest.raises(ScriptTimeout):
        hosts.run(steps(), node, "sleep 4; touch /run/ended", timeout_s=2)
    assert time.monotonic() - began < 3.9
    assert hosts.run(steps(), node, "test -e /run/ended && echo waited") == "waited\n"


def test_a_step_without_time_left_begins_nothing(hosts: Hosts, node: str, steps: Steps, sshd: Sshd) -> None:
    with pytest.raises(Exception, match="not done within its time"):
        hosts.run(steps(0.0), node, "touch /run/began")
    assert not sshd.path("/run/began").exists()


def test_a_node_that_is_busy_all_the_time_is_named(hosts: Hosts, node: str, steps: Steps, site: Site) -> None:
    with pytest.raises(ScriptTimeout):
        hosts.run(steps(), node, "sleep 8", timeout_s=2)
    with pytest.raises(NodeBusy, match="still running"):
        hosts.run(steps(), node, "true", timeout_s=4)


def test_a_wish_to_stop_is_heard_but_tidying_up_is_done(hosts: Hosts, node: str, steps: Steps, sshd: Sshd) -> None:
    step = steps()
    steps.stop.ask()
    with pytest.raises(Cancelled):
        hosts.run(step, node, "touch /run/began")
    hosts.run(step, node, "touch /run/tidied", timeout_s=5, to_the_end=True)
    assert not sshd.path("/run/began").exists()
    assert sshd.path("/run/tidied").exists()


def test_the_log_on_the_node_is_for_root_alone_and_holds_no_result(
    hosts: Hosts, node: str, steps: Steps, sshd: Sshd
) -> None:
    hosts.run(steps(phase="join"), node, "echo chatter >&2; echo the-result")
    log = sshd.path("/var/log/eco2/join.log")
    assert "chatter" in log.read_text()
    assert "the-result" not in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700
    assert list(sshd.path("/run/eco2").iterdir()) == []
