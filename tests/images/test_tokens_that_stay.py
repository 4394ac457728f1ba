"""A token that outlives the push: in a command line, on disk, in what is shown; or one that replaces the user's own."""

import base64
import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioning.images import errors
from provisioning.images.build import commands
from provisioning.images.configuration import private
from provisioning.images.docker import Docker
from tests.images.conftest import TOKEN, Machine


def test_the_token_goes_by_standard_input_and_nowhere_else(machine: Machine) -> None:
    machine.build(push=True)

    assert [call["stdin"] for call in machine.calls() if "stdin" in call] == [TOKEN]
    for call in machine.calls():
        assert TOKEN not in json.dumps(call["argv"])
        assert "GHCR_TOKEN" not in call["variables"]
    assert TOKEN not in machine.shown.getvalue()


def test_the_folder_with_the_login_is_its_owners_alone_and_gone_afterwards(machine: Machine) -> None:
    machine.build(push=True)

    folders = {call["config_folder"] for call in machine.calls()}
    assert {call["mode"] for call in machine.calls()} == {"0o700"}
    assert len(folders) == 1
    assert not Path(*folders).exists()


def test_the_folder_is_gone_after_a_failure_too(machine: Machine) -> None:
    machine.docker(push="denied: permission_denied: The token provided does not match expected scopes.")

    with pytest.raises(errors.ScopeMissing):
        machine.build(push=True)

    assert not any(Path(call["config_folder"]).exists() for call in machine.calls())


def test_a_token_in_what_docker_prints_is_hidden(machine: Machine) -> None:
    machine.docker(build={"services": f"#5 0.1 curl -H 'Authorization: {TOKEN}'\nERROR: failed to solve: x"})

    with pytest.raises(errors.BuildFailed):
        machine.build(push=True)

    assert "#5 0.1 curl" in machine.shown.getvalue()
    assert TOKEN not in machine.shown.getvalue()


def test_the_users_own_login_stays_as_it_is_and_no_keychain_gets_ours(machine: Machine) -> None:
    home = Path(machine.variables["HOME"]) / ".docker"
    (home / "contexts").mkdir(parents=True)
    before: dict[str, Any] = {
        "auths": {"https://index.docker.io/v1/": {"auth": base64.b64encode(b"me:x").decode()}},
        "credsStore": "desktop",
        "credHelpers": {"ghcr.io": "gh"},
        "currentContext": "colima",
    }
    (home / "config.json").write_text(json.dumps(before))

    machine.build(push=True)

    assert json.loads((home / "config.json").read_text()) == before
    given = machine.calls()[0]["config"]
    assert given == {"auths": {"ghcr.io": {}, **before["auths"]}, "currentContext": "colima"}
    assert "contexts" in machine.calls()[0]["beside"]
    assert machine.calls()[0]["builders"] == str(home / "buildx")


def test_a_dry_run_shows_where_the_token_comes_from_and_not_the_token(machine: Machine) -> None:
    lines = commands(machine.plan(push=True), machine.variables)

    assert lines[0].startswith('printf %s "$GHCR_TOKEN" | docker login ghcr.io --username=mangowhoiscloud')
    assert TOKEN not in "\n".join(lines)


def test_the_commands_of_a_dry_run_are_those_that_are_run(machine: Machine) -> None:
    lines = commands(machine.plan(push=True), machine.variables)
    shown = [line.partition("docker ")[2].replace("'", "") for line in lines]

    machine.build(push=True)

    run = [" ".join(call["argv"]) for call in machine.calls() if call["argv"][0] == "login" or "build" in call["argv"]]
    assert len(run) == len(shown) == 3
    for said, done in zip(shown, run, strict=True):
        words = [(a, b) for a, b in zip(said.split(), done.split(), strict=True) if a != b]
        assert all(a.startswith("--metadata-file=") and b.startswith("--metadata-file=") for a, b in words)


@pytest.fixture
def registry() -> Iterator[str]:
    """A registry on this machine that knows one token. The real docker client logs in to it without a daemon."""
    known = "Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.headers.get("Authorization") == known else 401)
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def keychain(tmp_path: Path) -> Path:
    """A folder for the PATH with the keychain that docker looks for by itself on Linux. It keeps what it is given."""
    folder = tmp_path / "keychain"
    folder.mkdir()
    for name in ("pass", "docker-credential-pass", "docker-credential-secretservice"):
        (folder / name).write_text(f"#!/bin/sh\ncat >> {folder}/kept\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.skipif(shutil.which("docker") is None, reason="docker's client is not installed")
def test_the_real_client_gives_the_token_to_no_keychain(registry: str, keychain: Path, tmp_path: Path) -> None:
    before: dict[str, Any] = {
        "PATH": f"{keychain}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "DOCKER_HOST": f"unix://{tmp_path}/none",
    }
    words = ["login", registry, "--username=me", "--password-stdin"]

    with private(before, registry) as told:
        client = Docker.found(told, tmp_path)
        assert "Login Succeeded" in client.ask(words, within_s=30, stdin=TOKEN)
        logged_in = json.loads((Path(told["DOCKER_CONFIG"]) / "config.json").read_text())
        with pytest.raises(errors.LoginRefused):
            client.ask(words, within_s=30, stdin="ghp_another_token")

    assert logged_in["auths"][registry]["auth"]
    assert not (keychain / "kept").exists()
    assert not (tmp_path / ".docker").exists()
