"""What ``./inv build`` does: options in, an exit code out, every error as one clear line.

Imports are made where they are used, so that ``./inv --list`` is there at once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from invoke import Exit

from provisioning.commands import CLUSTER_FILE_VARIABLE, names

ALL = ("services", "worker")
WORKERS = ("worker",)


def build(
    targets: Sequence[str],
    *,
    file: str | None,
    version: str | None,
    push: bool,
    dry_run: bool,
    allow_dirty: bool,
    sbom: bool,
    platform: str | None,
    json: bool,
) -> None:
    """Builds these targets of the Dockerfile, or shows with which commands."""
    from provisioning.cluster import CLUSTER_FILE, ConfigurationError, load
    from provisioning.images import build as making
    from provisioning.images.plan import BuildOptions, plan
    from provisioning.images.tree import tree
    from provisioning.kubernetes.release_table import image_tag
    from provisioning.run import ExitCode, Redactor, RunError, Screen
    from provisioning.site import REPOSITORY

    try:
        registry = load(Path(file or os.environ.get(CLUSTER_FILE_VARIABLE) or CLUSTER_FILE)).registry
    except ConfigurationError as error:
        raise Exit(str(error), int(ExitCode.CONFIGURATION)) from None
    screen, redactor = Screen(), Redactor()
    # A dry run shows the commands of a tree with changes too.
    options = BuildOptions(targets, push, allow_dirty or dry_run, sbom, names(platform))
    environment = making.environment()
    try:
        planned = plan(registry, version or image_tag(), tree(REPOSITORY), options, Path("."))
        if dry_run:
            if push and planned.tree.dirty and not allow_dirty:
                screen.say(["the tree has changes that are in no commit: --push wants --allow-dirty"], error=True)
            lines = making.commands(planned, environment)
            if json:
                screen.json({**making.report(planned, []), "commands": lines})
            else:
                screen.say(lines)
            return
        built = making.build(planned, screen, redactor, environment, REPOSITORY)
    except RunError as error:
        screen.error(error, redactor, as_json=json)
        raise Exit(code=int(error.exit_code)) from None
    except KeyboardInterrupt:
        raise Exit("stopped; what was built is kept", int(ExitCode.INTERRUPTED)) from None
    if json:
        screen.json(making.report(planned, built))
    else:
        screen.say([one.line() for one in built])
