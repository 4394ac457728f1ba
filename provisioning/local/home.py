"""The home folder of one embedded stack: where everything of it lies, who may read it, and its lock."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provisioning.local.errors import ForeignHome

REPOSITORY = Path(__file__).resolve().parents[2]

# A unix socket's path holds 107 bytes; supervisor first binds a temporary name that is up to 8 bytes longer.
LONGEST_SOCKET_PATH = 95

_LOCK = ".eco2-lock"
_FOLDERS = ("cache", "conf", "data", "log", "run", "state")
_FILES = ("env", "nameko.yaml", "secrets.json", "stack.json")


@dataclass(frozen=True)
class Home:
    """One stack's folder. ``Home.open()`` takes ``$ECO2_HOME``, or ``.eco2`` in the repository.

    Its mode is 0700. Started by root, it is 0710 with the group ``postgres``, which may pass through to PostgreSQL's
    own folder (PostgreSQL refuses to run as root) and reads nothing else.
    """

    path: Path

    @classmethod
    def open(cls, path: Path | None = None) -> Home:
        """The home at ``path``, without creating it."""
        chosen = path or Path(os.environ.get("ECO2_HOME") or REPOSITORY / ".eco2")
        return cls(chosen.expanduser().resolve())

    def create(self) -> None:
        """Makes the folders. Raises ForeignHome for a folder that holds other things and was never a home."""
        if self.path.is_dir():
            if self.path.stat().st_uid != os.geteuid():
                raise ForeignHome(f"{self.path} belongs to another user. Set ECO2_HOME to a folder of your own.")
            # In this order: another `up` may be making the same home right now, and it makes the lock file first.
            holds_things = any(self.path.iterdir())
            if self.path != REPOSITORY / ".eco2" and holds_things and not self.exists:
                raise ForeignHome(f"{self.path} is not empty and not an Eco² home. Set ECO2_HOME to another folder.")
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        (self.path / _LOCK).touch(mode=0o600)
        for name in _FOLDERS:
            (self.path / name).mkdir(mode=0o700, exist_ok=True)
        if owner := postgres_owner():
            for passage in (self.path, self.data):
                os.chown(passage, -1, owner.pw_gid)
                passage.chmod(0o710)

    @property
    def exists(self) -> bool:
        return (self.path / _LOCK).exists()

    @property
    def key(self) -> str:
        """Eight hex digits that tell this home from all others."""
        return hashlib.sha256(str(self.path).encode()).hexdigest()[:8]

    @property
    def conf(self) -> Path:
        return self.path / "conf"

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def run(self) -> Path:
        """The pid records that ``launch.py`` writes, and supervisord's."""
        return self.path / "run"

    @property
    def state(self) -> Path:
        """The workers' journals."""
        return self.path / "state"

    @property
    def cache(self) -> Path:
        """What can be built again: the model. ``ECO2_CACHE`` puts it elsewhere."""
        return Path(os.environ.get("ECO2_CACHE") or self.path / "cache").expanduser().resolve()

    @property
    def socket(self) -> Path:
        """supervisord's unix socket; in a private folder under /tmp when the home's path is too long for one."""
        near = self.run / "supervisor.sock"
        if len(os.fsencode(near)) <= LONGEST_SOCKET_PATH:
            return near
        return Path("/tmp") / f"eco2-{self.key}" / "supervisor.sock"  # noqa: S108 - checked by make_private

    @property
    def postgres(self) -> Path:
        """PostgreSQL's folder: in the home, or under /var/tmp when the user it runs as cannot reach the home."""
        inside = self.data / "postgresql"
        owner = postgres_owner()
        if owner is None or can_traverse(self.path.parent, owner):
            return inside
        return Path("/var/tmp") / f"eco2-postgres-{self.key}"  # noqa: S108 - checked by make_private

    def log_file(self, name: str) -> Path:
        return self.log / f"{name}.log"

    def write_private(self, path: Path, text: str) -> Path:
        """Writes a file of mode 0600 in one step: a reader sees the old text or the new one."""
        fresh = path.with_name(path.name + ".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        return path

    @contextmanager
    def lock(self, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Holds the home for one ``up`` or ``down`` at a time; calls ``waiting`` once if another one holds it."""
        path = self.path / _LOCK
        told = False
        while True:
            if not self.exists:
                self.create()
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if not told:
                        waiting()
                        told = True
                    fcntl.flock(file, fcntl.LOCK_EX)
                # `down --wipe` removes the lock file: a lock on the removed one excludes nobody.
                if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    yield
                    return

    def wipe(self) -> None:
        """Deletes what ``create`` and ``up`` made, nothing else; the folder itself when that leaves it empty."""
        for folder in {self.postgres, self.socket.parent} - {self.run}:
            shutil.rmtree(folder, ignore_errors=True)
        for name in _FOLDERS:
            shutil.rmtree(self.path / name, ignore_errors=True)
        for name in (*_FILES, _LOCK):
            (self.path / name).unlink(missing_ok=True)
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()


def postgres_owner() -> pwd.struct_passwd | None:
    """The user PostgreSQL runs as when we are root; None otherwise, or while its package is not installed."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return None


def can_traverse(folder: Path, user: pwd.struct_passwd) -> bool:
    """Whether the mode bits let ``user`` pass through ``folder`` and all above it."""
    groups = set(os.getgrouplist(user.pw_name, user.pw_gid))
    for step in (folder, *folder.parents):
        if not step.exists():
            continue
        about = step.stat()
        if about.st_uid == user.pw_uid:
            needed = stat.S_IXUSR
        elif about.st_gid in groups:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not about.st_mode & needed:
            return False
    return True


def make_private(folder: Path, owner: pwd.struct_passwd | None = None) -> None:
    """A folder of mode 0700 that belongs to ``owner`` (or to us). Raises ForeignHome if somebody else made it first."""
    uid = owner.pw_uid if owner else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
    except FileExistsError:
        about = folder.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != uid or about.st_mode & 0o077:
            raise ForeignHome(
                f"{folder} exists and is not ours: it must be a folder of user {uid} with mode 0700. Look at it, "
                f"remove it if nothing needs it, and run this again."
            ) from None
