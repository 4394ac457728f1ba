"""A backup comes back whole, or nothing is changed."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import pytest
from psycopg2 import errors, sql

from services.kernel import migrations
from services.kernel.migrations import domains
from services.kernel.postgres_programs import program
from services.kernel.roles import url_of
from services.kernel.schema_doc import document
from tests.services.kernel.databases import database, module, run, steps
from tests.stack import TestStack

MODULE = "services.kernel.backup"
USER = "01920000-0000-7000-8000-0000000000aa"
Answer = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def full(stack: TestStack, template: str) -> Iterator[str]:
    """A migrated database with rows in tables of four schemas; to be copied, not to be changed."""
    with database(stack, template) as url:
        run(url, f"INSERT INTO auth.users VALUES ('{USER}', 'a@b.kr', '가나', '$argon2id$x', now())")  # noqa: S608
        run(url, "INSERT INTO auth.signing_keys VALUES ('one', decode(repeat('00ff', 16), 'hex'), now())")
        run(url, f"INSERT INTO chat.conversations VALUES ('{USER}', '{USER}', now())")  # noqa: S608
        run(
            url,
            "INSERT INTO chat.messages (id, conversation_id, role, content, created_at, finished_at) "
            "SELECT gen_random_uuid(), %s, 'user', E'\\\\.\\n한글\\t|' || n, now(), now() "
            "FROM generate_series(1, 500) AS n",
            USER,
        )
        run(url, "INSERT INTO recycle.searches (query, hits, created_at) VALUES ('페트병', 0, now())")
        yield url


@pytest.fixture
def filled(stack: TestStack, full: str) -> Iterator[str]:
    """A copy of `full` to do with as one likes."""
    with database(stack, full) as url:
        yield url


@pytest.fixture(scope="module")
def copy(stack: TestStack, full: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of `full`."""
    made = module(stack, full, MODULE, "backup", "--to", tmp_path_factory.mktemp("backup"), "--json")
    assert made.returncode == 0, made.stderr
    return Path(json.loads(made.stdout)["file"])


@pytest.fixture
def backup(stack: TestStack, tmp_path: Path) -> Callable[[str], Path]:
    """Backs up a database and returns the file."""

    def make(url: str) -> Path:
        made = module(stack, url, MODULE, "backup", "--to", tmp_path, "--json")
        assert made.returncode == 0, made.stderr
        return Path(json.loads(made.stdout)["file"])

    return make


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of ours."""
    schemas = [domain.schema for domain in domains()]
    tables = run(url, "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY(%s) ORDER BY 1, 2", schemas)
    return {
        ".".join(name): run(url, sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(*name)))
        for name in tables
    }


def recorder(folder: Path) -> tuple[Path, Path]:
    """A folder with PostgreSQL's programs that write down with which words they were called, and that file."""
    folder.mkdir()
    calls = folder / "calls"
    for name in ("pg_dump", "pg_restore", "psql"):
        stand_in(folder, name, f'echo "{name} $*" >> {calls}\nexec {program(name)} "$@"')
    return folder, calls


def stand_in(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_a_backup_restored_into_an_empty_database_is_the_database_that_was_backed_up(
    stack: TestStack, full: str, copy: Path
) -> None:

    with database(stack) as url:
        restored = module(stack, url, MODULE, "restore", copy, "--yes", "--json", ECO2_DATABASE_ROLES="false")

        assert restored.returncode == 0, restored.stderr
        assert len(contents(full)["chat.messages"]) == 500
        assert contents(url) == contents(full)
        assert document(url) == document(full)
        assert run(url, "SELECT max(ordinal) FROM chat.messages") == [(500,)]
        told = json.loads(restored.stdout)
        assert (told["pending"], told["unknown"]) == ([], [])
        assert told["applied"] == sum(steps(one.schema) for one in domains())
        assert "nothing to do" in module(stack, url, "services.kernel.migrations", "up").stdout


def test_sequences_go_on_after_a_restore(stack: TestStack, filled: str, copy: Path) -> None:
    assert module(stack, filled, MODULE, "restore", copy, "--yes").returncode == 0

    again = run(filled, "INSERT INTO recycle.searches (query, hits, created_at) VALUES ('캔', 0, now()) RETURNING id")

    assert again == [(2,)]


def test_a_backup_is_private_and_has_the_utc_time_in_its_name_and_no_other_is_overwritten(
    full: str, backup: Callable[[str], Path]
) -> None:
    first = backup(full)
    before = first.read_bytes()
    second = backup(full)

    assert re.fullmatch(r"database-\d{8}T\d{6}\.\d{6}Z\.dump", first.name)
    assert [oct(file.stat().st_mode & 0o777) for file in (first, second)] == ["0o600", "0o600"]
    assert sorted(first.parent.iterdir()) == [first, second]
    assert first.read_bytes() == before


def test_a_restore_replaces_what_came_since_and_the_tables_of_later_migrations(
    stack: TestStack, filled: str, copy: Path
) -> None:
    before = contents(filled)
    run(filled, "DELETE FROM chat.messages")
    run(filled, "ALTER TABLE auth.users ADD COLUMN later text")
    run(filled, "CREATE TABLE auth.later (user_id uuid REFERENCES auth.users)")

    restored = module(stack, filled, MODULE, "restore", copy, "--yes")

    assert restored.returncode == 0, restored.stderr
    assert contents(filled) == before


def test_a_restore_that_fails_at_its_end_changes_nothing(
    stack: TestStack, filled: str, copy: Path, tmp_path: Path
) -> None:
    run(filled, "DELETE FROM chat.messages")
    before = contents(filled)
    folder, _ = recorder(tmp_path / "bin")
    stand_in(
        folder, "pg_restore", f'{program("pg_restore")} "$@" || exit\ncase "$*" in *--file=-*) echo "SELECT 1/0;"; esac'
    )

    restored = module(stack, filled, MODULE, "restore", copy, "--yes", ECO2_POSTGRES_BIN=str(folder))

    assert restored.returncode == 1
    assert "nothing was changed" in restored.stderr
    assert "division by zero" in restored.stderr
    assert contents(filled) == before


def test_rights_are_not_in_a_backup_and_those_of_the_roles_are_given_anew(
    stack: TestStack, full: str, backup: Callable[[str], Path]
) -> None:
    """The names of roles have the database's in them, and another server has other ones."""
    stranger = f"reader_{uuid4().hex}"
    with database(stack, full) as url:
        migrations.grant_roles(url)
        run(url, f"CREATE ROLE {stranger}")
        run(url, f"GRANT SELECT ON waste.scans TO {stranger}")
        file = backup(url)
        run(url, f"DROP OWNED BY {stranger}")
        run(url, f"DROP ROLE {stranger}")

    with database(stack) as other:
        restored = module(stack, other, MODULE, "restore", file, "--yes")

        assert restored.returncode == 0, restored.stderr
        assert run(url_of(other, "chat"), "SELECT count(*) FROM chat.messages") == [(500,)]
        with pytest.raises(errors.InsufficientPrivilege):
            run(url_of(other, "waste"), "SELECT FROM chat.messages")
        with pytest.raises(errors.InsufficientPrivilege):
            run(url_of(other, "waste"), "SELECT FROM waste._yoyo_migration")


def test_a_service_works_on_through_a_restore(stack: TestStack, full: str, copy: Path) -> None:
    with database(stack, full) as url:
        migrations.grant_roles(url)
        with closing(psycopg2.connect(url_of(url, "chat"))) as service, service.cursor() as cursor:
            service.autocommit = True
            cursor.execute("DELETE FROM chat.messages")

            restored = module(stack, url, MODULE, "restore", copy, "--yes", "--connected")

            assert restored.returncode == 0, restored.stderr
            cursor.execute("SELECT count(*) FROM chat.messages")
            assert cursor.fetchall() == [(500,)]


def test_a_restore_that_cannot_make_the_roles_changes_nothing_unless_they_are_turned_off(
    stack: TestStack, filled: str, copy: Path
) -> None:
    owner, password = f"owner_{uuid4().hex}", uuid4().hex
    run(filled, f"CREATE ROLE {owner} LOGIN PASSWORD '{password}'")
    try:
        with database(stack, owner=owner) as made:
            own = f"postgresql://{owner}:{password}@{made.rpartition('@')[2]}"

            refused = module(stack, own, MODULE, "restore", copy, "--yes")
            assert (refused.returncode, contents(made)) == (1, {})
            done = module(stack, own, MODULE, "restore", copy, "--yes", ECO2_DATABASE_ROLES="false")

            assert "ECO2_DATABASE_ROLES=false" in refused.stderr
            assert done.returncode == 0, done.stderr
            assert contents(own) == contents(filled)
    finally:
        run(filled, f"DROP ROLE {owner}")


def test_a_pg_restore_that_dies_half_way_changes_nothing(
    stack: TestStack, filled: str, copy: Path, tmp_path: Path
) -> None:
    run(filled, "DELETE FROM chat.messages WHERE ordinal > 3")
    before = contents(filled)
    folder, calls = recorder(tmp_path / "bin")
    half = f'case "$*" in *--use-list*) {program("pg_restore")} "$@" | sed "/^COPY chat/Q"; exit 9;; esac'
    stand_in(folder, "pg_restore", f'{half}\nexec {program("pg_restore")} "$@"')

    restored = module(stack, filled, MODULE, "restore", copy, "--yes", ECO2_POSTGRES_BIN=str(folder))

    assert restored.returncode == 1
    assert "nothing was changed" in restored.stderr
    assert "psql" in calls.read_text()
    assert contents(filled) == before


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "text"])
def test_a_damaged_file_is_refused_before_anything_is_asked(
    stack: TestStack, filled: str, copy: Path, tmp_path: Path, damage: str
) -> None:
    before = contents(filled)
    whole = copy.read_bytes()
    middle = whole.index(b"\x78\x9c", len(whole) // 2) + 40  # inside a table's compressed rows
    changed = whole[:middle] + bytes(255 - byte for byte in whole[middle : middle + 8]) + whole[middle + 8 :]
    file = tmp_path / copy.name
    file.write_bytes({"cut": whole[:-100], "changed": changed, "empty": b"", "text": b"SELECT 1;\n" * 99}[damage])

    restored = module(stack, filled, MODULE, "restore", file, "--yes")

    assert restored.returncode == 1
    assert "replaces" not in restored.stderr
    assert contents(filled) == before


def test_a_dump_of_something_else_is_refused(stack: TestStack, filled: str, tmp_path: Path) -> None:
    run(filled, "CREATE SCHEMA elsewhere CREATE TABLE notes (id int)")
    file = tmp_path / "other.dump"
    subprocess.run([program("pg_dump"), "--format=custom", f"--file={file}", filled], check=True)

    restored = module(stack, filled, MODULE, "restore", file, "--yes")

    assert restored.returncode == 1
    assert "no backup of Eco²" in restored.stderr
    assert "elsewhere" in restored.stderr


def test_a_view_of_somebody_else_is_not_dropped_with_our_tables(stack: TestStack, filled: str, copy: Path) -> None:
    run(filled, "CREATE VIEW public.report AS SELECT count(*) FROM waste.scans")

    restored = module(stack, filled, MODULE, "restore", copy, "--yes")

    assert restored.returncode == 1
    assert "report" in restored.stderr
    assert run(filled, "SELECT * FROM public.report") == [(0,)]


def test_a_restore_is_refused_while_a_service_is_connected_unless_told_otherwise(
    stack: TestStack, filled: str, copy: Path
) -> None:
    run(filled, "DELETE FROM chat.messages")
    with closing(psycopg2.connect(filled, application_name="eco2-waste")):
        refused = module(stack, filled, MODULE, "restore", copy, "--yes")
        assert (refused.returncode, contents(filled)["chat.messages"]) == (1, [])
        assert "still connected: eco2-waste (1)" in refused.stderr

        told = module(stack, filled, MODULE, "restore", copy, "--yes", "--connected")

    assert told.returncode == 0, told.stderr
    assert len(contents(filled)["chat.messages"]) == 500


def test_a_restore_that_nobody_agrees_to_changes_nothing(stack: TestStack, filled: str, copy: Path) -> None:
    run(filled, "DELETE FROM chat.messages")

    silent = module(stack, filled, MODULE, "restore", copy)
    refused = answered(b"n\n", stack, filled, copy)

    assert (silent.returncode, refused.returncode) == (1, 1)
    assert "--yes" in silent.stderr
    assert "chat (7 tables, " in refused.stderr
    assert contents(filled)["chat.messages"] == []


def test_a_restore_that_somebody_agrees_to_is_done(stack: TestStack, filled: str, copy: Path) -> None:
    run(filled, "DELETE FROM chat.messages")

    assert answered(b"y\n", stack, filled, copy).returncode == 0
    assert len(contents(filled)["chat.messages"]) == 500


def answered(keys: bytes, stack: TestStack, url: str, file: Path) -> Answer:
    """A restore at a terminal where somebody types `keys`."""
    person, terminal = os.openpty()
    try:
        os.write(person, keys)
        return module(stack, url, MODULE, "restore", file, stdin=terminal)
    finally:
        os.close(person)
        os.close(terminal)


def test_a_backup_of_older_migrations_says_which_are_pending(
    stack: TestStack, filled: str, backup: Callable[[str], Path]
) -> None:
    [taken_back] = migrations.down(filled, "waste")
    name = taken_back.split()[-1]
    file = backup(filled)
    list(migrations.up(filled))

    restored = module(stack, filled, MODULE, "restore", file, "--yes", "--json")

    assert json.loads(restored.stdout)["pending"] == [f"waste: {name}"]
    assert list(migrations.up(filled)) == [f"waste: applied {name}"]


def test_no_program_is_told_the_password_on_its_command_line(stack: TestStack, filled: str, tmp_path: Path) -> None:
    folder, calls = recorder(tmp_path / "bin")
    programs = {"ECO2_POSTGRES_BIN": str(folder)}
    made = module(stack, filled, MODULE, "backup", "--to", tmp_path, "--json", **programs)
    restored = module(stack, filled, MODULE, "restore", json.loads(made.stdout)["file"], "--yes", **programs)

    assert restored.returncode == 0, restored.stderr
    password = urlsplit(filled).password
    assert password
    said = calls.read_text() + made.stdout + made.stderr + restored.stdout + restored.stderr
    assert {line.split()[0] for line in calls.read_text().splitlines()} == {"pg_dump", "pg_restore", "psql"}
    assert password not in said


def test_the_owner_of_the_database_needs_no_more_rights_to_restore_it(
    stack: TestStack, backup: Callable[[str], Path]
) -> None:
    role, url = f"owner_{uuid4().hex}", stack.settings["ECO2_DATABASE_URL"]
    run(url, f"CREATE ROLE {role} LOGIN PASSWORD 'its own'")
    try:
        with database(stack, owner=role) as made:
            run(made, "CREATE EXTENSION cube")  # the superuser's
            place = made.rpartition("@")[2]
            own = f"postgresql://{role}:its%20own@{place}"
            list(migrations.up(own))
            before = contents(own)

            restored = module(stack, own, MODULE, "restore", backup(own), "--yes", ECO2_DATABASE_ROLES="false")

            assert restored.returncode == 0, restored.stderr
            assert contents(own) == before
    finally:
        run(url, f"DROP ROLE {role}")


def test_a_backup_that_comes_out_damaged_leaves_no_file(stack: TestStack, full: str, tmp_path: Path) -> None:
    folder, _ = recorder(tmp_path / "bin")
    cut = 'for word; do case "$word" in --file=*) truncate --size=-100 "${word#--file=}";; esac; done'
    stand_in(folder, "pg_dump", f'{program("pg_dump")} "$@" || exit\n{cut}')
    to = tmp_path / "to"
    to.mkdir()

    made = module(stack, full, MODULE, "backup", "--to", to, ECO2_POSTGRES_BIN=str(folder))

    assert made.returncode == 1
    assert "pg_restore" in made.stderr
    assert list(to.iterdir()) == []


def test_a_database_that_was_never_migrated_is_not_backed_up(stack: TestStack, tmp_path: Path) -> None:
    with database(stack) as url:
        made = module(stack, url, MODULE, "backup", "--to", tmp_path)

    assert (made.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "./inv db.migrate" in made.stderr


def test_what_is_missing_is_named(stack: TestStack, full: str, tmp_path: Path) -> None:
    nowhere = module(stack, full, MODULE, "backup", "--to", tmp_path / "nowhere")
    no_file = module(stack, full, MODULE, "restore", tmp_path / "nothing.dump", "--yes")
    no_programs = module(stack, full, MODULE, "backup", "--to", tmp_path, ECO2_POSTGRES_BIN=str(tmp_path))
    away = module(stack, "postgresql://eco2:x@127.0.0.1:1/eco2", MODULE, "backup", "--to", tmp_path)

    assert [one.returncode for one in (nowhere, no_file, no_programs, away)] == [2, 2, 2, 4]
    assert str(tmp_path / "nowhere") in nowhere.stderr
    assert "nothing.dump" in no_file.stderr
    assert "ECO2_POSTGRES_BIN" in no_programs.stderr
    assert "ECO2_DATABASE_URL" in away.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_the_backup_lies_beside_the_journals(stack: TestStack, full: str, tmp_path: Path) -> None:
    made = module(stack, full, MODULE, "backup", ECO2_STATE_DIR=str(tmp_path))

    [file] = (tmp_path / "backups").iterdir()
    assert made.stdout.startswith(str(file))
    assert oct((tmp_path / "backups").stat().st_mode & 0o777) == "0o700"
