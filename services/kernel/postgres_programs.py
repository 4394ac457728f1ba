"""PostgreSQL's own programs pg_dump, pg_restore and psql: where they are, what they are told, what they say.

``ECO2_POSTGRES_BIN`` names their folder; without it the newest of Debian's is taken, then what is on the PATH.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

from psycopg2.extensions import make_dsn, parse_dsn

_TABLE = re.compile(r'(?:contents of|data for) table "(.+)"')
_COMPLAINT = re.compile(r"(?!pg_\w+: )|pg_\w+: (error|warning|detail|hint):")


class BackupError(Exception):
    """Why nothing was written or changed, in words; `code` is the exit code."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def follow(command: list[str], url: str | None = None, stdout: IO[str] | None = None) -> None:
    """Run a program of PostgreSQL, tell of each table it comes to. Raises `BackupError` with its complaints."""
    out = stdout or subprocess.DEVNULL
    complaints = []
    with subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, env=environment(url), text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if table := _TABLE.search(line):
                say(f"  {table[1]}")
            elif _COMPLAINT.match(line):
                complaints.append(line.strip())
    if process.returncode:
        raise BackupError("\n".join(complaints) or f"{Path(command[0]).name} ended with {process.returncode}")


def program(name: str) -> str:
    """Where pg_dump, pg_restore or psql is. Raises `BackupError` with what to do when it is missing."""
    named = os.environ.get("ECO2_POSTGRES_BIN")
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(9), reverse=True)
    found = shutil.which(name, path=named or os.pathsep.join([*map(str, newest), os.environ.get("PATH", os.defpath)]))
    if found is None:
        where = f"not in {named} (ECO2_POSTGRES_BIN)" if named else "missing; apt-get install postgresql-client"
        raise BackupError(f"PostgreSQL's program {name} is {where}", 2)
    return found


def database(url: str) -> list[str]:
    """The words that tell a program its database; the password is not among them."""
    parts = {name: value for name, value in parse_dsn(url).items() if name != "password"}
    return ["--no-password", f"--dbname={make_dsn(**parts)}"]


def environment(url: str | None = None) -> dict[str, str]:
    """English messages; the password, which every user of the machine could read in a command line."""
    password = parse_dsn(url).get("password") if url else None
    return {**os.environ, "LC_ALL": "C.UTF-8", **({"PGPASSWORD": password} if password else {})}


def place(url: str) -> str:
    """The database in words, without its password."""
    parts = parse_dsn(url)
    return f"{parts.get('dbname')} on {parts.get('host', 'this machine')}:{parts.get('port', 5432)}"


def say(text: str) -> None:
    """Progress and errors; standard output is for the result."""
    print(text, file=sys.stderr, flush=True)
