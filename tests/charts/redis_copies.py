"""What the chart's Job and the restore of docs/operations.md do, on this machine, with this machine's Redis."""

import os
import socket
import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import redis

from tests.charts import daemons
from tests.charts.daemons import Daemon
from tests.charts.environments import told
from tests.charts.rendering import Manifest, Pod, container, named, pods
from tests.charts.values import PASSWORD

SECRETS = {("redis-credentials", "password"): PASSWORD, ("s3", "access-key"): "key", ("s3", "secret-key"): "secret"}


def connected(server: Daemon) -> redis.Redis:
    return redis.Redis(port=server.port, password=PASSWORD, decode_responses=True)


def job(manifests: list[Manifest]) -> Pod:
    (found,) = (pod for pod in pods(manifests) if pod.owner["kind"] == "CronJob")
    return found


def programs(manifests: list[Manifest], folder: Path) -> Path:
    """What the ConfigMap brings, as the pod has it."""
    made = folder / "programs"
    made.mkdir(exist_ok=True)
    for name, text in named(manifests, "ConfigMap", "redis-backup")["data"].items():
        (made / name).write_text(text, encoding="utf-8")
    return made


def run(manifests: list[Manifest], name: str, folder: Path, port: int = 0) -> subprocess.CompletedProcess[str]:
    """A container of the Job with its own command, on this machine."""
    one = container(job(manifests), name)
    here = {
        "/backup": str(folder),
        "redis.data.svc": "127.0.0.1",
        "6379": str(port),
        "python": sys.executable,
    }
    mounted, said = str(programs(manifests, folder.parent)), one.get("command") or one["args"]
    words = [here.get(word, word).replace("/etc/eco2", mounted) for word in said]
    environment = {**told(one, SECRETS), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)


def restored(manifests: list[Manifest], data: Path, copy: bytes) -> subprocess.CompletedProcess[bytes]:
    """By the program that docs/operations.md calls."""
    script = programs(manifests, data.parent) / "restore.sh"
    return subprocess.run(["sh", str(script), str(data)], input=copy, capture_output=True, timeout=60)


def started_on(manifests: list[Manifest], data: Path) -> AbstractContextManager[Daemon]:
    """Redis as the chart starts it, with its data in a folder that is there already."""
    folder = Path(f"{data}-run-{len(list(data.parent.iterdir()))}")
    folder.mkdir()
    (folder / "data").symlink_to(data)
    return daemons.redis(manifests, folder)


class CutAfter:
    """A way to Redis that breaks off after so many bytes of its answer."""

    def __init__(self, port: int, limit: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.limit = port, limit
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    def _serve(self) -> None:
        near, _ = self.listener.accept()
        with near, socket.create_connection(("127.0.0.1", self.port)) as far:
            asking = threading.Thread(target=self._copy, args=(near, far, sys.maxsize), daemon=True)
            asking.start()
            self._copy(far, near, self.limit)
            for end in (near, far):
                end.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket, limit: int) -> None:
        try:
            while limit > 0 and (data := source.recv(min(65536, limit))):
                target.sendall(data)
                limit -= len(data)
        except OSError:
            pass
