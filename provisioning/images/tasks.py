"""The tasks that build our images. Each is one call."""

from invoke import Context, task

from provisioning.images import command

HELP = {
    "push": "log in with $GHCR_TOKEN and push; a tree with uncommitted changes is refused",
    "version": "the tag beside the commit's (default: $ECO2_VERSION, else the version in setup.cfg)",
    "dry_run": "print the commands and run none; needs no docker",
    "allow_dirty": "push in spite of uncommitted changes; the tags end with -dirty",
    "sbom": "with --push: also a list of all packages (SBOM) and where the image comes from (provenance)",
    "platform": "such as linux/amd64; several, with commas between, only with --push",
    "file": "another cluster file, whose registry counts ($ECO2_CLUSTER_FILE)",
    "json": "for scripts",
}


@task(help=HELP)
def build(
    context: Context,
    push: bool = False,
    version: str | None = None,
    dry_run: bool = False,
    allow_dirty: bool = False,
    sbom: bool = False,
    platform: str | None = None,
    file: str | None = None,
    json: bool = False,
) -> None:
    """Build both images, of the services and of the workers; --push makes them the cluster's."""
    command.build(
        command.ALL,
        file=file,
        version=version,
        push=push,
        dry_run=dry_run,
        allow_dirty=allow_dirty,
        sbom=sbom,
        platform=platform,
        json=json,
    )


@task(help=HELP)
def build_workers(
    context: Context,
    push: bool = False,
    version: str | None = None,
    dry_run: bool = False,
    allow_dirty: bool = False,
    sbom: bool = False,
    platform: str | None = None,
    file: str | None = None,
    json: bool = False,
) -> None:
    """Build the workers' image alone, with the local model in it."""
    command.build(
        command.WORKERS,
        file=file,
        version=version,
        push=push,
        dry_run=dry_run,
        allow_dirty=allow_dirty,
        sbom=sbom,
        platform=platform,
        json=json,
    )


TASKS = (build, build_workers)
