"""An image that runs as root, brings tools for an intruder, swallows the signal to stop, or is not the charts'."""

import http.server
import json
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from provisioning.images import health
from provisioning.images.plan import TARGETS
from tests.images.stages import ROOT, inherited, stages

FINAL = TARGETS
CHARTS = ROOT / "charts"
LABELS = ("title", "version", "revision", "created", "source", "licenses")


def environment(name: str) -> dict[str, str]:
    return dict(word.split("=", 1) for words in inherited(name, "ENV") for word in shlex.split(words))


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_shellcheck_finds_nothing() -> None:
    program = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:/usr/bin")
    assert program
    script = ROOT / "provisioning/images/install.sh"
    done = subprocess.run(
        [program, "--enable=all", "--exclude=SC2250", script], capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_the_targets_are_those_that_are_built() -> None:
    assert set(FINAL) <= set(stages())
    assert list(stages())[-1] == "worker"


@pytest.mark.parametrize("name", FINAL)
def test_it_runs_as_the_charts_user_and_by_number(name: str) -> None:
    (user,) = inherited(name, "USER")
    for chart, template in (("api", "deployment"), ("worker", "statefulset")):
        text = (CHARTS / chart / "templates" / f"{template}.yaml").read_text("utf-8")
        said = re.findall(r'"eco2\.podSecurity" (\d+)', text)
        assert [f"{number}:{number}" for number in said] == [user]


@pytest.mark.parametrize("name", FINAL)
def test_a_signal_reaches_the_process(name: str) -> None:
    """The kernel keeps from PID 1 whatever signal it has no handler for: until a process has set its own, and in the
    migrations and backups always. In the charts `command` would take the entry point's place, and `args` does not."""
    assert json.loads(inherited(name, "ENTRYPOINT")[-1]) == ["tini", "--"]
    assert json.loads(inherited(name, "CMD")[-1])[:3] == ["python", "-m", "services.kernel.run"]
    assert inherited(name, "STOPSIGNAL") == ["SIGTERM"]
    for template in ("api/templates/deployment.yaml", "worker/templates/statefulset.yaml"):
        text = (CHARTS / template).read_text("utf-8")
        assert "command:" not in text
        assert re.findall(r"args: \[python, -m, services\.kernel\.run,", text)


@pytest.mark.parametrize("name", FINAL)
def test_it_gets_files_from_stages_and_runs_no_installer(name: str) -> None:
    assert all(words.startswith("--from=") for words in stages()[name].of("COPY"))
    assert not any("pip install" in words or "install.sh" in words for words in stages()[name].of("RUN"))
    assert "model-packages" not in " ".join(stages()[name].of("COPY"))
    (run,) = inherited(name, "RUN")
    assert "/usr/local/lib/python3.11/site-packages/*" in run
    assert "--no-install-recommends postgresql-client-15 tini " in run


@pytest.mark.parametrize("name", FINAL)
def test_no_secret_can_be_read_in_it(name: str) -> None:
    words = " ".join(part for stage in stages().values() for _, part in stage.steps)
    assert "--mount" not in words

    names = {word.partition("=")[0] for word in inherited(name, "ARG")} | set(environment(name))
    assert not [each for each in names if re.search("TOKEN|PASSWORD|SECRET|KEY", each)]
    assert {word.partition("=")[0] for word in inherited(name, "ARG")} == {"VERSION", "REVISION", "CREATED", "SOURCE"}


@pytest.mark.parametrize("name", FINAL)
def test_it_says_what_it_is(name: str) -> None:
    said = dict(word.split("=", 1) for words in inherited(name, "LABEL") for word in shlex.split(words))

    assert {f"org.opencontainers.image.{label}" for label in LABELS} <= set(said)
    assert said["org.opencontainers.image.title"] == {"services": "eco2", "worker": "eco2-worker"}[name]
    assert said["org.opencontainers.image.revision"] == "$REVISION"
    assert (environment(name)["ECO2_VERSION"], environment(name)["ECO2_COMMIT"]) == ("$VERSION", "$REVISION")


@pytest.mark.parametrize("name", FINAL)
def test_it_needs_to_write_nothing(name: str) -> None:
    told = environment(name)

    assert told["PYTHONDONTWRITEBYTECODE"] == "1"
    assert told["HOME"] == "/tmp"  # noqa: S108 - an emptyDir in the charts
    assert told["LANG"] == "C.UTF-8"


@pytest.mark.parametrize("chart", ["api", "worker"])
def test_the_model_is_where_the_charts_look_for_it(chart: str) -> None:
    template = (CHARTS / chart / "templates/_process.tpl").read_text("utf-8")
    (said,) = re.findall(r"\{name: ECO2_CACHE_DIR, value: (\S+)\}", template)

    assert said == environment("worker")["ECO2_CACHE_DIR"]
    assert f"--from=model {said} {said}/" in stages()["worker"].of("COPY")


def test_the_databases_programs_are_of_the_databases_version() -> None:
    tag = yaml.safe_load((CHARTS / "postgresql/values.yaml").read_text("utf-8"))["image"]["tag"]

    assert f"postgresql-client-{tag.partition('.')[0]} " in inherited("services", "RUN")[0]


def test_a_build_imports_every_process_of_the_charts() -> None:
    """So that one that cannot start fails while the image is built."""
    checked = " ".join(words for stage in stages().values() for words in stage.of("RUN") if "install.sh check" in words)
    domains = yaml.safe_load((CHARTS / "api/files/domains.yaml").read_text("utf-8"))
    workers = yaml.safe_load((CHARTS / "worker/files/workers.yaml").read_text("utf-8"))

    for each in (*domains.values(), *workers.values()):
        assert f" {each['service'].partition(':')[0]} " in f"{checked} "


@pytest.fixture
def status(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A process that answers /health with whatever status stands in the list."""
    answers = [200]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers[0] if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("ECO2_HTTP_PORT", str(server.server_port))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield answers
        server.shutdown()
        thread.join()


def test_a_process_that_answers_is_healthy(status: list[int]) -> None:
    assert health.main() == 0


def test_a_process_that_answers_with_an_error_is_not(status: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    status[0] = 503

    assert health.main() == 1
    assert "status 503" in capsys.readouterr().err


def test_a_process_that_is_not_there_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ECO2_HTTP_PORT", "1")

    assert health.main() == 1
    assert "port 1" in capsys.readouterr().err
