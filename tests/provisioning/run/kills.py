"""Kills runs with SIGKILL and resumes them. A program of its own, without pytest: it forks and uses real threads.

``boundaries FOLDER``: at each record of the journal, once when it is half written and once when it is durable.
``moments FOLDER SEED COUNT``: at random moments, the run and then its resumption. Prints one JSON object a kill.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from provisioning.run import ExitCode, Options, RunError
from provisioning.run.errors import NothingToResume
from provisioning.run.journal import Journal, read
from provisioning.run.runs import Runs
from provisioning.run.state import fold
from tests.provisioning.run.world import World, cluster, command, whole


def forked(work: Callable[[], int]) -> int:
    """The pid of a child that does the work and ends with its result."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        code = work()
    finally:
        os._exit(code)


def ended(pid: int) -> int:
    """The exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run(folder: Path, *, resume: bool, pause_s: float = 0.0) -> int:
    phases = cluster(World(folder / "world"), pause_s)
    return int(command(folder / "home", phases).command.perform(Options(resume=resume, yes=True)))


def die_at(record: int, half: bool) -> None:
    """From here on this process dies at its n-th record."""
    write = Journal._write
    count = 0

    def dying(self: Journal, line: bytes) -> None:
        nonlocal count
        count += 1
        if count == record and half:
            os.pwrite(self._file, line[: len(line) // 2], self._size)
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, line)
        if count == record:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal._write = dying  # type: ignore[method-assign]


def resume_to_the_end(folder: Path) -> dict[str, object]:
    """Goes on (or begins, if the run had not come so far) and says what the world is like then."""
    runs = Runs(folder / "home")
    try:
        before = fold(read(runs.newest("./inv rebuild"))[0])
        resume = True
    except NothingToResume:
        before = None
        resume = False
    except RunError as error:
        return {"error": str(error)}
    code = ended(forked(lambda: run(folder, resume=resume)))
    records = read(runs.newest("./inv rebuild"))[0]
    world = World(folder / "world")
    done_before = {key for key, step in before.steps.items() if step.done_at} if before else set()
    resumed_at = max((record.seq for record in records if record.kind.startswith("run_re")), default=0)
    again = {
        record.step for record in records if record.seq > resumed_at and record.kind == "step_begun" and resume
    } & done_before
    return {
        "code": code,
        "whole": world.things == whole(),
        "strange": sorted(world.things - whole()),
        "done_steps_run_again": len(again),
        "runs": len(list((folder / "home" / "runs").glob("*.jsonl"))),
    }


def boundaries(folder: Path) -> None:
    """The number of records is that of an undisturbed run."""
    if ended(forked(lambda: run(folder / "undisturbed", resume=False))) != ExitCode.DONE:
        raise SystemExit("the undisturbed run has failed")
    records = len(read(Runs(folder / "undisturbed" / "home").newest("./inv rebuild"))[0])
    for number in range(1, records + 1):
        for half in (True, False):
            place = folder / f"{number}-{half}"

            def work(place: Path = place, number: int = number, half: bool = half) -> int:
                die_at(number, half)
                return run(place, resume=False)

            killed = ended(forked(work))
            told = {"at": number, "of": records, "half": half, "killed": killed == -signal.SIGKILL}
            print(json.dumps(told | resume_to_the_end(place)))


def moments(folder: Path, seed: int, count: int) -> None:
    """Each run is killed within the time that an undisturbed one takes, and so is its resumption."""
    pause_s = 0.001
    chance = random.Random(seed)
    began = time.monotonic()
    ended(forked(lambda: run(folder / "undisturbed", resume=False, pause_s=pause_s)))
    took_s = time.monotonic() - began
    for number in range(count):
        place = folder / str(number)
        kills = 0
        for resume in (False, True):
            if resume and not list((place / "home" / "runs").glob("*.jsonl")):
                continue
            pid = forked(lambda place=place, resume=resume: run(place, resume=resume, pause_s=pause_s))  # type: ignore[misc]
            time.sleep(chance.uniform(0, took_s))
            os.kill(pid, signal.SIGKILL)
            kills += ended(pid) == -signal.SIGKILL
        print(json.dumps({"at": number, "kills": kills} | resume_to_the_end(place)))


if __name__ == "__main__":
    if sys.argv[1] == "boundaries":
        boundaries(Path(sys.argv[2]))
    else:
        moments(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
