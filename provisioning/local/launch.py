"""Becomes one program of the stack: ``launch.py NAME [options] -- command …``. Standard library only.

Before the exec it drops to the given user, records its pid in ``$ECO2_RUN`` (pid and start time stay the same over the
exec) and asks the kernel to signal it when its parent, supervisord, dies in whatever way.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import pwd
import signal
import socket
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1

# Each process gets the database of its own role, and the models' key if it asks models.
_DATABASE = "ECO2_DATABASE_URL"
_OF_MODELS = "OPENAI_"

# Parts need none of the Eco² settings and secrets; they get these variables only.
_FOR_PARTS = ("PATH", "LANG", "TZ", "TMPDIR", "MALLOC_ARENA_MAX", "ECO2_STACK")
_FOR_PARTS_PREFIXES = ("RABBITMQ_", "ERL_", "RUNNING_UNDER_SYSTEMD", "GOGC", "GOMEMLIMIT", "HOME")


def die_with_parent(signum: int, parent: int) -> None:
    """Sets the parent-death signal; exits at once if ``parent`` is already gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit("launch: the parent is gone")


def supervisord() -> int:
    """Our parent's pid; exits when that is not supervisord any more (it writes its pid file before it starts us)."""
    parent = os.getppid()
    if (Path(os.environ["ECO2_RUN"]) / "supervisord.pid").read_text().strip() != str(parent):
        sys.exit("launch: the parent is not supervisord")
    return parent


def start_time(pid: int) -> int:
    """Clock ticks after boot at which the process started: with the pid, an identity that is never reused."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def record(name: str) -> None:
    path = Path(os.environ["ECO2_RUN"]) / f"{name}.pid"
    path.write_text(f"{os.getpid()} {start_time(os.getpid())}\n")


def wait_for_port(port: int, timeout_s: float = 20) -> None:
    """Returns when 127.0.0.1:port accepts; exits with an error after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"launch: nothing listens at port {port} after {timeout_s:g} s")


def drop_to(user: str) -> None:
    """Gives up root for ``user``; does nothing when we already run as that user."""
    account = pwd.getpwnam(user)
    if os.geteuid() == account.pw_uid:
        return
    os.initgroups(user, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def for_parts(environment: dict[str, str]) -> dict[str, str]:
    return {
        key: value for key, value in environment.items() if key in _FOR_PARTS or key.startswith(_FOR_PARTS_PREFIXES)
    }


def for_process(environment: dict[str, str], schema: str | None, models: bool) -> dict[str, str]:
    """`schema` names the role whose URL becomes the database's; without one the process has no database."""
    hidden = (_DATABASE,) if models else (_DATABASE, _OF_MODELS)
    kept = {key: value for key, value in environment.items() if not key.startswith(hidden)}
    return {**kept, _DATABASE: environment[f"{_DATABASE}_{schema.upper()}"] if schema else "none"}


def of_file(path: Path) -> dict[str, str]:
    """What a private file says beside the environment: a JSON object of variables, passwords among them."""
    return {str(name): str(value) for name, value in json.loads(path.read_text(encoding="utf-8")).items()}


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="launch.py")
    parser.add_argument("name")
    parser.add_argument("--part", action="store_true", help="hide the Eco² settings from the program")
    parser.add_argument(
        "--database", metavar="SCHEMA", help="give the program the database, as the role of this schema"
    )
    parser.add_argument("--models", action="store_true", help="give the program the models' key")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="give the program the variables of this file too")
    parser.add_argument("--user", help="run as this user")
    parser.add_argument("--after-port", type=int, help="first wait until 127.0.0.1:PORT accepts")
    parser.add_argument("--death-signal", default="KILL", help="what supervisord's death sends (default: KILL)")
    options = parser.parse_args(argv[: argv.index("--")])
    command = argv[argv.index("--") + 1 :]
    death_signal = signal.Signals[f"SIG{options.death_signal}"]

    parent = supervisord()
    die_with_parent(signal.SIGKILL, parent)
    record(options.name)
    settings = of_file(options.settings) if options.settings else {}
    if options.after_port:
        wait_for_port(options.after_port)
    if options.user:
        drop_to(options.user)
    die_with_parent(death_signal, parent)  # again: a change of credentials clears it
    told = dict(os.environ)
    environment = for_parts(told) if options.part else for_process(told, options.database, options.models)
    os.execvpe(command[0], command, {**environment, **settings})  # noqa: S606 - to become the program is the purpose


if __name__ == "__main__":
    main(sys.argv[1:])
