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
from services.kernel.migrations import domains, owners_url, status

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
# The owner may do everything, and is whoever ran the migrations; of the services' roles tells a section of its own.
RIGHTS = """
SELECT CASE grantee WHEN 0 THEN 'everyone' ELSE pg_get_userbyid(grantee) END AS name,
    string_agg(lower(privilege_type), ', ' ORDER BY privilege_type) AS may
FROM aclexplode(%s::aclitem[])
WHERE grantee <> %s AND grantee <> ALL(%s::oid[]) GROUP BY grantee ORDER BY 1
"""
ROLES = """
SELECT schema, oid FROM unnest(%s) AS schema JOIN pg_roles ON rolname = current_database() || '_' || schema
ORDER BY schema COLLATE "C"
"""
# What a role was granted: on the database, on schemas, and on how many of a schema's tables (and which).
GRANTED = r"""
SELECT 'the database' AS what, may FROM (
    SELECT string_agg(lower(privilege_type), ', ' ORDER BY privilege_type) AS may
    FROM pg_database, aclexplode(datacl)
    WHERE datname = current_database() AND grantee = %(role)s
) AS rights WHERE may IS NOT NULL
UNION ALL SELECT format('the schema `%%s`', nspname), may FROM (
    SELECT nspname, string_agg(lower(privilege_type), ', ' ORDER BY privilege_type) AS may
    FROM pg_namespace, aclexplode(nspacl)
    WHERE grantee = %(role)s GROUP BY nspname ORDER BY nspname COLLATE "C"
) AS rights
UNION ALL SELECT CASE WHEN count(*) = (
        SELECT count(*) FROM pg_class
        WHERE relnamespace = rights.relnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relname !~ '^_?yoyo_'
    ) AND bool_and(relkind <> 'S' AND relname !~ '^_?yoyo_') THEN format('all tables of `%%s`', nspname)
    ELSE string_agg(format('`%%s.%%s`', nspname, relname), ', ' ORDER BY relname COLLATE "C") END, may
FROM (
    SELECT relnamespace, relname, relkind, string_agg(lower(privilege_type), ', ' ORDER BY privilege_type) AS may
    FROM pg_class, aclexplode(relacl) WHERE grantee = %(role)s GROUP BY relnamespace, relname, relkind
) AS rights JOIN pg_namespace ON pg_namespace.oid = relnamespace
GROUP BY nspname, rights.relnamespace, may
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
        schemas = sorted(domain.schema for domain in domains())
        roles = _roles(cursor, schemas)
        parts += ["\n".join(_granted(cursor, roles))]
        parts += [_schema(cursor, name, roles) for name in schemas]
    return "\n".join(parts)


def _check(url: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace")
        there = {name for (name,) in cursor.fetchall()}
    missing = [domain.schema for domain in domains() if domain.schema not in there]
    if missing or (missing := [line for line in status(url) if ": pending " in line]):
        raise NotMigrated(f"the database lacks {', '.join(missing)}; ./inv db.migrate brings it")


def _roles(cursor: Cursor, schemas: list[str]) -> dict[str, int]:
    """The role of each schema that has one."""
    cursor.execute(ROLES, (schemas,))
    return dict(cursor.fetchall())


def _granted(cursor: Cursor, roles: dict[str, int]) -> list[str]:
    """What each role was granted. Its name begins with the database's, which is not the page's business."""
    lines = ["## Roles", ""]
    if not roles:
        return [*lines, "None: every process logs in as the owner.", ""]
    lines += [
        "A process logs in as the role of its schema, `<database>_<schema>` (`eco2_waste`). What is not named here, a",
        "role may not do; the owner, who runs the migrations, may do everything.",
        "",
        "| role of | may |",
        "|---|---|",
    ]
    for schema, role in roles.items():
        rights = [f"{row['may']} on {row['what']}" for row in _rows(cursor, GRANTED, role=role)]
        lines.append(f"| `{schema}` | {'; '.join(rights)} |")
    return [*lines, ""]


def _schema(cursor: Cursor, name: str, roles: dict[str, int]) -> str:
    [facts] = _rows(cursor, SCHEMA, name)
    tables = _rows(cursor, TABLES, name)
    lines = [f"## {name}", "", *_comment(facts), *_rights(cursor, facts, roles)]
    lines += _listed("Types", _rows(cursor, TYPES, name))
    lines += _listed("Functions", _rows(cursor, FUNCTIONS, name))
    return "\n".join([*lines, *(_table(cursor, name, table, roles) for table in tables)])


def _table(cursor: Cursor, schema: str, table: Row, roles: dict[str, int]) -> str:
    lines = [f"### {schema}.{table['name']}", "", *_comment(table), *_rights(cursor, table, roles)]
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


def _rights(cursor: Cursor, facts: Row, roles: dict[str, int]) -> list[str]:
    granted = _rows(cursor, RIGHTS, facts["rights"], facts["owner"], list(roles.values()))
    return [f"Rights: {'; '.join('`{name}` {may}'.format(**row) for row in granted)}.", ""] if granted else []


def _comment(facts: Row) -> list[str]:
    return [facts["comment"], ""] if facts["comment"] else []


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def _rows(cursor: Cursor, query: str, *values: object, **named: object) -> list[Row]:
    cursor.execute(query, named or values)
    assert cursor.description is not None
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="schema_doc", description=__doc__)
    parser.add_argument("--to", type=Path, help="a file to write (default: standard output)")
    options = parser.parse_args(arguments)
    try:
        page = document(owners_url(load()))
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
