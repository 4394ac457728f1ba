"""What ``./inv`` does on this machine: the stack's functions with errors as one clear line and an exit code.

Imports are made where they are used, so that ``./inv --list`` is there at once.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from json import loads as read_json
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from invoke import Exit

from provisioning.local.errors import LocalError

ROOT = Path(__file__).parents[2]

# Those that build whole clusters out of doubles.
CLUSTERS_RUN = ("rebuild", "phases", "operations", "teardown", "deploy")
IN_OTHER_RUNS = ("wal", "workers", "services", "provisioning", "doubles", "charts", "e2e")
# The test runs. tests/services run services inside the test process, under eventlet; tests/charts and tests/e2e import
# some, so they are apart; the others have servers in threads, and are free of it. Each that needs a stack brings up
# its own.
TEST_RUNS = (
    ["tests/wal", "tests/workers"],
    ["tests/services/auth", "tests/services/chat"],
    ["tests/charts"],
    ["tests/services", "--ignore=tests/services/auth", "--ignore=tests/services/chat"],
    [*(f"tests/provisioning/{name}" for name in CLUSTERS_RUN)],
    [
        "tests/provisioning",
        "tests/doubles",
        *(f"--ignore=tests/provisioning/{name}" for name in CLUSTERS_RUN),
    ],
    ["tests/e2e"],
    [
        "tests",
        *(f"--ignore=tests/{name}" for name in IN_OTHER_RUNS),
    ],
)
TEST_RUNS_AT_ONCE = 8  # they wait more than they compute
REPEATED_AT_MOST = 5


def first_word(task: str, argument: str) -> list[str]:
    """What a task says is positional: `argument`, if the command line has a word for it.

    Invoke takes a positional argument only as a required one; ours may be left out.
    """
    words = sys.argv[1:]
    following = words[words.index(task) + 1 :] if task in words else []
    return [argument] if following and not following[0].startswith("-") else []


def _told(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except LocalError as error:
        raise Exit(str(error), error.exit_code) from None
    except KeyboardInterrupt:
        raise Exit("stopped; ./inv status shows what runs", 130) from None


def up(*, services: bool, monitoring: bool, keep: bool) -> None:
    from provisioning.local.up import up as start

    _told(lambda: start(services=services, monitoring=monitoring, keep=keep))


def down(*, wipe: bool, yes: bool) -> None:
    from provisioning.local.down import down as stop

    _told(lambda: stop(wipe=wipe, yes=yes))


def status(*, json: bool) -> None:
    from provisioning.local.status import status as show

    code = _told(lambda: show(json))
    if code:
        raise Exit(code=code)


def logs(name: str | None, *, follow: bool, lines: int) -> None:
    from provisioning.local.logs import logs as show

    _told(lambda: show(name, follow=follow, lines=lines))


def demo(photo: str | None, *, keep: bool) -> None:
    from provisioning.local.demo import demo as show

    _told(lambda: show(Path(photo) if photo else None, keep=keep))


def shell() -> None:
    from provisioning.local.home import Home

    config = Home.open().path / "nameko.yaml"
    if not config.exists():
        raise Exit("There is no stack yet. Start it with ./inv up.", 3)
    _run([str(Path(sys.executable).with_name("nameko")), "shell", "--config", str(config)], os.environ)


def module(name: str, *arguments: str) -> None:
    """Run a module of Eco² with the settings of the stack; the environment's own come first."""
    from provisioning.local.settings import urls

    _run(["-m", name, *arguments], {**_told(urls), **os.environ})


def module_alone(name: str, *arguments: str) -> None:
    """Run a module that brings what it needs itself."""
    _run(["-m", name, *arguments], os.environ)


def journal(command: str, *words: str, json: bool, **options: str | None) -> None:
    """Ask `wal.cli` about the journals of the stack."""
    flags = [part for name, value in options.items() if value is not None for part in (f"--{name}", value)]
    module("wal.cli", *(["--json"] if json else []), command, *words, *flags)


def cancel_task(task_id: str, *, yes: bool) -> None:
    _agreed(f"Fail the task {task_id}, and interrupt it if it runs?", yes)
    journal("cancel", task_id, json=False)


def unpark(task_id: str | None, *, every: bool, worker: str | None, json: bool) -> None:
    words = [*([] if task_id is None else [task_id]), *(["--all"] if every else [])]
    journal("unpark", *words, json=json, worker=worker)


def prune(older_than: str | None, *, worker: str | None, yes: bool, json: bool) -> None:
    words = ["--yes"] if yes else []
    journal("prune", *words, json=json, worker=worker, **{"older-than": older_than or f"{_told(_retained_s):.0f}s"})


def _retained_s() -> float:
    """How long the workers of the stack keep what PostgreSQL has, in seconds."""
    from provisioning.local.settings import urls
    from services.kernel.config import ConfigError, load

    os.environ.update({**urls(), **os.environ})  # what its processes run with
    try:
        return load().wal.retain_s
    except ConfigError as error:
        raise Exit(str(error), 2) from None


def backup_database(to: str | None, *, json: bool) -> None:
    words = [*(["--to", os.path.abspath(to)] if to else []), *(["--json"] if json else [])]
    module("services.kernel.backup", "backup", *words)


def restore_database(file: str, *, yes: bool, connected: bool, json: bool) -> None:
    flags = [f"--{name}" for name, on in (("yes", yes), ("connected", connected), ("json", json)) if on]
    module("services.kernel.backup", "restore", os.path.abspath(file), *flags)


def load_points(file: str, *, form: str, kind: str | None, dry_run: bool) -> None:
    options = [*(["--kind", kind] if kind else []), *(["--dry-run"] if dry_run else [])]
    module("services.location.load", os.path.abspath(file), "--format", form, *options)


def evaluate(photos_dir: str | None, *, provider: str, output: str | None, json: bool) -> None:
    """The provider openai shares the stack's limits and budget; the local one needs no stack."""
    run = module_alone if provider == "local" else module
    words = [photos_dir or "tests/photos/evaluation", "--provider", provider, *(["--output", output] if output else [])]
    run("workers.ai.evaluation", *words, *(["--json"] if json else []))


def soak_crashes(moments: int, seed: int | None, *, json: bool) -> None:
    _soak("tests.wal.crashes", moments, seed, json=json)


def soak_rebuild(moments: int, seed: int | None, *, json: bool) -> None:
    _soak("tests.provisioning.rebuild.soak", moments, seed, json=json)


def _soak(module: str, moments: int, seed: int | None, *, json: bool) -> None:
    words = [f"--moments={moments}", *([] if seed is None else [f"--seed={seed}"]), *(["--json"] if json else [])]
    module_alone(module, *words)


def cluster(command: str, file: str | None, *flags: str) -> None:
    """Look at a cluster file."""
    module_alone("provisioning.cluster", command, *flags, *([file] if file else []))


def soak_api(cases: int) -> None:
    """The API's contract test, with many cases an operation."""
    words = ["-m", "pytest", "-q", "-s", "tests/e2e/test_api_contract.py"]
    _run(words, {**os.environ, "ECO2_CONTRACT_CASES": str(cases)})


def rollback(schema: str, *, yes: bool) -> None:
    _agreed(f"Take back the last migration of {schema}, with its data?", yes)
    module("services.kernel.migrations", "down", schema)


def _agreed(question: str, yes: bool) -> None:
    try:
        if yes or input(f"{question} [y/N] ").lower() == "y":
            return
    except EOFError:
        raise Exit("nobody is there to answer: --yes answers for you", 1) from None
    raise Exit("nothing was changed", 1)


def test(select: str | None, *, long: bool = False) -> None:  # noqa: PT028 (no pytest function)
    """All test runs: the first one's output as it comes, then each other's, whole.

    A few tests that failed beside the other runs are repeated alone, when the machine is quiet: a failure that stays is
    a fault of what is tested, one that does not is told as a test that minds a busy machine.
    """
    words = [*(["-k", select] if select else []), *([] if long else ["-m", "not long"])]
    words += ["--color=yes"] if sys.stdout.isatty() else []
    codes: dict[str, int] = {}
    with ExitStack() as files, ThreadPoolExecutor(TEST_RUNS_AT_ONCE) as pool:
        kept = [None, *(files.enter_context(TemporaryFile()) for _ in TEST_RUNS[1:])]
        begun = [pool.submit(_test_run, [*run, *words], output) for run, output in zip(TEST_RUNS, kept, strict=True)]
        try:
            for run, ended, output in zip(TEST_RUNS, begun, kept, strict=True):
                print(f"\n===== {' '.join(run)} =====", flush=True)
                codes[" ".join(run)] = ended.result()
                if output:
                    output.seek(0)
                    shutil.copyfileobj(output, sys.stdout.buffer)
                    sys.stdout.buffer.flush()
        except KeyboardInterrupt:  # the tests have got it too
            print("waiting until the tests have taken down their stacks", file=sys.stderr)
            pool.shutdown(cancel_futures=True)
            raise Exit("stopped", 130) from None
    for run in TEST_RUNS:
        if codes[" ".join(run)] == 1:
            codes[" ".join(run)] = _repeated(run)
    failed = {run: code for run, code in codes.items() if code not in (0, 5)}  # 5: nothing was selected in this run
    if failed:
        raise Exit(f"tests failed: {'; '.join(failed)}", code=max(*failed.values(), 1))
    if set(codes.values()) == {5}:
        raise Exit("no test was selected", code=5)


def _repeated(run: list[str]) -> int:
    """The exit code of what failed in a run, run once more by itself; 1 where too much failed for that."""
    names = list(read_json((ROOT / _cache(run) / "v" / "cache" / "lastfailed").read_text()))
    if len(names) > REPEATED_AT_MOST:
        return 1
    print(f"\n===== once more, alone: {', '.join(names)} =====", flush=True)
    code = _test_run([*run, "--last-failed", "--last-failed-no-failures=none"], None)
    if code == 0:
        print(f"\nPASSED ALONE, failed on a busy machine; make them firmer: {', '.join(names)}", flush=True)
    return code


def _cache(run: list[str]) -> str:
    return ".pytest_cache/" + run[0].replace("/", "-")


def _test_run(words: list[str], output: IO[bytes] | None) -> int:
    command = [sys.executable, "-m", "pytest", *words, "-o", f"cache_dir={_cache(words)}"]
    return subprocess.run(command, cwd=ROOT, stdout=output, stderr=output and subprocess.STDOUT).returncode


def lint() -> None:
    for command in (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", "wal", "services", "workers", "provisioning", "tasks.py"],
    ):
        _run(["-m", *command], os.environ)


def _run(arguments: list[str], environment: Any) -> None:
    code = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=dict(environment)).returncode
    if code:
        raise Exit(code=code)
