"""The four real parts: they answer, they are private, and a second ``up`` leaves them alone."""

import json
import os
import time
import urllib.error
import urllib.request
from importlib import import_module
from pathlib import Path

import psutil
import psycopg2
import pytest

from provisioning.local import LocalError, NotReady, down, logs, status, survey, up, urls
from provisioning.local.probes import OF_PART, s3_client
from provisioning.local.processes import members
from provisioning.local.settings import BUCKET, VARIABLES, Stack
from provisioning.local.supervise import Supervisor
from tests.provisioning.local.evidence import printed


def test_each_part_answers_in_its_own_protocol(stack):
    for part, probe in OF_PART.items():
        probe(urls(stack)[VARIABLES[part]])


def test_a_second_up_finds_nothing_to_do(stack, console):
    before = {name: program.pid for name, program in Supervisor(stack).programs().items()}
    up(stack.path, services=False, console=console)
    assert "already up" in printed(console)
    assert before == {name: program.pid for name, program in Supervisor(stack).programs().items()}


def test_our_own_env_file_does_not_change_what_runs(stack, console, monkeypatch):
    for name, value in urls(stack).items():
        monkeypatch.setenv(name, value)
    up(stack.path, services=False, console=console)
    assert "already up" in printed(console)


def test_status_shows_ports_memory_and_health(stack, console):
    assert status(True, home=stack.path, console=console) == 0
    shown = {line["name"]: line for line in json.loads(printed(console))["lines"]}
    assert {"rabbitmq", "postgresql", "redis", "seaweedfs", "epmd", "supervisord"} == set(shown)
    for name in OF_PART:
        assert shown[name]["healthy"]
        assert 1_000_000 < shown[name]["pss_bytes"] <= shown[name]["rss_bytes"]
        assert psutil.pid_exists(shown[name]["pid"])


def test_status_is_a_table_for_people(stack, console):
    assert status(home=stack.path, console=console) == 0
    assert "rabbitmq" in printed(console)


def test_every_port_is_bound_to_the_loopback_only(stack):
    for process in members(stack):
        for connection in process.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip in ("127.0.0.1", "::1"), (process.name(), connection.laddr)


def test_every_listening_port_is_one_that_was_chosen(stack):
    from provisioning.local.ports import sockets_of

    chosen = {p for name, port in Stack.load(stack).ports.items() for p in sockets_of(name, port)}
    for process in members(stack):
        for connection in process.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.port in chosen, (process.name(), connection.laddr)


def test_no_secret_is_on_a_command_line_or_in_a_log(stack):
    secrets = Stack.load(stack).secrets.values()
    texts = [" ".join(process.cmdline()) for process in members(stack)]
    texts += [path.read_text(errors="replace") for path in stack.log.glob("*.log*")]
    assert not [secret for secret in secrets for text in texts if secret in text]


def test_parts_are_not_told_the_settings_of_the_others(stack):
    pid = Supervisor(stack).program("seaweedfs").pid
    assert b"ECO2_DATABASE_URL" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_a_wrong_password_is_refused(stack):
    url = urls(stack)["ECO2_DATABASE_URL"]
    secret = Stack.load(stack).secrets["database_password"]
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(url.replace(secret, "guess"))


def test_postgres_has_the_extensions_and_syncs(stack):
    connection = psycopg2.connect(urls(stack)["ECO2_DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        assert cursor.fetchone() == ("on",)
        cursor.execute("SELECT count(*) FROM pg_available_extensions WHERE name IN ('cube','earthdistance','pg_trgm')")
        assert cursor.fetchone() == (3,)
    connection.close()


def test_anybody_may_read_a_picture_and_nobody_may_list_or_write(stack):
    told = urls(stack)
    s3_client(told["ECO2_S3_URL"]).put_object(Bucket=BUCKET, Key="scans/one.jpg", Body=b"a picture")
    assert urllib.request.urlopen(f"{told['ECO2_CDN_URL']}/scans/one.jpg").read() == b"a picture"
    for method, path in (("GET", ""), ("PUT", "/scans/two.jpg"), ("DELETE", "/scans/one.jpg")):
        request = urllib.request.Request(
            told["ECO2_CDN_URL"] + path, method=method, data=b"x" if method == "PUT" else None
        )
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(request)
        assert error.value.code == 403


def test_what_is_written_for_people_is_theirs_alone(stack):
    for name in ("env", "nameko.yaml", "secrets.json", "stack.json"):
        assert (stack.path / name).stat().st_mode & 0o777 == 0o600
    assert "export ECO2_AMQP_URL=" in (stack.path / "env").read_text()
    assert (stack.path / "nameko.yaml").read_text().startswith("AMQP_URI: ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as somebody else")
def test_root_runs_postgres_as_postgres_and_says_where_its_data_is(stack):
    pid = Supervisor(stack).program("postgresql").pid
    assert psutil.Process(pid).username() == "postgres"
    assert stack.postgres.stat().st_mode & 0o777 == 0o700


def test_a_killed_part_comes_back_by_itself(stack):
    first = Supervisor(stack).program("redis").pid
    psutil.Process(first).kill()
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        now = Supervisor(stack).program("redis")
        if now.state == "RUNNING" and now.pid != first:
            break
        time.sleep(0.1)
    assert now.pid not in (0, first)
    OF_PART["redis"](urls(stack)["ECO2_REDIS_URL"])


def test_up_starts_only_what_is_missing(stack, console):
    supervisor = Supervisor(stack)
    supervisor.stop(["redis"])
    assert status(home=stack.path, console=console) == 1
    before = supervisor.program("postgresql").pid
    up(stack.path, services=False, console=console)
    assert supervisor.program("redis").alive
    assert supervisor.program("postgresql").pid == before


def test_logs_shows_the_end_of_a_log_and_names_the_logs_there_are(stack, console):
    logs("postgresql", lines=5, home=stack.path, console=console)
    assert 0 < len(printed(console).splitlines()) <= 5
    with pytest.raises(LocalError, match="rabbitmq"):
        logs("nonsense", home=stack.path, console=console)


@pytest.mark.usefixtures("without_parts")
def test_replaced_parts_are_asked_and_not_started(fresh, console):
    up(fresh.path, services=False, console=console)
    assert {process.name() for process in members(fresh)} <= {"supervisord", "python", "python3.11"}
    now = survey(fresh.path)
    assert now.healthy
    assert {line.state for line in now.lines if line.kind == "replaced"} == set(VARIABLES.values())


@pytest.mark.usefixtures("without_parts")
def test_a_replaced_part_that_does_not_answer_is_named_by_its_variable(fresh, console, monkeypatch):
    monkeypatch.setenv("ECO2_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(import_module("provisioning.local.up"), "REPLACED_TIMEOUT_S", 1.0)
    with pytest.raises(NotReady, match="ECO2_REDIS_URL"):
        up(fresh.path, services=False, console=console)
    assert members(fresh) == []


def test_down_of_a_home_that_never_was_creates_nothing(tmp_path, console):
    down(tmp_path / "home", console=console)
    assert "not running" in printed(console)
    assert not (tmp_path / "home").exists()
    assert status(home=tmp_path / "home", console=console) == 1


def test_wiping_asks_first(stack, console, monkeypatch):
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115
    with pytest.raises(LocalError, match="--yes"):
        down(stack.path, wipe=True, console=console)
    assert Supervisor(stack).pid() is not None
