#!/usr/bin/env python3
"""A stand-in for the program ``docker``, as strict as the real one about its words and told how to fail.

``$STAND_IN`` is its folder: ``scenario.json`` says what goes wrong, ``calls.jsonl`` is what it was asked, with what was
on standard input. Its words for success and failure are those of docker 28 with buildx 0.24, BuildKit and GHCR.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

FOLDER = Path(os.environ["STAND_IN"])
SCENARIO: dict[str, Any] = json.loads((FOLDER / "scenario.json").read_text())
CONFIG = Path(os.environ["DOCKER_CONFIG"]) / "config.json"
REFERENCE = re.compile(r"[a-z0-9.-]+(:\d+)?/[a-z0-9]+([._/-]+[a-z0-9]+)*:\w[\w.-]{0,127}")


class Strict(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        fail(f"unknown flag or argument: {message}", 125)


def fail(text: str, code: int = 1) -> NoReturn:
    print(text, file=sys.stderr)
    sys.exit(code)


def note(**more: Any) -> None:
    line = {
        "argv": sys.argv[1:],
        "variables": sorted(os.environ),
        "config": json.loads(CONFIG.read_text()) if CONFIG.is_file() else None,
        "config_folder": str(CONFIG.parent),
        "mode": oct(CONFIG.parent.stat().st_mode & 0o777),
        "beside": sorted(path.name for path in CONFIG.parent.iterdir()),
        "builders": os.environ.get("BUILDX_CONFIG"),
        "folder": os.getcwd(),
        **more,
    }
    with (FOLDER / "calls.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def daemon() -> None:
    if said := SCENARIO.get("daemon"):
        fail(said)


def login(words: list[str]) -> None:
    parser = Strict()
    parser.add_argument("server")
    parser.add_argument("--username", required=True)
    parser.add_argument("--password-stdin", action="store_true", required=True)
    told = parser.parse_args(words)
    token = sys.stdin.read()
    note(stdin=token)
    if said := SCENARIO.get("login"):
        fail(said)
    config = json.loads(CONFIG.read_text())
    auth = base64.b64encode(f"{told.username}:{token}".encode()).decode()
    config.setdefault("auths", {})[told.server] = {"auth": auth}
    CONFIG.write_text(json.dumps(config))
    print("WARNING! Your credentials are stored unencrypted in", CONFIG, file=sys.stderr)
    print("Login Succeeded")


def build(words: list[str]) -> None:
    parser = Strict()
    parser.add_argument("--progress", choices=["plain", "auto"])
    parser.add_argument("--target", required=True)
    parser.add_argument("--tag", action="append", required=True)
    parser.add_argument("--platform")
    parser.add_argument("--build-arg", action="append", default=[])
    parser.add_argument("--sbom", choices=["true"])
    parser.add_argument("--provenance", choices=["false", "mode=max"])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--push", action="store_true")
    where.add_argument("--load", action="store_true")
    parser.add_argument("--metadata-file", type=Path, required=True)
    parser.add_argument("context", type=Path)
    told = parser.parse_args(words)
    note()
    stages = re.findall(r"^FROM .* AS (\S+)$", (told.context / "Dockerfile").read_text(), re.MULTILINE)
    if told.target not in stages:
        fail(f'ERROR: failed to build: failed to solve: target stage "{told.target}" could not be found')
    for reference in told.tag:
        if not REFERENCE.fullmatch(reference):
            fail(f'ERROR: failed to build: invalid tag "{reference}": invalid reference format')
    print(f"#1 [internal] load build definition from Dockerfile\n#9 [{told.target}] DONE 0.1s", file=sys.stderr)
    if said := SCENARIO.get("build", {}).get(told.target):
        fail(said)
    if SCENARIO.get("hangs"):
        (FOLDER / "pid").write_text(str(os.getpid()))
        time.sleep(60)
    if told.push:
        refused = f"ERROR: failed to build: failed to solve: failed to push {told.tag[0]}"
        if not json.loads(CONFIG.read_text()).get("auths"):
            fail(f"{refused}: unauthorized: unauthenticated")
        if said := SCENARIO.get("push"):
            fail(f"{refused}: {said}")
    digest = "sha256:" + hashlib.sha256(told.target.encode()).hexdigest()
    if not SCENARIO.get("silent"):
        told.metadata_file.write_text(json.dumps({"containerimage.digest": digest, "image.name": ",".join(told.tag)}))
    if told.load:
        (FOLDER / "images.json").write_text(json.dumps(dict.fromkeys(told.tag, digest)))


def inspect(words: list[str]) -> None:
    note()
    form, reference = words
    images = json.loads((FOLDER / "images.json").read_text())
    if form != "--format={{.Id}}" or reference not in images:
        fail(f"Error response from daemon: No such image: {reference}")
    print(images[reference])


def main(words: list[str]) -> None:
    match words:
        case ["version", "--format", "{{.Server.Version}}"]:
            note()
            daemon()
            print("28.2.2")
        case ["buildx", "version"]:
            note()
            if SCENARIO.get("buildx"):
                fail(SCENARIO["buildx"])
            print("github.com/docker/buildx v0.24.0 d0e5e86")
        case ["login", *rest]:
            login(rest)
        case ["buildx", "build", *rest]:
            daemon()
            build(rest)
        case ["image", "inspect", *rest]:
            inspect(rest)
        case _:
            fail(f"docker: unknown command: docker {' '.join(words)}", 125)


if __name__ == "__main__":
    main(sys.argv[1:])
