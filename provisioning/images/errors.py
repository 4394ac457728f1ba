"""What can go wrong while images are built and pushed, each with its likely cause and what to do."""

from __future__ import annotations

from provisioning.run import ExitCode, RunError


class DockerMissing(RunError):
    """The program ``docker`` is not on the PATH."""

    code = "E-DOCKER-MISSING"
    exit_code = ExitCode.CONFIGURATION
    cause = "Docker is not installed on this machine, or its folder is not on the PATH."
    remedy = "Install Docker (https://docs.docker.com/engine/install/); --dry-run shows the commands without it."


class BuildxMissing(RunError):
    """Docker has no ``buildx``, which builds the images."""

    code = "E-BUILDX-MISSING"
    exit_code = ExitCode.CONFIGURATION
    cause = "Docker's plugin buildx is a package of its own on many systems."
    remedy = "Install docker-buildx-plugin (Debian: docker-buildx), so that `docker buildx version` answers."


class DaemonSilent(RunError):
    """Docker's daemon does not answer."""

    code = "E-DOCKER-DAEMON"
    exit_code = ExitCode.CONNECTION
    cause = "It does not run, runs elsewhere (DOCKER_HOST, `docker context ls`), or this user may not use its socket."
    remedy = "Start it (`systemctl start docker`) or join the group docker, until `docker version` shows a server."


class BuilderUnfit(RunError):
    """The builder that buildx uses cannot do what was asked for."""

    code = "E-BUILDX-DRIVER"
    exit_code = ExitCode.CONFIGURATION
    cause = "Several platforms at once, SBOM and provenance need a builder of their own; Docker's default one has none."
    remedy = "docker buildx create --driver docker-container --use, then the same command again."


class BuildRefused(RunError):
    """What was asked for contradicts itself, or cannot be named as an image."""

    code = "E-BUILD-OPTIONS"
    exit_code = ExitCode.CONFIGURATION
    remedy = "./inv --help build tells the options."


class TreeDirty(RunError):
    """The tree has changes that no commit has, so nobody could tell later what the image was made of."""

    code = "E-TREE-DIRTY"
    exit_code = ExitCode.CONFIGURATION
    cause = "Files were changed or added since the last commit, or there is no commit at all."
    remedy = "Commit them; or push with --allow-dirty, which tags the images …-dirty."


class TokenMissing(RunError):
    """Images are to be pushed, and there is no token for the registry."""

    code = "E-REGISTRY-TOKEN"
    exit_code = ExitCode.CONFIGURATION
    cause = "GHCR_TOKEN is not set, or is no token."
    remedy = "export GHCR_TOKEN=… (a classic token with the scope write:packages), then the same command again."


class LoginRefused(RunError):
    """The registry refuses the token."""

    code = "E-REGISTRY-LOGIN"
    exit_code = ExitCode.CONFIGURATION
    cause = "The token in GHCR_TOKEN has expired, was revoked or mistyped, or is not that of GITHUB_USERNAME."
    remedy = "Make a new one (https://github.com/settings/tokens, classic, write:packages) and export GHCR_TOKEN=…"


class ScopeMissing(RunError):
    """The registry knows the token, and it may not push."""

    code = "E-REGISTRY-SCOPE"
    exit_code = ExitCode.CONFIGURATION
    cause = "The token in GHCR_TOKEN lacks write:packages: a login succeeds without it, a push does not."
    remedy = "Give the token the scope write:packages (in a workflow: permissions: packages: write)."


class PushDenied(RunError):
    """The registry does not let this account push to that name."""

    code = "E-REGISTRY-DENIED"
    exit_code = ExitCode.CONFIGURATION
    cause = "The owner in the cluster file does not exist, is another's, or does not let this account make packages."
    remedy = "Correct registry.owner and registry.repository in the cluster file, or ask the owner for the right."


class RegistrySilent(RunError):
    """The registry does not answer, or breaks off."""

    code = "E-REGISTRY-SILENT"
    exit_code = ExitCode.CONNECTION
    cause = "No network, a proxy that Docker does not know, a wrong registry.server, or the registry has trouble."
    remedy = "Once it answers, the same command again: what was built and pushed is not built or pushed twice."


class BaseImageOutOfReach(RunError):
    """The base image cannot be had from its registry."""

    code = "E-BASE-IMAGE"
    exit_code = ExitCode.CONNECTION
    cause = "Docker Hub cannot be reached, limits how much may be pulled, or has no image of that name or digest."
    remedy = "docker login (which raises the limit) or wait; the name stands on top of the Dockerfile."


class NoSpace(RunError):
    """The builder's disk is full."""

    code = "E-BUILD-SPACE"
    exit_code = ExitCode.RUNTIME
    cause = "Old images and caches fill the disk where Docker keeps them."
    remedy = "docker system df shows what; docker buildx prune makes room. Then the same command again."


class BuildFailed(RunError):
    """A step of the Dockerfile has failed, or docker for a reason that is not known here."""

    code = "E-BUILD"
    exit_code = ExitCode.RUNTIME
    cause = "The last lines say which step, and why."
    remedy = "Mend it and run the same command again: the steps before it are kept."


class BuildOverdue(RunError):
    """Docker did not end within its time, and was stopped."""

    code = "E-BUILD-OVERDUE"
    exit_code = ExitCode.TIMEOUT
    cause = "A package index or registry that hardly answers, or a machine that is much too small."
    remedy = "Look at the last lines, then the same command again: the steps that were done are kept."
