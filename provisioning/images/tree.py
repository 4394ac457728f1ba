"""Which state of the repository an image is made of: its commit, whether there is more than that, and its time."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from provisioning.images.errors import BuildRefused

_WITHIN_S = 30.0
_SHORT = 12


@dataclass(frozen=True)
class Tree:
    """``commit`` is "" where there is none; ``time_s`` is the commit's, in seconds since 1970, and 0 then."""

    commit: str
    dirty: bool
    time_s: int
    source: str

    @property
    def short(self) -> str:
        """The commit as a tag: long enough to stay the only one."""
        return self.commit[:_SHORT]

    @property
    def created(self) -> str:
        """The commit's time by RFC 3339, in UTC."""
        return datetime.fromtimestamp(self.time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tree(repository: Path) -> Tree:
    """The repository as it is now. What git ignores does not count: no image holds it.

    Raises `BuildRefused` when git is missing or does not answer.
    """
    commit = _git(repository, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return Tree("", dirty=True, time_s=0, source="")
    return Tree(
        commit,
        dirty=bool(_git(repository, "status", "--porcelain", "--untracked-files=normal")),
        time_s=int(_git(repository, "show", "--no-patch", "--format=%ct", "HEAD")),
        source=_web_page(_git(repository, "config", "--get", "remote.origin.url")),
    )


def _web_page(remote: str) -> str:
    """Where people read the source: a remote's address without its user, as https."""
    if remote.startswith(("https://", "ssh://")):
        rest = remote.partition("://")[2]
    elif "@" in remote and ":" in remote:  # git@github.com:owner/name.git
        rest = remote.replace(":", "/", 1)
    else:
        return ""
    host, slash, path = rest.partition("/")
    return f"https://{host.rpartition('@')[2]}{slash}{path.removesuffix('.git')}"


def _git(repository: Path, *words: str) -> str:
    """What git answers; "" where there is no such thing. A status writes nothing: no lock is taken."""
    command = ["git", "--no-optional-locks", "-C", str(repository), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_WITHIN_S, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise BuildRefused("git is not installed, and it says what an image is made of: install git") from None
    except subprocess.TimeoutExpired:
        raise BuildRefused(f"git {words[0]} did not answer within {_WITHIN_S:g} s") from None
    if done.returncode > 1 and "not a git repository" not in done.stderr:
        raise BuildRefused(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip() if done.returncode == 0 else ""
