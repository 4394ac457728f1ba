"""The Eco² processes, by stand-ins that keep the real ones' promises; the parts are the session's."""

import threading
import time
import urllib.request

import pytest
from evidence import printed

from provisioning.local import LocalError, NotReady, StepFailed, down, status, survey, up
from provisioning.local.processes import members
from provisioning.local.settings import PROCESSES, Stack
from provisioning.local.supervise import Supervisor

pytestmark = pytest.mark.usefixtures("without_parts")


def test_up_builds_migrates_and_starts_all_nine_and_down_drains_them(fresh, tree, console):
    up(fresh.path, root=tree, console=console)
    assert (fresh.cache / "model.onnx").read_text() == "a model"
    assert "migrated up" in fresh.log_file("migrations").read_text()
    ports = Stack.load(fresh).ports
    for name in PROCESSES:
        assert urllib.request.urlopen(f"http://127.0.0.1:{ports[name]}/ready").read() == b"amqp"
    assert f"http://127.0.0.1:{ports['gateway']}" in printed(console)
    now = survey(fresh.path)
    assert now.healthy
    assert {line.name for line in now.lines if line.kind == "process"} == set(PROCESSES)

    began = time.monotonic()
    up(fresh.path, root=tree, console=console)
    assert time.monotonic() - began < 1.5
    assert "already up" in printed(console)

    down(fresh.path, console=console)
    assert len(list(tree.glob("drained-*"))) == len(PROCESSES)
    assert members(fresh) == []


def test_two_ups_at_once_start_one_stack(fresh, tree, console):
    errors = []

    def start():
        try:
            up(fresh.path, programs=["gateway"], root=tree, console=console)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    text = printed(console)
    assert "waiting for it" in text
    assert text.count("already up") == 1


def test_a_process_that_ends_at_once_is_reported_with_its_log_and_what_was_started_is_stopped(fresh, tree, console):
    (tree / "chat-is-broken").touch()
    began = time.monotonic()
    with pytest.raises(NotReady) as error:
        up(fresh.path, programs=["gateway", "chat"], root=tree, console=console)
    assert "chat: cannot read the knowledge" in str(error.value)
    assert str(fresh.log_file("chat")) in str(error.value)
    assert time.monotonic() - began < 20
    assert members(fresh) == []


def test_keep_leaves_a_failed_start_to_be_looked_at(fresh, tree, console):
    (tree / "chat-is-broken").touch()
    with pytest.raises(NotReady):
        up(fresh.path, programs=["gateway", "chat"], keep=True, root=tree, console=console)
    assert Supervisor(fresh).program("gateway").alive
    assert status(home=fresh.path, console=console) == 1


def test_a_failure_on_a_running_stack_stops_only_what_this_up_has_started(fresh, tree, console):
    up(fresh.path, programs=["gateway"], root=tree, console=console)
    (tree / "chat-is-broken").touch()
    with pytest.raises(NotReady):
        up(fresh.path, programs=["chat", "auth"], root=tree, console=console)
    now = Supervisor(fresh).programs()
    assert now["gateway"].alive
    assert not now["chat"].alive
    assert not now["auth"].alive


def test_failed_migrations_are_reported_with_their_output(fresh, tree, console):
    (tree / "services/kernel/migrations.py").write_text("raise SystemExit('the schema waste is gone')")
    with pytest.raises(StepFailed, match="the schema waste is gone"):
        up(fresh.path, programs=["gateway"], root=tree, console=console)
    assert members(fresh) == []


def test_changed_settings_restart_the_stack_and_are_named(fresh, tree, console, monkeypatch):
    up(fresh.path, programs=["gateway"], root=tree, console=console)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    up(fresh.path, programs=["gateway"], root=tree, console=console)
    assert "OPENAI_API_KEY" in printed(console)
    assert "sk-test" not in printed(console)
    assert Supervisor(fresh).program("gateway").alive


def test_an_unknown_process_is_named(fresh, console):
    with pytest.raises(LocalError, match="gatway"):
        up(fresh.path, programs=["gatway"], console=console)
