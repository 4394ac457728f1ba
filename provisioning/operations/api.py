"""The API server itself: its version, and waiting for it where it is about to be away."""

from __future__ import annotations

import json
import time

from provisioning.cluster import Version
from provisioning.kubernetes import Kubectl
from provisioning.operations.errors import ApiAway
from provisioning.run import RunError, Step

_LOOK_S = 2.0


def api_version(kubectl: Kubectl, step: Step) -> Version:
    """The version of the API server that answers."""
    return Version.parse(json.loads(kubectl.repeated(step, "get", "--raw", "/version"))["gitVersion"])


def wait_for_api(kubectl: Kubectl, step: Step, *, version: Version | None = None, timeout_s: float = 300.0) -> None:
    """Waits until the API server says that it is ready, in this version if one is given. Raises `ApiAway`."""
    deadline = time.monotonic() + timeout_s
    said: object = "nothing"
    while time.monotonic() < deadline:
        try:
            kubectl.run(step, "get", "--raw", "/readyz", timeout_s=10)
            running = Version.parse(json.loads(kubectl.run(step, "get", "--raw", "/version"))["gitVersion"])
            if version is None or running == version:
                return
            said = f"it is {running}"
        except RunError as error:
            # While it starts it refuses connections, then fails its own checks one after the other.
            said = error
        step.wait(_LOOK_S)
    raise ApiAway(f"after {timeout_s:.0f} s: {said}")
