"""Images on this machine: folders made by the Dockerfile's own steps, and programs run in them as a container would."""

import importlib.metadata
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioning.images.packages import packages
from tests.images.stages import Machine, builders_environment

# What a pod is told, with addresses at which nobody answers.
SETTINGS = {
    "ECO2_AMQP_URL": "amqp://eco2:x@127.0.0.1:1//",
    "ECO2_REDIS_URL": "redis://:x@127.0.0.1:1/0",
    "ECO2_DATABASE_URL": "postgresql://eco2:x@127.0.0.1:1/eco2",
    "ECO2_S3_URL": "http://127.0.0.1:1/pictures",
    "ECO2_CDN_URL": "http://127.0.0.1:1/pictures",
    "ECO2_HTTP_PORT": "8000",
    "ECO2_START_WAIT_S": "0",
    "ECO2_DATABASE_ROLES": "false",
}


class Installation:
    """One image's ``/opt/eco2``, which nobody may write to."""

    def __init__(self, place: Path, scratch: Path) -> None:
        self.place = place
        self._scratch = scratch

    def run(self, *words: str, settings: dict[str, str] | None = None, timeout_s: float = 90) -> tuple[int, str]:
        """The exit code and what was said by a program of the image, in another folder and without any rights."""
        done = subprocess.run(
            [*_without_rights(), str(self.place / "bin" / "python"), *words],
            cwd=self._scratch,
            env={"PATH": f"{self.place}/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108 - as in a pod
            | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore", "ECO2_STATE_DIR": str(self._scratch)}
            | {"ECO2_CACHE_DIR": str(self.place / "cache"), **(settings or {})},
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        return done.returncode, done.stdout + done.stderr


@contextmanager
def installed(downloaded: bool) -> Iterator[Installation]:
    """Both images' content in one folder, which is the worker's.

    ``downloaded``: the packages are installed anew from the package index, as in a build; else they are those of this
    environment, and only those that the lists name.
    """
    with tempfile.TemporaryDirectory(prefix="eco2-image-") as name:
        folder, scratch = Path(name).resolve(), Path(name).resolve() / "elsewhere"
        scratch.mkdir()
        machine = Machine(folder / "made", builders_environment())
        for stage in ("installer", "packages", "worker-packages", "code", "worker-code", "model"):
            machine.build(stage, None if downloaded else linked)
        for part in (path for path in machine.place.rglob("*") if path.is_dir() and not path.is_symlink()):
            part.chmod(0o555)
        try:
            yield Installation(machine.place, scratch)
        finally:
            for part in [machine.place, *(path for path in machine.place.rglob("*") if not path.is_symlink())]:
                if part.is_dir():
                    part.chmod(0o755)


def linked(part: str, folder: Path) -> None:
    """The part's packages, and no others, as links to those of this environment."""
    folder.mkdir(parents=True)
    for name in packages(part):
        found = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            link = folder / top
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(top))).resolve())


def _without_rights() -> list[str]:
    """Root may write wherever it likes; without its capabilities it may not, as the image's user."""
    if os.geteuid() != 0:
        return []
    program = shutil.which("setpriv")
    assert program, "util-linux has it"
    return [program, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
