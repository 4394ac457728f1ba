"""Nothing outlives the stack, however it ends; and its data do."""

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

import psutil
import psycopg2
import pytest

from provisioning.local import down, survey, up, urls
from provisioning.local.ports import is_listening, sockets_of
from provisioning.local.probes import s3_client
from provisioning.local.processes import members
from provisioning.local.settings import BUCKET, Stack
from provisioning.local.supervise import Supervisor
from tests.provisioning.local.evidence import alive, printed


def listening(home):
    return [
        (name, each)
        for name, port in Stack.load(home).ports.items()
        for each in sockets_of(name, port)
        if is_listening(each)
    ]


@pytest.mark.timeout(240)
def test_a_stack_dies_as_a_whole_and_rises_with_its_data(fresh, console):
    up(fresh.path, services=False, console=console)
    told = urls(fresh)
    with contextlib.closing(psycopg2.connect(told["ECO2_DATABASE_URL"])) as connection, connection:
        connection.cursor().execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    s3_client(told["ECO2_S3_URL"]).put_object(Bucket=BUCKET, Key="kept", Body=b"seven")

    # supervisord is killed: everything dies with it
    family = [process.pid for process in members(fresh)]
    names = {psutil.Process(pid).name() for pid in family}
    assert {"beam.smp", "epmd", "postgres", "redis-server", "weed"} <= names
    supervisord = Supervisor(fresh).pid()
    assert supervisord is not None
    os.kill(supervisord, signal.SIGKILL)
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and (alive(family) or listening(fresh)):
        time.sleep(0.1)
    assert alive(family) == []
    assert listening(fresh) == []
    assert members(fresh) == []
    assert not survey(fresh.path).running

    # while it is down, a stranger takes its Redis port
    ports = Stack.load(fresh).ports
    port = ports["redis"]
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        up(fresh.path, services=False, console=console)
    assert Stack.load(fresh).ports == {**ports, "redis": Stack.load(fresh).ports["redis"]}
    assert Stack.load(fresh).ports["redis"] != port
    told = urls(fresh)
    with contextlib.closing(psycopg2.connect(told["ECO2_DATABASE_URL"])) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT n FROM kept")
        assert cursor.fetchone() == (7,)
    assert s3_client(told["ECO2_S3_URL"]).get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"seven"

    # an orderly down leaves no process, no port, no socket
    family = [process.pid for process in members(fresh)]
    down(fresh.path, console=console)
    assert alive(family) == []
    assert listening(fresh) == []
    assert not fresh.socket.exists()
    for each in sockets_of("s3", ports["s3"]):
        assert list(Path("/tmp").glob(f"seaweedfs-*-{each}.sock")) == []  # noqa: S108 - where SeaweedFS puts them
    assert (fresh.data / "redis").exists()

    # and a wipe leaves nothing at all
    postgres = fresh.postgres
    down(fresh.path, wipe=True, yes=True, console=console)
    assert not fresh.path.exists()
    assert not postgres.exists()


@pytest.mark.usefixtures("without_parts")
def test_down_ends_the_processes_of_a_dead_supervisord_and_no_others(fresh, console):
    up(fresh.path, services=False, console=console)
    supervisord = Supervisor(fresh).pid()
    assert supervisord is not None
    marked = {**os.environ, "ECO2_STACK": str(fresh.path)}
    orphan = psutil.Popen(["sleep", "60"], env=marked)
    namesake = psutil.Popen(["sleep", "60"], env={**os.environ, "ECO2_HOME": str(fresh.path)})
    try:
        os.kill(supervisord, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(supervisord)] if psutil.pid_exists(supervisord) else [], timeout=40)
        (fresh.run / "redis.pid").write_text(f"{os.getpid()} 1\n")  # a pid that has been reused: ours
        down(fresh.path, console=console)
        assert alive([orphan.pid]) == []
        assert namesake.is_running()
        assert "supervisord is gone" in printed(console)
    finally:
        namesake.kill()
        namesake.wait()


def test_down_of_a_stopped_home_leaves_a_strangers_port_and_socket_alone(fresh, console, tmp_path):
    fresh.create()
    stack = Stack.load(fresh)
    stack.make_secrets()
    stack.choose_ports({})
    stack.save()
    path = f"/tmp/seaweedfs-test-{stack.ports['s3']}.sock"  # noqa: S108 - where SeaweedFS puts its own
    with socket.socket() as port, socket.socket(socket.AF_UNIX) as unix:
        port.bind(("127.0.0.1", stack.ports["s3"]))
        port.listen()
        unix.bind(path)
        unix.listen()
        try:
            down(fresh.path, console=console)
            assert os.path.exists(path)
        finally:
            os.unlink(path)
    assert "was not running" in printed(console)
