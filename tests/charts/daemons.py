"""Runs this machine's Redis, PostgreSQL and RabbitMQ with the charts' own files, on other ports, in other folders."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provisioning.local.home import postgres_owner
from provisioning.local.packages import Programs
from tests.charts.rendering import Manifest, container, named, workload
from tests.charts.values import PASSWORD


@dataclass(frozen=True)
class Daemon:
    """One that runs: where it listens, and its process."""

    port: int
    pid: int
    metrics_port: int = 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def redis(manifests: list[Manifest], folder: Path) -> Iterator[Daemon]:
    """Started by the container's own command; its data are in ``data``, which may be there."""
    port = free_port()
    places = {"/run/secrets/eco2": "secrets", "/run/redis": "run", "/etc/redis": "etc", "/data": "data"}
    for place in places.values():
        (folder / place).mkdir(exist_ok=True)
    (folder / "secrets" / "password").write_text(PASSWORD, encoding="utf-8")
    conf = named(manifests, "ConfigMap", "redis-config")["data"]["redis.conf"].replace("port 6379", f"port {port}")
    (folder / "etc" / "redis.conf").write_text(_moved(conf, places, folder), encoding="utf-8")
    command = container(workload(manifests), "redis")["command"]
    with _running([*command[:2], _moved(command[2], places, folder)], {}) as process:
        _until(process, lambda: _listens(port))
        yield Daemon(port, process.pid)


@contextmanager
def postgresql(manifests: list[Manifest], programs: Programs) -> Iterator[Daemon]:
    """Made and started as the image does, with the script for the first start. It runs as a user of its own."""
    folder = Path(tempfile.mkdtemp(prefix="eco2-charts-"))
    try:
        with _postgresql(manifests, programs, folder) as running:
            yield running
    finally:
        shutil.rmtree(folder)


@contextmanager
def _postgresql(manifests: list[Manifest], programs: Programs, folder: Path) -> Iterator[Daemon]:
    assert programs.postgres_bin is not None
    port, owner = free_port(), postgres_owner()
    user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    for name in ("etc", "secrets", "run"):
        (folder / name).mkdir()
    places = {"/var/lib/postgresql/data/pgdata": "pgdata", "/run/secrets/eco2": "secrets"}
    files = named(manifests, "ConfigMap", "postgresql-config")["data"]
    (folder / "etc" / "postgresql.conf").write_text(_moved(files["postgresql.conf"], places, folder))
    script = folder / "etc" / "monitoring.sh"
    script.write_text(_moved(files["monitoring.sh"], places, folder))
    (folder / "secrets" / "password").write_text(PASSWORD)
    (folder / "secrets" / "monitoring-password").write_text(f"{PASSWORD}m")
    for place in (folder, *folder.rglob("*")):
        if owner:
            os.chown(place, owner.pw_uid, owner.pw_gid)
    one = container(workload(manifests), "postgresql")
    told = {variable["name"]: variable.get("value", "") for variable in one["env"]}
    initdb = [
        str(programs.postgres_bin / "initdb"),
        f"--pgdata={folder / 'pgdata'}",
        f"--username={told['POSTGRES_USER']}",
    ]
    made = [*initdb, f"--pwfile={folder / 'secrets' / 'password'}", *told["POSTGRES_INITDB_ARGS"].split()]
    subprocess.run(made, check=True, capture_output=True, cwd=folder, **user)  # type: ignore[call-overload]
    # What the image appends.
    with (folder / "pgdata" / "pg_hba.conf").open("a") as file:
        file.write("\nhost all all all scram-sha-256\n")
    settings = {
        "config_file": folder / "etc" / "postgresql.conf",
        "port": port,
        "unix_socket_directories": folder / "run",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with _running([str(programs.postgres_bin / "postgres"), *options], {}, cwd=folder, **user) as process:
        login = {
            "PGHOST": str(folder / "run"),
            "PGPORT": str(port),
            "PGPASSWORD": PASSWORD,
            "POSTGRES_USER": told["POSTGRES_USER"],
            "POSTGRES_DB": told["POSTGRES_DB"],
            "PATH": f"{programs.postgres_bin}:{os.environ['PATH']}",
        }
        create = ["psql", "--username", told["POSTGRES_USER"], "--dbname", "postgres", "--command"]
        _until(process, lambda: _succeeds([*create, "SELECT 1"], login, folder))
        subprocess.run(
            [*create, f'CREATE DATABASE "{told["POSTGRES_DB"]}"'],
            check=True,
            capture_output=True,
            env=login,
            cwd=folder,
        )
        subprocess.run(["bash", str(script)], check=True, capture_output=True, env=login, cwd=folder)
        yield Daemon(port, process.pid)


@contextmanager
def rabbitmq(manifests: list[Manifest], programs: Programs, folder: Path) -> Iterator[Daemon]:
    """With the container's own variables and files."""
    port, metrics_port, epmd_port, distribution = (free_port() for _ in range(4))
    files = named(manifests, "ConfigMap", "rabbitmq-config")["data"]
    ports = {"listeners.tcp.default = 5672": f"listeners.tcp.default = {port}"}
    ports["prometheus.tcp.port = 15692"] = f"prometheus.tcp.port = {metrics_port}"
    conf = files["rabbitmq.conf"]
    for said, here in ports.items():
        assert said in conf
        conf = conf.replace(said, here)
    (folder / "rabbitmq.conf").write_text(conf)
    (folder / "enabled_plugins").write_text(files["enabled_plugins"])
    one = container(workload(manifests), "rabbitmq")
    told = {variable["name"]: variable.get("value", "") for variable in one["env"]}
    environment = {
        **{name: value.replace("/etc/eco2", str(folder)) for name, value in told.items()},
        "RABBITMQ_DEFAULT_USER": "eco2",
        "RABBITMQ_DEFAULT_PASS": PASSWORD,
        "RABBITMQ_NODENAME": "eco2-charts@localhost",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RUNNING_UNDER_SYSTEMD": "true",
        "HOME": str(folder),
    }
    names = [str(programs.epmd), "-port", str(epmd_port), "-address", "127.0.0.1"]
    with _running(names, {}), _running([str(programs.rabbitmq_server)], environment) as process:
        _until(process, lambda: _listens(port) and _listens(metrics_port))
        yield Daemon(port, process.pid, metrics_port)


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def _moved(text: str, places: Mapping[str, str], folder: Path) -> str:
    for place, here in places.items():
        text = re.sub(rf"(?<![\w/]){re.escape(place)}\b", str(folder / here), text)
    return text


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], **options: object
) -> Iterator[subprocess.Popen[bytes]]:
    process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]
        command,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **options,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGINT)  # PostgreSQL's fast shutdown
        try:
            process.communicate(timeout=3)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _until(process: subprocess.Popen[bytes], holds: Callable[[], bool], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
            assert process.stdout is not None
            raise AssertionError(f"it did not start:\n{process.stdout.read().decode()}")
        time.sleep(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _succeeds(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> bool:
    assert shutil.which(command[0], path=environment["PATH"])
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True).returncode == 0
