"""Docker is missing, does not answer, or is refused by a registry; and nobody is told what to do about it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioning.images import build as making
from provisioning.images import docker, errors
from provisioning.images.answers import explained
from provisioning.run import RunError
from tests.images.conftest import Machine

DAEMON = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
SOCKET = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
    'Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/version": dial unix /var/run/docker.sock: connect: permission denied'
)
LOST = 'failed to do request: Head "https://ghcr.io/v2/x/blobs/y": dial tcp: lookup ghcr.io: no such host'
STEP = """#12 [packages 2/2] RUN ./install.sh packages services /opt/eco2/packages
#12 3.210 ERROR: unauthorized: a word that a step prints
------
 > [packages 2/2] RUN ./install.sh packages services /opt/eco2/packages:
3.210 requirements.lock does not have what services.txt asks for: boto3
------
Dockerfile:29
--------------------
  29 | >>> RUN ./install.sh environment /opt/eco2
--------------------
ERROR: failed to solve: process "/bin/sh -c ./install.sh" did not complete successfully: exit code: 1"""


def test_without_docker_it_says_so(machine: Machine, without_docker: Callable[..., Path]) -> None:
    machine.variables["PATH"] = str(without_docker("git"))

    with pytest.raises(errors.DockerMissing, match="not on the PATH"):
        machine.build(push=True)


@pytest.mark.parametrize("said", [DAEMON, SOCKET, "error during connect: Head: dial tcp 10.0.0.1:2375: i/o timeout"])
def test_a_daemon_that_does_not_answer_is_told_before_a_token_is_sent(machine: Machine, said: str) -> None:
    machine.docker(daemon=said)

    with pytest.raises(errors.DaemonSilent) as told:
        machine.build(push=True)

    assert str(told.value) == said
    assert machine.words() == ["version --format"]


def test_the_real_client_without_a_daemon_is_understood(machine: Machine, tmp_path: Path) -> None:
    """Where docker is installed: its own words for a socket that is not there."""
    machine.variables |= {"PATH": os.environ["PATH"], "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    with pytest.raises((errors.DaemonSilent, errors.DockerMissing)):
        machine.build()


@pytest.mark.parametrize(
    "said",
    [
        "docker: unknown command: docker buildx\n\nRun 'docker --help' for more information",
        "docker: 'buildx' is not a docker command.\nSee 'docker --help'",
    ],
)
def test_without_buildx_it_says_so(machine: Machine, said: str) -> None:
    machine.docker(buildx=said)

    with pytest.raises(errors.BuildxMissing):
        machine.build()


@pytest.mark.parametrize("token", ["", "   ", "abc"])
def test_without_a_token_nothing_is_begun(machine: Machine, token: str) -> None:
    machine.variables["GHCR_TOKEN"] = token

    with pytest.raises(errors.TokenMissing, match="nothing was built"):
        machine.build(push=True)
    assert machine.calls() == []


@pytest.mark.parametrize(
    "said",
    [
        'Error response from daemon: Get "https://ghcr.io/v2/": denied: denied',
        'Error response from daemon: Get "https://ghcr.io/v2/": unauthorized: authentication required',
        "Error response from daemon: Get https://ghcr.io/v2/: denied: denied",
    ],
)
def test_a_refused_login_stops_before_anything_is_built(machine: Machine, said: str) -> None:
    machine.docker(login=said)

    with pytest.raises(errors.LoginRefused):
        machine.build(push=True)
    assert "buildx build" not in machine.words()


def test_a_registry_that_is_away_at_the_login_is_no_refusal(machine: Machine) -> None:
    machine.docker(
        login='Error response from daemon: Get "https://ghcr.io/v2/": dial tcp: lookup ghcr.io: no such host'
    )
    with pytest.raises(errors.RegistrySilent):
        machine.build(push=True)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("denied: permission_denied: The token provided does not match expected scopes.", errors.ScopeMissing),
        ("denied: permission_denied: write_package", errors.ScopeMissing),
        ("denied: permission_denied: create_package", errors.PushDenied),
        ("denied: not_found: owner not found", errors.PushDenied),
        (
            "unexpected status from POST request to https://ghcr.io/v2/x/blobs: 403 Forbidden",
            errors.PushDenied,
        ),
        ("unexpected status from PUT request to https://ghcr.io/v2/x: 503 Service Unavailable", errors.RegistrySilent),
        (LOST, errors.RegistrySilent),
        ("unauthorized: unauthenticated: User cannot be authenticated with the token provided.", errors.LoginRefused),
    ],
)
def test_a_refused_push_is_told_with_its_own_remedy(machine: Machine, said: str, kind: type[RunError]) -> None:
    machine.docker(push=said)

    with pytest.raises(kind) as told:
        machine.build(push=True)

    assert type(told.value) is kind
    assert said in str(told.value)
    assert told.value.remedy


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("ERROR: failed to solve: write /var/lib/docker/tmp/x: no space left on device", errors.NoSpace),
        (
            "ERROR: failed to solve: docker.io/library/python:3: failed to resolve source metadata for "
            f"docker.io/library/python:3: {LOST}",
            errors.BaseImageOutOfReach,
        ),
        (
            "ERROR: failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io: "
            "429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.",
            errors.BaseImageOutOfReach,
        ),
        (
            "ERROR: failed to build: Attestation is not supported for the docker driver.\n"
            "Switch to a different driver, or turn on the containerd image store, and try again.",
            errors.BuilderUnfit,
        ),
        ("ERROR: Multi-platform build is not supported for the docker driver.", errors.BuilderUnfit),
    ],
)
def test_a_build_that_cannot_be_is_told_with_its_own_remedy(machine: Machine, said: str, kind: type[RunError]) -> None:
    machine.docker(build={"services": said})

    with pytest.raises(kind) as told:
        machine.build()

    assert type(told.value) is kind


def test_a_step_that_fails_is_told_by_its_last_lines_and_not_by_a_word_in_them(machine: Machine) -> None:
    machine.docker(build={"worker": STEP})

    with pytest.raises(errors.BuildFailed) as told:
        machine.build()

    assert "does not have what services.txt asks for: boto3" in str(told.value)
    assert "exit code: 1" in str(told.value)
    assert "built   ghcr.io/mangowhoiscloud/eco2:1.2.3" in machine.shown.getvalue(), "what is done is told"


def test_a_step_that_fails_since_the_disk_is_full_is_told_as_that() -> None:
    lines = [*STEP.splitlines()[:5], "3.3 OSError: [Errno 28] No space left on device", *STEP.splitlines()[5:]]

    assert type(explained(lines, "docker")) is errors.NoSpace


def test_a_push_without_a_digest_is_not_called_done(machine: Machine) -> None:
    machine.docker(silent=True)

    with pytest.raises(errors.BuildFailed, match="which digest"):
        machine.build(push=True)


def test_a_build_that_never_ends_is_stopped(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.docker(hangs=True)
    monkeypatch.setattr(making, "_BUILD_S", 2.0)

    with pytest.raises(errors.BuildOverdue):
        machine.build()

    with pytest.raises(ProcessLookupError):
        os.kill(int((machine.folder / "pid").read_text()), 0)


def test_ctrl_c_takes_docker_with_it(machine: Machine) -> None:
    machine.docker(hangs=True)
    client = docker.Docker.found({**machine.variables, "DOCKER_CONFIG": str(machine.folder)}, machine.repository)

    def interrupted(line: str) -> None:
        if "DONE" in line:
            raise KeyboardInterrupt

    words = machine.plan().words(machine.plan().images[0], machine.folder / "metadata.json")
    with pytest.raises(KeyboardInterrupt):
        client.build(words, interrupted, within_s=60)

    pid = machine.folder / "pid"
    assert not pid.exists() or not Path(f"/proc/{pid.read_text()}").exists()


def test_every_error_says_what_to_do() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RunError)]

    for kind in kinds:
        if kind is not RunError:
            assert kind.remedy, kind
    assert len({kind.code for kind in kinds}) == len(kinds)
