"""Which images are made, how they are named, and with which words docker is told to make them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from provisioning.cluster.model import Registry
from provisioning.images.errors import BuildRefused, TreeDirty
from provisioning.images.tree import Tree

# The targets of the Dockerfile.
TARGETS = ("services", "worker")
DIRTY = "-dirty"
# https://github.com/distribution/reference: a tag, less the room for "-dirty".
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}")
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9]+(/v[0-9]+)?")


@dataclass(frozen=True)
class BuildOptions:
    """``platforms`` are Docker's names, such as linux/amd64; none means the builder's own."""

    targets: Sequence[str] = TARGETS
    push: bool = False
    allow_dirty: bool = False
    sbom: bool = False
    platforms: Sequence[str] = ()


@dataclass(frozen=True)
class Image:
    """One image to be built. ``references`` are its names with their tags, the version's first."""

    target: str
    repository: str
    tags: tuple[str, ...]

    @property
    def references(self) -> tuple[str, ...]:
        return tuple(f"{self.repository}:{tag}" for tag in self.tags)


@dataclass(frozen=True)
class BuildPlan:
    """What `plan` found that has to be done; nothing here asks docker anything."""

    registry: Registry
    version: str
    tree: Tree
    options: BuildOptions
    images: tuple[Image, ...]
    _context: Path = field(repr=False, default=Path("."))

    def words(self, image: Image, metadata: Path | str) -> list[str]:
        """The words after ``docker`` that build the image, and push it where that was asked for."""
        options = self.options
        words = ["buildx", "build", "--progress=plain", f"--target={image.target}"]
        words += [f"--tag={reference}" for reference in image.references]
        if options.platforms:
            words.append(f"--platform={','.join(options.platforms)}")
        words += [f"--build-arg={name}={value}" for name, value in self._arguments().items()]
        # Without them the digest that is pushed is the image's own, not that of a list with one image in it.
        words += ["--sbom=true", "--provenance=mode=max"] if options.sbom else ["--provenance=false"]
        words += ["--push" if options.push else "--load", f"--metadata-file={metadata}"]
        return [*words, str(self._context)]

    def login(self, user: str) -> list[str]:
        """The words after ``docker`` that log in; the token is read from standard input."""
        return ["login", self.registry.server, f"--username={user}", "--password-stdin"]

    def _arguments(self) -> dict[str, str]:
        """No secret is among them: they can be read in the image."""
        return {
            "VERSION": self.images[0].tags[0],
            "REVISION": self.tree.commit or "unknown",
            "CREATED": self.tree.created,
            "SOURCE": self.tree.source,
            "SOURCE_DATE_EPOCH": str(self.tree.time_s),
        }


def plan(registry: Registry, version: str, tree: Tree, options: BuildOptions, context: Path) -> BuildPlan:
    """What has to be done. Raises `BuildRefused` and `TreeDirty` before anything is."""
    if not _TAG.fullmatch(version):
        raise BuildRefused(f"{version!r} cannot be an image's tag: letters, digits, . _ and -, at most 121 of them")
    for platform in options.platforms:
        if not _PLATFORM.fullmatch(platform):
            raise BuildRefused(f"{platform!r} is no platform of Docker's, such as linux/amd64 or linux/arm64")
    if len(options.platforms) > 1 and not options.push:
        raise BuildRefused("several platforms at once go only to a registry: give --push, or one platform")
    if options.sbom and not options.push:
        raise BuildRefused("SBOM and provenance are kept in the registry beside the image: give --push with --sbom")
    if options.push and tree.dirty and not options.allow_dirty:
        raise TreeDirty(
            "nothing was built: the tree has changes that are in no commit"
            if tree.commit
            else "nothing was built: there is no commit that says what the images are made of"
        )
    end = DIRTY if tree.dirty else ""
    tags = tuple(dict.fromkeys(f"{tag}{end}" for tag in (version, tree.short) if tag))
    names = dict(zip(TARGETS, (registry.image, registry.workers_image), strict=True))
    images = tuple(Image(target, names[target], tags) for target in options.targets)
    return BuildPlan(registry, version, tree, options, images, context)
