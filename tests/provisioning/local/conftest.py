"""A real embedded stack with its own home, and small Eco² processes that speak the real protocol to start in it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from provisioning.local import Home, down, up
from provisioning.local.packages import find
from provisioning.local.settings import PARTS, VARIABLES

MIGRATIONS = "import os, sys; assert os.environ['ECO2_DATABASE_URL']; print('migrated', sys.argv[1])\n"
BUILD = "import pathlib, sys; pathlib.Path(sys.argv[1], 'model.onnx').write_text('a model')\n"

# What services.kernel.run promises, in 30 lines of the standard library: GET /ready at ECO2_HTTP_PORT, TERM drains.
RUN = """
import os, pathlib, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

name = sys.argv[1].split(":")[0].split(".")[1]
if name == "chat" and pathlib.Path("chat-is-broken").exists():
    sys.exit("chat: cannot read the knowledge")

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ready" else 404)
        self.end_headers()
        self.wfile.write(os.environ["ECO2_AMQP_URL"].encode()[:4])
    def log_message(self, *args):
        pass

def drain(signum, frame):
    pathlib.Path(f"drained-{name}").touch()
    sys.exit(0)

signal.signal(signal.SIGTERM, drain)
ThreadingHTTPServer(("127.0.0.1", int(os.environ["ECO2_HTTP_PORT"])), Handler).serve_forever()
"""


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_caller() -> Iterator[None]:
    """The shell's own ECO2_* settings must not lead a test to somebody's real stack."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("ECO2_")]:
            patch.delenv(name)
        yield


@pytest.fixture
def console() -> Console:
    """Collects what is printed; read it with ``console.file.getvalue()``."""
    return Console(file=io.StringIO(), width=200)


def _require_packages() -> None:
    _, missing = find(PARTS)
    if missing:
        pytest.skip(f"needs the Debian packages {' '.join(missing)}")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The four parts, up once for the whole session."""
    _require_packages()
    home = Home.open(tmp_path_factory.mktemp("stack") / "home")
    up(home.path, services=False, console=Console(file=io.StringIO()))
    yield home
    down(home.path, wipe=True, yes=True, console=Console(file=io.StringIO()))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Home]:
    """A home of the test's own, not started; whatever the test leaves of it is stopped and wiped."""
    _require_packages()
    home = Home.open(tmp_path / "home")
    yield home
    down(home.path, wipe=True, yes=True, console=Console(file=io.StringIO()))


@pytest.fixture
def without_parts(stack: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces all four parts by those of the session's stack: a second home then starts in a second."""
    from provisioning.local import urls

    for variable in VARIABLES.values():
        monkeypatch.setenv(variable, urls(stack)[variable])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with stand-ins for the modules that ``up`` starts as processes."""
    root = tmp_path / "tree"
    for module, text in {
        "services/kernel/run.py": RUN,
        "services/kernel/migrations.py": MIGRATIONS,
        "workers/ai/local/build.py": BUILD,
    }.items():
        path = root / module
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root
