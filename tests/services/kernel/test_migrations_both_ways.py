"""Every migration can be taken back, and leaves nothing of its own."""

import pytest

from services.kernel import migrations
from services.kernel.migrations import domains
from services.kernel.schema_doc import document
from tests.services.kernel.databases import migrate, run, steps

SCHEMAS = [domain.schema for domain in domains()]


def left(url: str, schema: str) -> list[tuple[str, ...]]:
    """What is in a schema but yoyo's own: tables, indexes, sequences, types and functions."""
    return run(
        url,
        """
        SELECT 'relation', relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relname !~ 'yoyo_'
        UNION ALL SELECT 'type', typname FROM pg_type WHERE typnamespace = %s::regnamespace AND typname !~ 'yoyo_'
        UNION ALL SELECT 'function', proname FROM pg_proc WHERE pronamespace = %s::regnamespace
        ORDER BY 1, 2
        """,
        *[schema] * 3,
    )


def test_all_migrations_taken_back_one_by_one_and_applied_again_make_the_same_schema(migrated: str) -> None:
    before = document(migrated)

    taken_back = [
        line for schema in SCHEMAS for _ in range(steps(schema)) for line in migrations.down(migrated, schema)
    ]

    assert len(taken_back) == sum(map(steps, SCHEMAS))
    assert {schema: left(migrated, schema) for schema in SCHEMAS} == {schema: [] for schema in SCHEMAS}
    assert [line for schema in SCHEMAS for line in migrations.down(migrated, schema)] == []

    assert len(migrate(migrated)) == len(taken_back)
    assert document(migrated) == before


@pytest.mark.parametrize("schema", SCHEMAS)
def test_each_migration_of_a_schema_can_be_taken_back_and_applied_again(migrated: str, schema: str) -> None:
    before = document(migrated)

    for depth in range(1, steps(schema) + 1):
        taken_back = [line for _ in range(depth) for line in migrations.down(migrated, schema)]
        applied = migrate(migrated)

        assert [line.split()[-1] for line in applied] == [line.split()[-1] for line in reversed(taken_back)]
        assert document(migrated) == before


def test_the_other_schemas_stay_when_one_is_taken_back(migrated: str) -> None:
    before = {schema: left(migrated, schema) for schema in SCHEMAS}

    for schema in SCHEMAS:
        list(migrations.down(migrated, schema))
        assert {one: left(migrated, one) for one in SCHEMAS if one != schema} == {
            one: before[one] for one in SCHEMAS if one != schema
        }
        list(migrations.up(migrated))
