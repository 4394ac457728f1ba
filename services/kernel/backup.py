"""Backup and restore of all our schemas, by PostgreSQL's own programs: ``python -m services.kernel.backup``.

``backup [--to FOLDER]`` writes one checked file while the services run; ``restore FILE`` puts it back in a single
transaction. Both take ``--json``. Exit codes: 1 refused or failed, 2 a setting or argument is wrong or a program is
missing, 4 PostgreSQL cannot be reached.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2

from services.kernel.archive import applied, read
from services.kernel.config import ConfigError, load
from services.kernel.migrations import domains, owners_url
from services.kernel.postgres_programs import BackupError, database, follow, place, program, say
from services.kernel.restore import COPIED, restore

EXTENSIONS = """
SELECT DISTINCT extname
FROM pg_extension
JOIN pg_depend part ON part.refclassid = 'pg_extension'::regclass AND part.refobjid = pg_extension.oid
    AND part.deptype = 'e'
JOIN pg_depend uses ON uses.refclassid = part.classid AND uses.refobjid = part.objid
WHERE (pg_identify_object(uses.classid, uses.objid, uses.objsubid)).schema = ANY(%s)
"""


def backup(url: str, folder: Path) -> dict[str, Any]:
    """Write ``database-<UTC>.dump`` into `folder`, for its owner's eyes alone: one moment of all our schemas.

    The services go on meanwhile. Overwrites nothing, and a file of that name is always a whole one. Raises
    `BackupError`.
    """
    schemas = [domain.schema for domain in domains()]
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        if missing := [schema for schema in schemas if applied(connection, schema) is None]:
            raise BackupError(f"not in the database: {', '.join(missing)}; ./inv db.migrate brings them")
        cursor.execute(EXTENSIONS, (schemas,))
        extensions = [name for (name,) in cursor.fetchall()]
    final = folder / f"database-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.dump"
    with _partial(final) as partial:
        say(f"copying {', '.join(schemas)} of {place(url)}")
        chosen = [*(f"--schema={schema}" for schema in schemas), *(f"--extension={name}" for name in extensions)]
        words = ["--format=custom", *COPIED, "--strict-names", "--verbose", f"--file={partial}", *chosen]
        follow([program("pg_dump"), *words, *database(url)], url)
        say("checking the copy")
        archive = read(partial)
        if lacking := set(schemas) - set(archive.schemas):
            raise BackupError(f"the copy lacks {', '.join(sorted(lacking))}")
    return {"file": str(final), "bytes": final.stat().st_size, "schemas": archive.schemas, "tables": archive.tables}


@contextmanager
def _partial(final: Path) -> Iterator[Path]:
    """A hidden file that gets its name, `final`, when the block ends well, and is removed when it does not."""
    partial = final.with_name(f".{final.name}.partial")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise BackupError(f"{final.parent} takes no file: {error.strerror}", 2) from error
    try:
        yield partial
        os.link(partial, final)  # unlike a renaming it overwrites nothing
        folder = os.open(final.parent, os.O_RDONLY)
        os.fsync(folder)  # pg_dump has done so with the file
        os.close(folder)
    except OSError as error:
        raise BackupError(f"{final} was not written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        settings = load()
        url = owners_url(settings)
        if options.command == "backup":
            folder = options.to or settings.state_dir / "backups"
            if not options.to:
                folder.mkdir(mode=0o700, exist_ok=True)
            result = backup(url, folder)
            told = "{file}: {tables} tables, {bytes} bytes".format(**result)
        else:
            result = restore(
                url, options.file, yes=options.yes, connected=options.connected, with_roles=settings.database_roles
            )
            told = "\n".join(
                [f"restored {options.file}: {result['applied']} migrations are applied"]
                + [f"pending {name}; ./inv db.migrate applies it" for name in result["pending"]]
                + [f"unknown {name}: this Eco² is older than the backup" for name in result["unknown"]]
            )
    except ConfigError as error:
        say(str(error))
        return 2
    except BackupError as error:
        say(str(error))
        return error.code
    except psycopg2.OperationalError as error:
        say(f"PostgreSQL (ECO2_DATABASE_URL) cannot be reached: {error}")
        return 4
    except psycopg2.Error as error:
        say(f"PostgreSQL refuses: {error}")
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130
    print(json.dumps(result, indent=2) if options.json else told)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backup", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    copying = commands.add_parser("backup", help="write all our schemas into one file")
    copying.add_argument("--to", type=Path, help="a folder that exists (default: backups/ beside the journals)")
    replacing = commands.add_parser("restore", help="replace our schemas by those of a backup")
    replacing.add_argument("file", type=Path)
    replacing.add_argument("--yes", action="store_true", help="do not ask")
    replacing.add_argument("--connected", action="store_true", help="even while other clients are connected")
    for one in (copying, replacing):
        one.add_argument("--json", action="store_true", help="for scripts")
    return parser


if __name__ == "__main__":
    sys.exit(main())
