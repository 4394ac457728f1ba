"""docs/schema.md is what the migrations make."""

from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from services.kernel import migrations
from services.kernel.roles import role_of
from services.kernel.schema_doc import document
from tests.services.kernel.databases import database, module, run
from tests.stack import ROOT, TestStack

MODULE = "services.kernel.schema_doc"
PAGE = ROOT / "docs" / "schema.md"
RENEW = "docs/schema.md is not what the migrations make. Renew it: ./inv up && ./inv db.migrate && ./inv db.document"


def test_the_page_in_docs_is_what_the_migrations_make(migrated: str) -> None:
    assert document(migrated).splitlines() == PAGE.read_text(encoding="utf-8").splitlines(), RENEW


def test_what_a_schema_can_hold_is_in_the_page(migrated: str) -> None:
    role = f"reader_{uuid4().hex}"
    run(migrated, "CREATE TYPE waste.colour AS ENUM ('red', 'green')")
    run(migrated, "CREATE FUNCTION waste.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
    run(
        migrated,
        """CREATE TABLE waste.bins (
            id     bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
            scan   uuid REFERENCES waste.scans ON DELETE SET NULL,
            label  text NOT NULL DEFAULT 'a|b' UNIQUE,
            double integer GENERATED ALWAYS AS (length(label) * 2) STORED,
            hue    waste.colour,
            CONSTRAINT short CHECK (length(label) < 9)
        )""",
    )
    run(migrated, "CREATE INDEX bins_hue ON waste.bins (hue) WHERE hue IS NOT NULL")
    run(migrated, "CREATE TRIGGER touched BEFORE UPDATE ON waste.bins FOR EACH ROW EXECUTE FUNCTION waste.touch()")
    run(migrated, "COMMENT ON TABLE waste.bins IS 'where it goes'")
    run(migrated, "COMMENT ON COLUMN waste.bins.hue IS 'of the lid'")
    run(migrated, f"CREATE ROLE {role}")
    run(migrated, f"GRANT SELECT, INSERT ON waste.bins TO {role}")

    page = document(migrated)
    run(migrated, f"DROP OWNED BY {role}")
    run(migrated, f"DROP ROLE {role}")

    for line in (
        "### waste.bins",
        "where it goes",
        f"Rights: `{role}` insert, select.",
        "| `id` | `bigint` | no | identity, always |  |",
        r"| `label` | `text` | no | `'a\|b'::text` |  |",
        "| `double` | `integer` | yes | generated: `(length(label) * 2)` |  |",
        "| `hue` | `waste.colour` | yes |  | of the lid |",
        "- `bins_pkey` `PRIMARY KEY (id)`",
        "- `bins_label_key` `UNIQUE (label)`",
        "- `bins_scan_fkey` `FOREIGN KEY (scan) REFERENCES waste.scans(id) ON DELETE SET NULL`",
        "- `short` `CHECK ((length(label) < 9))`",
        "- `bins_hue` `CREATE INDEX bins_hue ON waste.bins USING btree (hue) WHERE (hue IS NOT NULL)`",
        "- `colour` `enum 'red', 'green'`",
    ):
        assert line in page.splitlines()
    assert "- `touched` `CREATE TRIGGER touched BEFORE UPDATE ON waste.bins" in page
    assert "- `touch` `CREATE OR REPLACE FUNCTION waste.touch()" in page
    assert "CREATE UNIQUE INDEX bins_pkey" not in page  # said once, as a constraint
    assert "_yoyo_migration" not in page


def test_the_roles_are_told_with_all_they_may_and_without_the_name_of_this_database(
    stack: TestStack, template: str, migrated: str
) -> None:
    lines = document(migrated).splitlines()
    own = "connect on the database; usage on the schema `{0}`{1}; delete, insert, select, update on all tables of `{0}`"
    assert f"| `waste` | {own.format('waste', '')} |" in lines
    assert f"| `location` | {own.format('location', '; usage on the schema `public`')} |" in lines
    assert urlsplit(migrated).path[1:] not in "".join(lines)
    assert "None: every process logs in as the owner." in document(template).splitlines()

    run(migrated, f"GRANT TRUNCATE ON auth.users TO {role_of(migrated, 'waste')}")
    run(migrated, f"REVOKE DELETE ON waste.feedback FROM {role_of(migrated, 'waste')}")

    [waste] = [line for line in document(migrated).splitlines() if line.startswith("| `waste` |")]
    assert "truncate on `auth.users`" in waste
    assert "insert, select, update on `waste.feedback`" in waste
    assert "all tables" not in waste


def test_a_database_that_lacks_a_migration_is_not_described(stack: TestStack, migrated: str, tmp_path: Path) -> None:
    file = tmp_path / "schema.md"
    file.write_text("as it was")
    list(migrations.down(migrated, "waste"))
    behind = module(stack, migrated, MODULE, "--to", file)
    with database(stack) as empty:
        never = module(stack, empty, MODULE, "--to", file)

    assert (behind.returncode, never.returncode) == (1, 1)
    assert "waste: pending" in behind.stderr
    assert "./inv db.migrate" in never.stderr
    assert file.read_text() == "as it was"


def test_the_page_is_printed_or_written(stack: TestStack, migrated: str, tmp_path: Path) -> None:
    printed = module(stack, migrated, MODULE)
    written = module(stack, migrated, MODULE, "--to", tmp_path / "schema.md")

    assert (printed.returncode, written.returncode, written.stdout) == (0, 0, "")
    assert printed.stdout == (tmp_path / "schema.md").read_text() == document(migrated)
