"""The Eco² processes, by stand-ins that keep the real ones' promises; the parts are the session's."""

import threading
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from provisioning.local import LocalError, NotReady, StepFailed, down, status, survey, up, urls
from provisioning.local.processes import members
from provisioning.local.settings import PROCESSES, Stack
from provisioning.local.supervise import Supervisor
from tests.provisioning.local.evidence import printed

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

    up(fresh.path, root=tree, console=console)
    assert "already up" in printed(console)

    down(fresh.path, console=console)
    assert len(list(tree.glob("drained-*"))) == len(PROCESSES)
    assert members(fresh) == []


def environment_of(home, name):
    pairs = Path(f"/proc/{Supervisor(home).program(name).pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if pair)


def test_each_process_has_the_database_of_its_own_role_and_no_other_secret_of_it(fresh, tree, console):
    up(fresh.path, root=tree, console=console)

    owners = urlsplit(urls(fresh)["ECO2_DATABASE_URL"])
    told = {name: environment_of(fresh, name) for name in PROCESSES}
    users = {name: urlsplit(each["ECO2_DATABASE_URL"]).username for name, each in told.items()}
    assert users == {
        "gateway": None,
        **{name: f"eco2_{name}" for name in ("waste", "auth", "userinfo", "location", "recycle", "chat")},
        **{name: "eco2_tasks" for name in ("storage", "ai")},
    }
    assert told["gateway"]["ECO2_DATABASE_URL"] == "none"
    assert [name for name in told if owners.password in "".join(told[name].values())] == []
    for name, each in told.items():
        assert [key for key in each if key.startswith("ECO2_DATABASE_URL")] == ["ECO2_DATABASE_URL"], name
        passwords = {urlsplit(one["ECO2_DATABASE_URL"]).password for one in told.values()} - {None}
        assert len([password for password in passwords if password in "".join(each.values())]) == (name != "gateway")
    supervisord = Path(f"/proc/{Supervisor(fresh).pid()}/environ").read_bytes().decode()
    assert owners.password not in supervisord
    lines = [" ".join(process.cmdline()) for process in members(fresh)]
    assert [line for line in lines if owners.password in line or "eco2_waste" in line] == []


def test_without_roles_every_process_is_the_owner(fresh, tree, console, monkeypatch):
    monkeypatch.setenv("ECO2_DATABASE_ROLES", "false")
    up(fresh.path, programs=["gateway", "waste", "ai"], root=tree, console=console)

    assert environment_of(fresh, "waste")["ECO2_DATABASE_URL"] == urls(fresh)["ECO2_DATABASE_URL"]
    assert environment_of(fresh, "ai")["ECO2_DATABASE_URL"] == urls(fresh)["ECO2_DATABASE_URL"]
    assert environment_of(fresh, "gateway")["ECO2_DATABASE_URL"] == "none"


def test_a_wrong_switch_and_a_database_without_a_password_are_named(fresh, tree, console, monkeypatch):
    monkeypatch.setenv("ECO2_DATABASE_ROLES", "perhaps")
    with pytest.raises(LocalError, match="ECO2_DATABASE_ROLES"):
        up(fresh.path, programs=["waste"], root=tree, console=console)
    monkeypatch.delenv("ECO2_DATABASE_ROLES")
    monkeypatch.setenv("ECO2_DATABASE_URL", "postgresql://eco2@127.0.0.1:1/eco2")
    with pytest.raises(LocalError, match="has no password"):
        up(fresh.path, programs=["waste"], root=tree, console=console)
    assert members(fresh) == []


def test_only_those_who_ask_models_have_the_models_key(fresh, tree, console, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    steps = "import os; assert not [name for name in os.environ if name.startswith('OPENAI_')]\n"
    for step in ("services/kernel/migrations.py", "workers/ai/local/build.py"):
        (tree / step).write_text(steps)
    up(fresh.path, root=tree, console=console)

    assert {name for name in PROCESSES if environment_of(fresh, name).get("OPENAI_API_KEY") == "sk-test"} == {
        "chat",
        "ai",
    }
    assert {name for name in PROCESSES if "sk-test" in str(environment_of(fresh, name))} == {"chat", "ai"}


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
    with pytest.raises(NotReady) as error:
        up(fresh.path, programs=["gateway", "chat"], root=tree, console=console)
    assert "chat: cannot read the knowledge" in str(error.value)
    assert str(fresh.log_file("chat")) in str(error.value)
    assert "it ended right after each of" in str(error.value)  # which is known long before the time is up
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
