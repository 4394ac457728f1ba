"""What ./inv db.migrate, db.status and db.rollback say."""

from services.kernel import migrations
from services.kernel.migrations import domains
from tests.services.kernel.databases import database, module, run, steps
from tests.stack import TestStack

MODULE = "services.kernel.migrations"


def test_the_status_of_a_database_that_was_never_migrated_says_what_to_do_and_changes_nothing(stack: TestStack) -> None:
    with database(stack) as url:
        shown = module(stack, url, MODULE, "status")

        assert (shown.returncode, shown.stderr) == (0, "./inv db.migrate applies what is pending\n")
        assert len(shown.stdout.splitlines()) == sum(steps(domain.schema) for domain in domains())
        assert {line.split()[1] for line in shown.stdout.splitlines()} == {"pending"}
        assert run(url, "SELECT FROM pg_namespace WHERE nspname = 'waste'") == []


def test_nothing_can_be_taken_back_from_a_database_that_was_never_migrated(stack: TestStack) -> None:
    with database(stack) as url:
        refused = module(stack, url, MODULE, "down", "waste")

    assert refused.returncode == 2
    assert "./inv db.migrate" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_status_tells_applied_from_pending(stack: TestStack, migrated: str) -> None:
    [taken_back] = migrations.down(migrated, "waste")

    behind = module(stack, migrated, MODULE, "status").stdout.splitlines()
    module(stack, migrated, MODULE, "up")
    after = module(stack, migrated, MODULE, "status")

    pending = f"waste: pending {taken_back.split()[-1]}"
    assert [line for line in behind if "pending" in line] == [pending]
    assert pending.replace("pending", "applied") in after.stdout.splitlines()
    assert ("pending" in after.stdout, after.stderr) == (False, "")


def test_an_unknown_schema_and_a_database_that_is_away_are_named(stack: TestStack, template: str) -> None:
    unknown = module(stack, template, MODULE, "down", "elsewhere")
    away = module(stack, "postgresql://eco2:x@127.0.0.1:1/eco2", MODULE, "status")
    none = module(stack, "none", MODULE, "up")

    assert [one.returncode for one in (unknown, away, none)] == [2, 4, 2]
    assert "no schema elsewhere" in unknown.stderr
    assert "cannot be reached" in away.stderr
    assert "ECO2_DATABASE_URL" in none.stderr
