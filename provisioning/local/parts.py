"""The four parts: the files each needs before it starts, and what is done once it answers the first time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from provisioning.local import probes
from provisioning.local.errors import StepFailed
from provisioning.local.home import Home, make_private, postgres_owner
from provisioning.local.packages import Programs
from provisioning.local.settings import BUCKET, S3, Stack


def prepare(part: str, stack: Stack, programs: Programs) -> None:
    """Writes the conf files and makes the data folder of an own part. Safe to repeat; keeps the data."""
    match part:
        case "rabbitmq":
            _prepare_rabbitmq(stack)
        case "postgresql":
            _prepare_postgres(stack, programs)
        case "redis":
            _prepare_redis(stack)
        case "seaweedfs":
            _prepare_seaweedfs(stack)


def complete(part: str, stack: Stack) -> None:
    """Creates the database or the bucket. It raises as a probe does while the part is not ready; then try again."""
    match part:
        case "postgresql":
            _create_database(stack.own_url(part))
        case "seaweedfs":
            _create_bucket(stack.own_url(part))
        case _:
            probes.OF_PART[part](stack.own_url(part))


def _prepare_rabbitmq(stack: Stack) -> None:
    home = stack.home
    (home.data / "rabbitmq").mkdir(mode=0o700, exist_ok=True)
    lines = (
        f"listeners.tcp.default = 127.0.0.1:{stack.ports['amqp']}",
        "default_user = eco2",
        f"default_pass = {stack.secrets['amqp_password']}",
        "prometheus.tcp.ip = 127.0.0.1",
        f"prometheus.tcp.port = {stack.ports['amqp_metrics']}",
        "management_agent.disable_metrics_collector = true",
        "vm_memory_high_watermark.absolute = 1GB",
        "disk_free_limit.absolute = 100MB",
        "log.file = false",
        "log.console = true",
        "log.console.level = warning",
        "log.console.use_colors = off",
    )
    home.write_private(home.conf / "rabbitmq.conf", "\n".join(lines) + "\n")
    home.write_private(home.conf / "enabled_plugins", "[rabbitmq_prometheus].\n")


def _prepare_postgres(stack: Stack, programs: Programs) -> None:
    """``initdb`` once, as the user PostgreSQL will run as; a half-made cluster of an interrupted run is made anew."""
    folder = stack.home.postgres
    if (folder / "data" / "PG_VERSION").exists():
        return
    assert programs.postgres_bin is not None
    owner = postgres_owner()
    make_private(folder, owner)
    fresh, password = folder / "data.new", folder / "password"
    shutil.rmtree(fresh, ignore_errors=True)
    stack.home.write_private(password, stack.secrets["database_password"])
    if owner:
        os.chown(password, owner.pw_uid, owner.pw_gid)
    command = [
        str(programs.postgres_bin / "initdb"),
        f"--pgdata={fresh}",
        f"--pwfile={password}",
        "--username=eco2",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    ]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        password.unlink()
    if done.returncode != 0:
        raise StepFailed(f"initdb ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    fresh.rename(folder / "data")


def _prepare_redis(stack: Stack) -> None:
    home = stack.home
    (home.data / "redis").mkdir(mode=0o700, exist_ok=True)
    lines = (
        "bind 127.0.0.1",
        f"port {stack.ports['redis']}",
        f"requirepass {stack.secrets['redis_password']}",
        f'dir "{home.data / "redis"}"',
        "appendonly yes",
        'save ""',
        "maxmemory-policy noeviction",
        "daemonize no",
        "supervised no",
    )
    home.write_private(home.conf / "redis.conf", "\n".join(lines) + "\n")


def _prepare_seaweedfs(stack: Stack) -> None:
    home = stack.home
    (home.data / "seaweedfs").mkdir(mode=0o700, exist_ok=True)
    key, secret = stack.secrets["s3_access_key"], stack.secrets["s3_secret_key"]
    identities = [
        {"name": "eco2", "credentials": [{"accessKey": key, "secretKey": secret}], "actions": ["Admin"]},
        # The CDN's stand-in: anybody may read a picture by its key; nobody may list or write.
        {"name": "anonymous", "actions": [f"Read:{BUCKET}/{shown}/*" for shown in ("scans", "avatars")]},
    ]
    home.write_private(home.conf / "identities.json", json.dumps({"identities": identities}, indent=2) + "\n")


def _create_database(url: str) -> None:
    import psycopg2
    from psycopg2 import sql

    parts = urlsplit(url)
    name = parts.path.strip("/")
    connection = psycopg2.connect(urlunsplit(parts._replace(path="/postgres")), connect_timeout=3)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    finally:
        connection.close()
    probes.postgres(url)


def _create_bucket(url: str) -> None:
    """The bucket, and one object written and removed: the gateway answers before a volume can be written to."""
    client = probes.s3_client(url)
    bucket = S3.parse(url).bucket
    if bucket not in {found["Name"] for found in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key=".ready", Body=b"ready")
    client.delete_object(Bucket=bucket, Key=".ready")


def log_tail(home: Home, name: str, lines: int = 20) -> str:
    """The last lines of a program's log, indented for a report."""
    return "".join(f"    {line}\n" for line in tail(home.log_file(name), lines)) or "    (the log is empty)\n"


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a text file; reads at most its last 64 KB."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            size = file.tell()
            file.seek(max(0, size - 65_536))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-lines:] if lines > 0 else []
