"""The program terraform on this machine, and whether it is new enough."""

from __future__ import annotations

import json
import shutil
import subprocess

from provisioning.terraform.diagnostics import TerraformMissing

OLDEST = (1, 11)
_WITHIN_S = 30


def found() -> str:
    """Where it is. Raises `TerraformMissing`."""
    path = shutil.which("terraform")
    if path is None:
        raise TerraformMissing("there is no terraform on the PATH")
    return path


def version_of(binary: str) -> str:
    """The version of this binary. Raises `TerraformMissing` for one that is too old or does not answer."""
    try:
        done = subprocess.run([binary, "version", "-json"], capture_output=True, timeout=_WITHIN_S, check=True)
        version = str(json.loads(done.stdout)["terraform_version"])
        number = tuple(int(part) for part in version.partition("-")[0].split("."))
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        raise TerraformMissing(f"{binary} does not say its version") from error
    if number < OLDEST:
        raise TerraformMissing(f"{binary} is {version}, {'.'.join(map(str, OLDEST))} or newer is needed")
    return version
