"""etcdctl and etcdutl, on the host and inside etcd's container: snapshots."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from tests.doubles.hosts import kubelet
from tests.doubles.hosts.arguments import Arguments, parse
from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.server import command

_OPTIONS = (
    "--endpoints", "--cacert", "--cert", "--key",
    "-w/--write-out", "--data-dir", "--name", "--initial-cluster", "--initial-advertise-peer-urls",
    "--initial-cluster-token", "--command-timeout", "--dial-timeout", "--bump-revision", "--wal-dir",
)  # fmt: skip

# What both doubles of the cluster begin a snapshot with.
_SNAPSHOT = b"eco2 etcd snapshot"


@command("etcdctl", "etcdutl")
def on_host(host: Host, call: Call) -> int:
    return inside_etcd(host, call, call.command.argv, {"/": "/"}, running="etcd" in host.pods)


def inside_etcd(host: Host, call: Call, words: Sequence[str], mounts: Mapping[str, str], *, running: bool) -> int:
    """One of the two programs, where paths are as ``mounts`` (inside -> on the host) make them."""
    program = words[0].rpartition("/")[2] if words else ""
    given = parse(words[1:], ("--skip-hash-check", "--cluster", "--mark-compacted"), _OPTIONS)
    match (program, *given.words):
        case ("etcdctl", "snapshot", "save", path):
            _connected(host, given, mounts, running=running)
            where = _outside(path, mounts)
            host.write(where, host.world.kubernetes.snapshot(), 0o600)
            call.out(f"Snapshot saved at {path}\nServer version 3.6.0\n")
            call.changed(f"snapshot {where}")
            return 0
        case ("etcdctl", "endpoint", "status"):
            _connected(host, given, mounts, running=running)
            call.out(json.dumps([_status(host)]) + "\n")
            return 0
        case ("etcdctl", "member", "list"):
            _connected(host, given, mounts, running=running)
            for member in _members(host):
                address = member.machine.private_ip
                call.out(
                    f"{_id(member):x}, started, {member.name}, https://{address}:2380, https://{address}:2379, false\n"
                )
            return 0
        case ("etcdctl", "member", "remove", identifier):
            _connected(host, given, mounts, running=running)
            raise Exit(1, f"Error: etcdserver: member {identifier} not found")
        case ("etcdctl", "endpoint", "health"):
            _connected(host, given, mounts, running=running)
            call.out(
                '[{"endpoint":"https://127.0.0.1:2379","health":true,"took":"8ms"}]\n'
                if given.get("-w") == "json"
                else "https://127.0.0.1:2379 is healthy\n"
            )
            return 0
        case ("etcdctl", "version") | ("etcdutl", "version"):
            call.out(f"{program} version: 3.6.5\nAPI version: 3.6\n")
            return 0
        case ("etcdutl", "snapshot", "status", path):
            data = _snapshot(host, _outside(path, mounts))
            status = {
                "hash": int(hashlib.sha256(data).hexdigest()[:8], 16),
                "revision": 4711,
                "totalKey": 1000,
                "totalSize": len(data),
                "version": "3.6.0",
            }
            call.out(
                (
                    json.dumps(status)
                    if given.get("-w") == "json"
                    else f"{status['hash']:x}, {status['revision']}, 1000, {len(data)} B"
                )
                + "\n"
            )
            return 0
        case ("etcdutl", "snapshot", "restore", path):
            return _restore(host, call, given, _snapshot(host, _outside(path, mounts)), mounts)
        case ("etcdctl", "snapshot", "restore" | "status", *_):
            raise Exit(1, "Error: unknown command: etcdctl has this no longer since 3.6, use etcdutl")
    raise Violation(f"the model knows no {' '.join(words)}")


def _connected(host: Host, given: Arguments, mounts: Mapping[str, str], *, running: bool) -> None:
    for option in ("--cacert", "--cert", "--key"):
        if not given.has(option) or not host.exists(_outside(given.get(option), mounts)):
            raise Exit(
                1,
                'Error: rpc error: code = Unavailable desc = connection error: "transport: '
                'authentication handshake failed"',
            )
    if not running:
        raise Exit(1, 'Error: rpc error: code = Unavailable desc = connection error: "connect: connection refused"')


def _restore(host: Host, call: Call, given: Arguments, data: bytes, mounts: Mapping[str, str]) -> int:
    folder = _outside(given.get("--data-dir") or "default.etcd", mounts)
    if not host.is_empty(folder):
        raise Exit(1, f'Error: data-dir "{given.get("--data-dir")}" not empty or could not be read')
    if not (given.has("--initial-cluster") and given.has("--name") and given.has("--initial-advertise-peer-urls")):
        raise Violation("without its name and peer address the restored member would not find itself")
    host.write(f"{folder}/member/snap/db", kubelet.DATABASE + data, 0o600)
    host.path(folder).chmod(0o700)
    call.changed(f"restore into {folder}")
    return 0


def _members(host: Host) -> list[Host]:
    return [each for each in host.world.hosts.values() if "etcd" in each.pods]


def _id(host: Host) -> int:
    return int(hashlib.sha256(host.name.encode()).hexdigest()[:15], 16)


def _status(host: Host) -> dict[str, object]:
    header = {"cluster_id": 4711, "member_id": _id(host), "revision": 4711, "raft_term": 2}
    status = {
        "header": header,
        "version": "3.6.5",
        "dbSize": 25_000_000,
        "leader": _id(host),
        "raftIndex": 5000,
        "raftTerm": 2,
        "raftAppliedIndex": 5000,
        "dbSizeInUse": 12_000_000,
        "storageVersion": "3.6.0",
    }
    return {"Endpoint": "https://127.0.0.1:2379", "Status": status}


def _snapshot(host: Host, where: str) -> bytes:
    path = host.path(where)
    if not path.is_file():
        raise Exit(1, f"Error: stat {where}: no such file or directory")
    data = path.read_bytes()
    if not data.startswith(_SNAPSHOT):
        raise Exit(1, "Error: invalid database")
    return data


def _outside(path: str, mounts: Mapping[str, str]) -> str:
    for inside, outside in sorted(mounts.items(), key=lambda mount: -len(mount[0])):
        if path == inside or path.startswith(inside.rstrip("/") + "/"):
            return outside.rstrip("/") + path[len(inside.rstrip("/")) :]
    raise Violation(f"{path} lies inside the container and is lost with it")
