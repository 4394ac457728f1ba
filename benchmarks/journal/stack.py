"""The private parts that are measured against, the peers' virtual environment, and what this machine is."""

import fcntl
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg2
from kombu import Connection

from benchmarks.journal.sizes import ROOT

LOCK = ROOT / "benchmarks" / "requirements.lock"
DATABASES = ("bench_celery", "bench_procrastinate", "bench_dbos")


def peers_python() -> Path:
    """Python of ``.eco2/bench-venv``, made from ``requirements.lock`` when that has changed."""
    venv = ROOT / ".eco2" / "bench-venv"
    stamp = venv / ".lock"
    python = venv / "bin" / "python"
    with LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_bytes() != LOCK.read_bytes():
            print("installing the peers into .eco2/bench-venv (once)", flush=True)
            base = Path(getattr(sys, "_base_executable", sys.executable))
            subprocess.run([base, "-m", "venv", "--clear", venv], check=True)
            install = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
            subprocess.run([python, *install, "-r", LOCK], check=True)
            stamp.write_bytes(LOCK.read_bytes())
    return python


@contextmanager
def parts() -> Iterator[dict[str, str]]:
    """RabbitMQ and PostgreSQL of our own, migrated, as the environment of what is measured; wiped at the end."""
    # Not the default place for temporary files: that may be memory, where a commit costs nothing.
    base = Path(tempfile.mkdtemp(prefix="eco2-bench-", dir="/var/tmp"))
    base.chmod(0o711)  # PostgreSQL's user passes through
    home = base / "home"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ECO2_")}
    environment = {**clean, "ECO2_HOME": str(home), "ECO2_CACHE": str(ROOT / ".eco2" / "cache")}
    try:
        _invoke("up", "--no-services", environment=environment)
        environment |= _settings(home)
        migrate = [sys.executable, "-m", "services.kernel.migrations", "up"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        _create_databases(environment["ECO2_DATABASE_URL"])
        work = base / "work"
        work.mkdir()
        yield {**environment, "BENCH_DIR": str(work), "PYTHONUNBUFFERED": "1"}
    finally:
        try:
            if home.exists():
                _invoke("down", "--wipe", "--yes", environment=environment)
        finally:
            shutil.rmtree(base, ignore_errors=True)


def machine(environment: dict[str, str]) -> dict[str, str]:
    """What the figures depend on."""
    with Connection(environment["ECO2_AMQP_URL"]) as broker:
        broker.connect()
        rabbitmq = broker.connection.server_properties["version"]
    with psycopg2.connect(environment["ECO2_DATABASE_URL"]) as database:
        postgresql = str(database.server_version)
    middle, late = _fdatasync(Path(environment["BENCH_DIR"]))
    disk = _filesystem(Path(environment["BENCH_DIR"]))
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "disk": f"{disk}, fdatasync of 4 KiB: p50 {middle:.2f} ms, p99 {late:.2f} ms",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "RabbitMQ": rabbitmq,
        "PostgreSQL": f"{postgresql[:-4]}.{int(postgresql[-4:])}",
        "load at the start": "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg()),
    }


def versions(python: Path) -> dict[str, str]:
    """Of the peers."""
    names = ("celery", "dramatiq", "huey", "procrastinate", "dbos")
    code = f"import importlib.metadata as m; print(*(m.version(n) for n in {names!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return dict(zip(names, done.stdout.split(), strict=True))


def _invoke(*arguments: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "invoke", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"./inv {' '.join(arguments)}:\n{done.stdout}{done.stderr}")


def _settings(home: Path) -> dict[str, str]:
    from provisioning.local.settings import urls

    return urls(home)


def _create_databases(url: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for name in DATABASES:
            cursor.execute(f"CREATE DATABASE {name}")
    connection.close()


def _fdatasync(folder: Path) -> tuple[float, float]:
    times = []
    with (folder / "fdatasync").open("wb") as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


def _filesystem(folder: Path) -> str:
    mounts = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype
