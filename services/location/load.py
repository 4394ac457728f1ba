"""Loads collection points from public data: ``python -m services.location.load FILE --format keco|standard``.

The file is streamed and written in batches, each committed by itself; loading it again, whole or after an
interruption, updates what has changed and nothing else. Points that a newer file no longer has stay. Rows that
make no point are reported by line with the reason. Exit codes: 0 all is loaded, 1 some rows were dirty (the others are
loaded), 2 the file or the command is unusable, 4 PostgreSQL cannot be reached.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import psycopg2
from psycopg2.extras import execute_values

from services.kernel.config import ConfigError, load
from services.kernel.migrations import owners_url
from services.location.incoming import Dirty, NewPoint
from services.location.points import Kind
from services.location.sources import FORMATS
from services.location.tabular import Row, Unusable, encoding_of, header_and_rows

UPSERT = Path(__file__).with_name("upsert.sql").read_text(encoding="utf-8")
BATCH = 1000  # points
PROGRESS = 10_000  # rows between two lines of progress
MOST_REPORTED = 1000  # dirty rows that are told one by one; all are counted
COLUMNS = ("id", "kind", "name", "address", "lat", "lon", "phone", "hours", "opening", "source", "source_id")


@dataclass
class Report:
    """What became of a file's rows. A row may make two points: a box for batteries and lamps."""

    rows: int = 0
    dirty: int = 0
    points: int = 0
    added: int = 0
    updated: int = 0

    @property
    def unchanged(self) -> int:
        return self.points - self.added - self.updated


class Loader:
    """Reads one file. Without a `connection` (a dry run) nothing is written, and all points count as unchanged."""

    def __init__(self, path: Path, format_name: str, kind: Kind | None, connection: Any | None) -> None:
        self.format = FORMATS[format_name]
        self.kind = kind
        self.connection = connection
        self.encoding = encoding_of(path)
        header, self.rows = header_and_rows(path, self.encoding)
        self.format.check(header, kind)
        self.report = Report()
        self._lines: dict[str, int] = {}  # the line of each point that was read

    def run(self) -> Report:
        """Raises nothing for a dirty row: it is told on stderr and counted."""
        batch: list[NewPoint] = []
        for row in self.rows:
            batch += self._points(row)
            if len(batch) >= BATCH:
                self._write(batch)
                batch = []
            if self.report.rows % PROGRESS == 0:
                print(f"{self.report.rows} rows, {self.report.dirty} dirty", file=sys.stderr)
        if batch:
            self._write(batch)
        if self.connection is not None and self.report.unchanged < self.report.points:
            with self.connection, self.connection.cursor() as cursor:
                cursor.execute("ANALYZE location.points, location.cells")  # the planner knows the new ones at once
        return self.report

    def _points(self, row: Row) -> Iterator[NewPoint]:
        self.report.rows += 1
        try:
            if row.fault:
                raise Dirty(row.fault)
            points = self.format.points(row.fields, self.kind)
            for point in points:
                earlier = self._lines.setdefault(point.source_id, row.line)
                if earlier != row.line:
                    raise Dirty(f"is the same point as line {earlier}")
        except Dirty as reason:
            self.report.dirty += 1
            if self.report.dirty <= MOST_REPORTED:
                print(f"line {row.line}: {reason}", file=sys.stderr)
            return
        self.report.points += len(points)
        yield from points

    def _write(self, batch: list[NewPoint]) -> None:
        if self.connection is None:
            return
        values = [tuple(str(point.id) if name == "id" else getattr(point, name) for name in COLUMNS) for point in batch]
        template = "(%s, %s, %s, %s, %s, %s, %s, %s, %s::int4multirange, %s, %s)"
        with self.connection, self.connection.cursor() as cursor:
            written = execute_values(cursor, UPSERT, values, template=template, page_size=len(values), fetch=True)
        self.report.added += sum(new for (new,) in written)
        self.report.updated += sum(not new for (new,) in written)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="location.load", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--format", choices=sorted(FORMATS), required=True)
    parser.add_argument("--kind", choices=get_args(Kind), help="of all points, where the file does not say it")
    parser.add_argument("--dry-run", action="store_true", help="check the file, write nothing")
    options = parser.parse_args(arguments)
    connection = None
    try:
        loader = Loader(options.file, options.format, options.kind, None)
        if not options.dry_run:
            connection = loader.connection = psycopg2.connect(owners_url(load()))
        report = loader.run()
    except (Unusable, ConfigError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except psycopg2.OperationalError as error:
        print(f"PostgreSQL (ECO2_DATABASE_URL) cannot be reached: {error}", file=sys.stderr)
        return 4
    finally:
        if connection is not None:
            connection.close()
    outcome = f"{report.added} added, {report.updated} updated, {report.unchanged} unchanged"
    print(
        f"{options.file} ({loader.encoding}): {report.rows} rows, {report.dirty} dirty, {report.points} points"
        + ("; nothing written" if options.dry_run else f": {outcome}")
    )
    return 1 if report.dirty else 0


if __name__ == "__main__":
    sys.exit(main())
