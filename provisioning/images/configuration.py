"""A configuration folder for one run of docker: what its user has set up, and a login that is gone with it.

``docker login`` keeps the token in its configuration folder, in plain text or in the desktop's keychain. Ours is a
temporary folder without a keychain. Contexts, builders and plugins stay the user's own.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PARTS = ("contexts", "cli-plugins", "tls")
# They name programs that would keep the token.
_KEEPERS = ("credsStore", "credHelpers")


@contextmanager
def private(environment: Mapping[str, str], server: str) -> Iterator[dict[str, str]]:
    """An environment whose docker keeps no login to the server. The folder (0700) goes in the end, whatever happens."""
    users = Path(environment.get("DOCKER_CONFIG") or Path(environment.get("HOME") or Path.home()) / ".docker")
    with tempfile.TemporaryDirectory(prefix="eco2-docker-") as name:
        folder = Path(name)
        for part in _PARTS:
            if (users / part).is_dir():
                (folder / part).symlink_to(users / part)
        settings = _settings(users / "config.json")
        # Without any entry docker looks for a keychain of the system by itself, and stores the token there.
        settings["auths"] = {server: {}} | settings.get("auths", {})
        _write(folder / "config.json", settings)
        told = {key: value for key, value in environment.items() if key not in _SECRETS}
        # Builders and their state are the user's, where there are any.
        builders = environment.get("BUILDX_CONFIG") or str(users / "buildx")
        yield {**told, "DOCKER_CONFIG": name, "BUILDX_CONFIG": builders}


# Of no use to docker, which is told the token on standard input.
_SECRETS = ("GHCR_TOKEN", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def _settings(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in found.items() if key not in _KEEPERS} if isinstance(found, dict) else {}


def _write(file: Path, content: dict[str, Any]) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        json.dump(content, opened)
