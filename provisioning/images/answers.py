"""What docker says when it fails, as an error with a cause and a remedy.

The words are those of docker's client and daemon, buildx, BuildKit, Docker Hub and GHCR. The first that fits decides: a
registry's answer stands beside words that fit other lines too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from provisioning.images import errors
from provisioning.run import RunError

_NO_ROOM = r"no space left on device|not enough disk space|disk quota exceeded"
_CUT_OFF = (
    r"failed to do request|no such host|connection (?:refused|reset)|i/o timeout|tls handshake timeout|certificate"
    r"|context deadline exceeded|client\.timeout|unexpected eof|unexpected status.* 50\d|network is unreachable"
)
_KNOWN: tuple[tuple[str, type[RunError]], ...] = (
    (r"unknown command: docker buildx|'buildx' is not a docker command", errors.BuildxMissing),
    (
        r"cannot connect to the docker daemon|is the docker daemon running|error during connect"
        r"|permission denied while trying to connect to the docker (?:daemon|api)",
        errors.DaemonSilent,
    ),
    (
        r"is not supported for the docker driver|does not currently support exporting manifest lists",
        errors.BuilderUnfit,
    ),
    (r"attestations are not supported by the current buildkitd", errors.BuilderUnfit),
    (_NO_ROOM, errors.NoSpace),
    (r"invalid reference format|invalid tag ", errors.BuildRefused),
    (r"does not match expected scopes|permission_denied: write_package|insufficient_scope", errors.ScopeMissing),
    (rf"failed to push .*(?:{_CUT_OFF})", errors.RegistrySilent),
    (r"failed to push .*(?:denied|forbidden|not found|not_found|name unknown)", errors.PushDenied),
    (r"failed to push .*unauthorized", errors.LoginRefused),
    (r"toomanyrequests|failed to resolve source metadata|pull access denied", errors.BaseImageOutOfReach),
    (r"login attempt to \S+ failed with status: 40[13]", errors.LoginRefused),
    (r"get \"?https?://\S+/v2/\"?: (?:denied|unauthorized)|incorrect username or password", errors.LoginRefused),
    (r"denied: |permission_denied|name unknown", errors.PushDenied),
    (r"unauthorized", errors.LoginRefused),
    (_CUT_OFF, errors.RegistrySilent),
)
_STEP_FAILED = "did not complete successfully"


def explained(lines: Iterable[str], otherwise: str) -> RunError:
    """The error that these last lines tell of; ``otherwise`` begins the message where none of them is known."""
    said = [line.rstrip() for line in lines if line.strip()]
    # What a step prints is not docker's answer: a test's name may well hold "unauthorized".
    known = _KNOWN if not any(_STEP_FAILED in line for line in said) else ((_NO_ROOM, errors.NoSpace),)
    for pattern, kind in known:
        for line in reversed(said):
            if re.search(pattern, line, re.IGNORECASE):
                return kind(line.strip())
    return errors.BuildFailed("\n".join([otherwise, *(f"  {line}" for line in said)]))
