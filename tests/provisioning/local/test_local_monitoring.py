"""``up --monitoring``: the real Prometheus, Alertmanager and exporters beside the real parts."""

import io
import json
import re
import time
import urllib.request
from contextlib import closing

import psutil
import psycopg2
import pytest
from rich.console import Console

from provisioning.local import Home, LocalError, StepFailed, down, logs, status, survey, up, urls
from provisioning.local.packages import require
from provisioning.local.processes import members
from provisioning.local.settings import MONITORING, Stack
from provisioning.local.supervise import Supervisor
from tests.provisioning.local.evidence import printed

RULES = "charts/monitoring/files/rules/ours.yaml"
RULE = "groups: [{{name: ours, rules: [{{alert: {}, expr: vector(1)}}]}}]\n"


def eventually(holds, within_s=40):
    deadline = time.monotonic() + within_s
    while not (value := holds()):
        assert time.monotonic() < deadline, f"did not come true within {within_s} s"
        time.sleep(0.2)
    return value


def ask(home, path, of="prometheus"):
    port = Stack.load(home).ports[of]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
        return json.load(answer)["data"] if of == "prometheus" else json.load(answer)


def targets(home):
    """(job, where, health) of each."""
    return {
        (one["labels"]["job"], one["labels"]["instance"], one["health"])
        for one in ask(home, "/api/v1/targets")["activeTargets"]
    }


def alerts(home):
    return {rule["name"] for group in ask(home, "/api/v1/rules")["groups"] for rule in group["rules"]}


def pids(home):
    return {name: program.pid for name, program in Supervisor(home).programs().items()}


@pytest.fixture(scope="module", autouse=True)
def _programs():
    try:
        require(MONITORING, say=print)
    except LocalError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """The parts, with the monitoring added while they run; the pids that were there before."""
    home = Home.open(tmp_path_factory.mktemp("watched") / "home")
    said = Console(file=io.StringIO(), width=200)
    up(home.path, services=False, console=said)
    before = pids(home)
    up(home.path, services=False, monitoring=True, console=said)
    yield home, before, printed(said)
    down(home.path, wipe=True, yes=True, console=Console(file=io.StringIO()))


def test_without_being_asked_for_nothing_of_it_starts(stack):
    assert [Supervisor(stack).program(name).state for name in MONITORING] == ["STOPPED"] * len(MONITORING)
    assert not (stack.conf / "prometheus.yml").exists()
    assert not (stack.data / "prometheus").exists()


def test_it_is_added_to_a_stack_that_runs_and_touches_nothing_else(watched):
    home, before, said = watched
    now = pids(home)
    assert {name: pid for name, pid in now.items() if name not in MONITORING} == {
        name: pid for name, pid in before.items() if name not in MONITORING
    }
    assert all(now[name] for name in MONITORING)
    ports = Stack.load(home).ports
    assert f"Prometheus: http://127.0.0.1:{ports['prometheus']}" in said
    assert f"Alertmanager: http://127.0.0.1:{ports['alertmanager']}" in said


def test_every_target_of_the_parts_answers(watched):
    home, _, _ = watched
    eventually(lambda: {health for _, _, health in targets(home)} == {"up"})
    assert {job for job, _, _ in targets(home)} == {
        "rabbitmq", "rabbitmq-detailed", "postgresql", "redis", "node-exporter", "prometheus", "alertmanager",
    }  # fmt: skip
    for login in ("pg_up", "redis_up"):
        [series] = ask(home, f"/api/v1/query?query={login}")["result"]
        assert series["value"][1] == "1"


def test_prometheus_tells_the_alertmanager_of_this_stack(watched):
    home, _, _ = watched
    address = f"http://127.0.0.1:{Stack.load(home).ports['alertmanager']}/api/v2/alerts"
    eventually(lambda: [each["url"] for each in ask(home, "/api/v1/alertmanagers")["activeAlertmanagers"]] == [address])


def test_status_and_logs_show_it_and_status_knows_an_exporter_that_is_not_let_in(watched, console):
    home, _, _ = watched
    assert status(True, home=home.path, console=console) == 0
    shown = {line["name"]: line for line in json.loads(printed(console))["lines"]}
    for name in MONITORING:
        line = shown[name]
        assert (line["kind"], line["healthy"], line["port"]) == ("monitoring", True, Stack.load(home).ports[name])
        assert 1_000_000 < line["pss_bytes"] <= line["rss_bytes"]
        logs(name, lines=5, home=home.path, console=console)

    with closing(psycopg2.connect(urls(home)["ECO2_DATABASE_URL"])) as connection, connection:
        connection.cursor().execute(
            "ALTER ROLE eco2_monitoring NOLOGIN;"
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'eco2_monitoring'"
        )
    eventually(lambda: not survey(home.path).healthy)
    [wrong] = [line for line in survey(home.path).lines if not line.healthy]
    assert (wrong.name, "pg_up" in wrong.detail) == ("postgres_exporter", True)
    up(home.path, services=False, console=console)
    assert survey(home.path).healthy


def test_a_plain_up_keeps_it_running(watched, console):
    home, _, _ = watched
    before = pids(home)
    up(home.path, services=False, console=console)
    assert "already up: nothing to do" in printed(console)
    Supervisor(home).stop(["redis_exporter"])
    up(home.path, services=False, console=console)
    after = pids(home)
    assert after.pop("redis_exporter") not in (0, before.pop("redis_exporter"))
    assert after == before


def test_the_alertmanager_tells_whom_the_environment_names_and_keeps_that(watched, console, monkeypatch):
    home, before, _ = watched
    address = "https://hooks.slack.example/services/very-secret"
    monkeypatch.setenv("ECO2_SLACK_WEBHOOK_URL", address)
    up(home.path, services=False, monitoring=True, console=console)
    assert "already up: brought what has changed to alertmanager" in printed(console)
    assert pids(home)["postgresql"] == before["postgresql"]
    monkeypatch.delenv("ECO2_SLACK_WEBHOOK_URL")
    up(home.path, services=False, console=console)

    def taken():
        return ask(home, "/api/v2/status", of="alertmanager")["config"]["original"]

    eventually(lambda: "slack_configs" in taken())
    assert address not in taken()
    assert address not in (home.conf / "alertmanager.yml").read_text()
    assert (home.conf / "alert-receivers" / "slack-url").read_text() == address
    up(home.path, services=False, monitoring=True, console=console)
    eventually(lambda: "slack_configs" not in taken())
    assert not (home.conf / "alert-receivers" / "slack-url").exists()


def test_receivers_that_make_no_sense_are_told_and_stop_nothing(watched, console, monkeypatch):
    home, _, _ = watched
    monkeypatch.setenv("ECO2_SLACK_WEBHOOK_URL", "http://not-encrypted")
    with pytest.raises(LocalError, match="ECO2_SLACK_WEBHOOK_URL"):
        up(home.path, services=False, monitoring=True, console=console)
    assert survey(home.path).healthy


def test_receivers_that_make_no_sense_are_told_before_anything_is_started(fresh, console, monkeypatch):
    monkeypatch.setenv("ECO2_SLACK_WEBHOOK_URL", "http://not-encrypted")
    with pytest.raises(LocalError, match="ECO2_SLACK_WEBHOOK_URL"):
        up(fresh.path, services=False, monitoring=True, console=console)
    assert "starting" not in printed(console)
    assert not list(fresh.conf.glob("*")), "nothing is written"


def test_no_password_is_on_a_command_line_in_a_log_or_open_to_others(watched):
    home, _, _ = watched
    secrets = Stack.load(home).secrets.values()
    texts = [" ".join(process.cmdline()) for process in members(home)]
    texts += [path.read_text(errors="replace") for path in home.log.glob("*.log*")]
    assert not [secret for secret in secrets for text in texts if secret in text]
    assert {path.stat().st_mode & 0o777 for path in home.conf.rglob("*") if path.is_file()} == {0o600}
    assert not [secret for secret in secrets if secret in (home.conf / "prometheus.yml").read_text()]


def test_its_exporter_reads_postgres_as_a_role_that_may_not_read_tables(watched):
    home, _, _ = watched
    dsn = json.loads((home.conf / "postgres_exporter.json").read_text())["DATA_SOURCE_NAME"]
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, pg_has_role('pg_monitor', 'usage') FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, True)
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SELECT * FROM pg_authid")


def test_every_port_is_a_chosen_one_of_the_loopback(watched):
    home, _, _ = watched
    programs = pids(home)
    for name in MONITORING:
        listening = [one for one in psutil.Process(programs[name]).net_connections("inet") if one.status == "LISTEN"]
        assert [(one.laddr.ip, one.laddr.port) for one in listening] == [("127.0.0.1", Stack.load(home).ports[name])]


def test_down_ends_it_and_the_next_plain_up_is_without_it(fresh, without_parts, console):
    up(fresh.path, services=False, monitoring=True, console=console)
    down(fresh.path, console=console)
    assert members(fresh) == []
    assert (fresh.data / "prometheus").exists()
    up(fresh.path, services=False, console=console)
    assert [Supervisor(fresh).program(name).state for name in MONITORING] == ["STOPPED"] * len(MONITORING)
    assert survey(fresh.path).healthy
    down(fresh.path, wipe=True, yes=True, console=console)
    assert not fresh.path.exists()


@pytest.mark.usefixtures("without_parts")
def test_the_exporters_ask_the_parts_that_replace_ours(fresh, console, monkeypatch, stack):
    monkeypatch.setenv("ECO2_REDIS_URL", re.sub(r"//:", "//default:", urls(stack)["ECO2_REDIS_URL"]))
    up(fresh.path, services=False, monitoring=True, console=console)
    [redis] = eventually(lambda: ask(fresh, "/api/v1/query?query=redis_instance_info")["result"])
    assert redis["metric"]["tcp_port"] == str(Stack.load(stack).ports["redis"])
    query = "/api/v1/query?query=pg_settings_port"
    [postgres] = eventually(lambda: ask(fresh, query)["result"])
    assert postgres["value"][1] == str(Stack.load(stack).ports["postgresql"])
    with closing(psycopg2.connect(urls(stack)["ECO2_DATABASE_URL"])) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = 'eco2_monitoring'")
        assert cursor.fetchone() is None  # nobody makes roles in a PostgreSQL that is not ours
    assert ("rabbitmq", "127.0.0.1:15692") in {(job, where) for job, where, _ in targets(fresh)}


@pytest.mark.usefixtures("without_parts")
def test_changed_rules_are_read_anew_and_broken_ones_are_told_and_not_taken(fresh, tree, console):
    rules = tree / RULES
    rules.parent.mkdir(parents=True)
    rules.write_text(RULE.format("First"))
    up(fresh.path, programs=["gateway", "waste"], monitoring=True, root=tree, console=console)
    assert alerts(fresh) == {"First"}
    first = pids(fresh)["prometheus"]

    rules.write_text(RULE.format("Second"))
    up(fresh.path, programs=["gateway", "waste"], root=tree, console=console)
    assert "already up: brought what has changed to prometheus" in printed(console)
    eventually(lambda: alerts(fresh) == {"Second"})

    rules.write_text("groups: [{name: ours, rules: [{alert: Third, expr: 'sum('}]}]\n")
    with pytest.raises(StepFailed, match="promtool"):
        up(fresh.path, programs=["gateway", "waste"], monitoring=True, root=tree, console=console)
    assert alerts(fresh) == {"Second"}
    assert pids(fresh)["prometheus"] == first
    told = eventually(lambda: ask(fresh, "/api/v2/alerts", of="alertmanager"))
    assert {alert["labels"]["alertname"] for alert in told} <= {"First", "Second"}
