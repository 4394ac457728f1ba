"""What the database looks like, as Markdown: ``python -m services.kernel.schema_doc [--to docs/schema.md]``.

Read from PostgreSQL's own catalogue after all migrations. What yoyo keeps beside our tables is left out.
"""

import argparse
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import cursor as Cursor

from services.kernel.config import ConfigError, load
from services.kernel.migrations import domains, status

HEAD = """# The database

Made by `./inv db.document` from the catalogue of a database with every migration applied; not to be edited. Each
service has a schema of its own and reads no other's; `tasks` takes what the workers' journals bring. Beside these
tables yoyo keeps in each schema which migrations were applied.
"""

SCHEMA = """
SELECT obj_description(oid, 'pg_namespace') AS comment, nspowner AS owner, nspacl AS rights
FROM pg_namespace WHERE nspname = %s
"""
EXTENSIONS = """
SELECT extname AS name, extnamespace::regnamespace::text AS schema
FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname COLLATE "C"
"""
TABLES = r"""
SELECT oid, relname AS name, relowner AS owner, relacl AS rights, obj_description(oid, 'pg_class') AS comment,
    CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END AS kind,
    CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END AS definition
FROM pg_class
WHERE relnamespace::regnamespace::text = %s AND relkind IN ('r', 'p', 'v', 'm', 'f')
    AND relname !~ '^(_yoyo_|yoyo_lock$)'
ORDER BY relname COLLATE "C"
"""
COLUMNS = """
SELECT attname AS name, format_type(atttypid, atttypmod) AS type, NOT attnotnull AS null, attgenerated AS generated,
    attidentity AS identity, pg_get_expr(adbin, adrelid) AS expression, col_description(attrelid, attnum) AS comment
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
CONSTRAINTS = """
SELECT conname AS name, pg_get_constraintdef(oid) AS definition, obj_description(oid, 'pg_constraint') AS comment
FROM pg_constraint WHERE conrelid = %s AND contype IN ('p', 'u', 'f', 'c', 'x')
ORDER BY position(contype::text IN 'pufcx'), conname COLLATE "C"
"""
INDEXES = """
SELECT relname AS name, pg_get_indexdef(indexrelid) AS definition, obj_description(indexrelid, 'pg_class') AS comment
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = %s AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND conrelid = indrelid)
ORDER BY relname COLLATE "C"
"""
TRIGGERS = """
SELECT tgname AS name, pg_get_triggerdef(oid) AS definition, obj_description(oid, 'pg_trigger') AS comment
FROM pg_trigger WHERE tgrelid = %s AND NOT tgisinternal ORDER BY tgname COLLATE "C"
"""
FUNCTIONS = """
SELECT proname AS name, pg_get_functiondef(oid) AS definition, obj_description(oid, 'pg_proc') AS comment
FROM pg_proc WHERE pronamespace::regnamespace::text = %s AND prokind <> 'a'
ORDER BY proname COLLATE "C", pg_get_function_identity_arguments(oid)
"""
TYPES = """
SELECT typname AS name, obj_description(pg_type.oid, 'pg_type') AS comment,
    CASE typtype WHEN 'd' THEN 'domain over ' || format_type(typbasetype, typtypmod) ELSE
    'enum ' || (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
                FROM pg_enum WHERE enumtypid = pg_type.oid) END AS definition
FROM pg_type WHERE typnamespace::regnamespace::text = %s AND typtype IN ('e', 'd') ORDER BY typname COLLATE "C"
"""
# The owner may do everything, and is whoever ran the migrations.
RIGHTS = """
SELECT CASE grantee WHEN 0 THEN 'everyone' ELSE pg_get_userbyid(grantee) END AS name,
    string_agg(lower(privilege_type), ', ' ORDER BY privilege_type) AS may
FROM aclexplode(%s::aclitem[]) WHERE grantee <> %s GROUP BY grantee ORDER BY 1
"""

Row = dict[str, Any]


class NotMigrated(Exception):
    """The database is not what the migrations make; the text says what to do."""


def document(url: str) -> str:
    """The whole page. Raises `NotMigrated`, and psycopg2's errors."""
    _check(url)
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SET search_path TO ''")  # every name is then given with its schema
        extensions = [f"`{row['name']}` (in `{row['schema']}`)" for row in _rows(cursor, EXTENSIONS)]
        parts = [HEAD, *([f"Extensions: {', '.join(extensions)}.\n"] if extensions else [])]
        parts += [_schema(cursor, name) for name in sorted(domain.schema for domain in domains())]
    return "\n".join(parts)


def _check(url: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace")
        there = {name for (name,) in cursor.fetchall()}
    missing = [domain.schema for domain in domains() if domain.schema not in there]
    if missing or (missing := [line for line in status(url) if ": pending " in line]):
        raise NotMigrated(f"the database lacks {', '.join(missing)}; ./inv db.migrate brings it")


def _schema(cursor: Cursor, name: str) -> str:
    [facts] = _rows(cursor, SCHEMA, name)
    tables = _rows(cursor, TABLES, name)
    lines = [f"## {name}", "", *_comment(facts), *_rights(cursor, facts)]
    lines += _listed("Types", _rows(cursor, TYPES, name))
    lines += _listed("Functions", _rows(cursor, FUNCTIONS, name))
    return "\n".join([*lines, *(_table(cursor, name, table) for table in tables)])


def _table(cursor: Cursor, schema: str, table: Row) -> str:
    lines = [f"### {schema}.{table['name']}", "", *_comment(table), *_rights(cursor, table)]
    if table["definition"]:
        lines += [f"A {table['kind']}:", "", "```sql", table["definition"].strip(), "```", ""]
    lines += ["| column | type | null | default | |", "|---|---|---|---|---|"]
    for column in _rows(cursor, COLUMNS, table["oid"]):
        cells = [f"`{column['name']}`", f"`{column['type']}`", "yes" if column["null"] else "no", _default(column)]
        lines.append("| " + " | ".join(_cell(text) for text in (*cells, column["comment"] or "")) + " |")
    lines.append("")
    for title, query in (("Constraints", CONSTRAINTS), ("Indexes", INDEXES), ("Triggers", TRIGGERS)):
        lines += _listed(title, _rows(cursor, query, table["oid"]))
    return "\n".join(lines)


def _default(column: Row) -> str:
    if column["identity"]:
        return f"identity, {'always' if column['identity'] == 'a' else 'by default'}"
    if column["expression"] is None:
        return ""
    return f"{'generated: ' if column['generated'] else ''}`{' '.join(column['expression'].split())}`"


def _listed(title: str, rows: list[Row]) -> list[str]:
    if not rows:
        return []
    said = [f": {row['comment']}" if row["comment"] else "" for row in rows]
    items = [f"- `{row['name']}` `{' '.join(row['definition'].split())}`" for row in rows]
    return [f"{title}:", "", *(item + comment for item, comment in zip(items, said, strict=True)), ""]


def _rights(cursor: Cursor, facts: Row) -> list[str]:
    granted = _rows(cursor, RIGHTS, facts["rights"], facts["owner"])
    return [f"Rights: {'; '.join('`{name}` {may}'.format(**row) for row in granted)}.", ""] if granted else []


def _comment(facts: Row) -> list[str]:
    return [facts["comment"], ""] if facts["comment"] else []


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def _rows(cursor: Cursor, query: str, *values: object) -> list[Row]:
    cursor.execute(query, values)
    assert cursor.description is not None
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="schema_doc", description=__doc__)
    parser.add_argument("--to", type=Path, help="a file to write (default: standard output)")
    options = parser.parse_args(arguments)
    try:
        page = document(str(load().database_url))
        if options.to:
            partial = options.to.with_name(f".{options.to.name}.partial")
            partial.write_text(page, encoding="utf-8")
            os.replace(partial, options.to)
        else:
            sys.stdout.write(page)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except psycopg2.OperationalError as error:
        print(f"PostgreSQL (ECO2_DATABASE_URL) cannot be reached: {error}", file=sys.stderr)
        return 4
    except (NotMigrated, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
