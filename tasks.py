"""The front door: ``./inv --list`` shows the tasks, ``./inv --help TASK`` explains one. Each is one call."""

from invoke import Collection, Context, task

from provisioning.local import commands


@task(help={"services": "also start the Eco² processes", "keep": "leave a failed start running, to be looked at"})
def up(context: Context, services: bool = True, keep: bool = False) -> None:
    """Start the whole of Eco² on this machine, in .eco2/ and on free ports; a second time does nothing."""
    commands.up(services=services, keep=keep)


@task(help={"wipe": "delete the data too", "yes": "do not ask before deleting"})
def down(context: Context, wipe: bool = False, yes: bool = False) -> None:
    """Stop everything that up has started. The data stays."""
    commands.down(wipe=wipe, yes=yes)


@task(help={"json": "for scripts"})
def status(context: Context, json: bool = False) -> None:
    """Show each part: port, pid, memory, health. Exit code 1 when something is wrong."""
    commands.status(json=json)


@task(
    positional=commands.first_word("logs", "name"),
    help={"name": "a part or process, as status names it", "follow": "go on as it grows", "lines": "how many"},
)
def logs(context: Context, name: str | None = None, follow: bool = False, lines: int = 50) -> None:
    """Show the end of the logs, of all or of one."""
    commands.logs(name, follow=follow, lines=lines)


@task(
    positional=commands.first_word("demo", "photo"),
    help={"photo": "a JPEG, PNG or WebP; without one a coffee cup", "keep": "leave running what demo started"},
)
def demo(context: Context, photo: str | None = None, keep: bool = False) -> None:
    """Send a photo the whole way, through the public API, and show the answer."""
    commands.demo(photo, keep=keep)


@task
def shell(context: Context) -> None:
    """A Python shell that can call every service: n.rpc.recycle.search("페트병")."""
    commands.shell()


@task(help={"select": "an expression for pytest -k"})
def test(context: Context, select: str | None = None) -> None:  # noqa: PT028 (no pytest function)
    """Run all tests with the real parts, on private instances."""
    commands.test(select)


@task
def lint(context: Context) -> None:
    """Check style and types."""
    commands.lint()


@task
def migrate(context: Context) -> None:
    """Bring the database to the newest schema."""
    commands.module("services.kernel.migrations", "up")


@task(name="status")
def migration_status(context: Context) -> None:
    """List the migrations: applied or pending."""
    commands.module("services.kernel.migrations", "status")


@task(help={"schema": "whose last migration to take back; its data goes with it", "yes": "do not ask"})
def rollback(context: Context, schema: str, yes: bool = False) -> None:
    """Take back the last migration of a schema."""
    commands.rollback(schema, yes=yes)


@task(name="status", help={"json": "for scripts"})
def journal_status(context: Context, json: bool = False) -> None:
    """What the workers' journals hold: tasks by state, rows not synced, sizes."""
    commands.journal("status", json=json)


@task(
    help={
        "state": "pending, processing, completed or failed",
        "worker": "storage or ai",
        "limit": "how many",
        "json": "for scripts",
    }
)
def tasks(
    context: Context, state: str | None = None, worker: str | None = None, limit: int = 20, json: bool = False
) -> None:
    """The newest tasks of the journals."""
    commands.journal("tasks", state=state, worker=worker, limit=str(limit), json=json)


@task(positional=["task_id"], help={"task_id": "the task's id", "json": "for scripts"})
def show(context: Context, task_id: str, json: bool = False) -> None:
    """All that the journal knows of a task."""
    commands.journal("show", task_id, json=json)


@task(positional=["task_id"], help={"task_id": "the task's id"})
def retry(context: Context, task_id: str) -> None:
    """Run a failed task again, from its last finished stage."""
    commands.journal("retry", task_id, json=False)


@task(positional=["task_id"], help={"task_id": "the task's id", "yes": "do not ask"})
def cancel(context: Context, task_id: str, yes: bool = False) -> None:
    """Fail a task that has not begun."""
    commands.cancel_task(task_id, yes=yes)


@task(help={"json": "for scripts"})
def dead(context: Context, json: bool = False) -> None:
    """Count the dead letters."""
    commands.journal("dead", json=json)


@task(help={"json": "for scripts"})
def doctor(context: Context, json: bool = False) -> None:
    """Name every task that is lost, doubled or diverged between journals, PostgreSQL and queues."""
    commands.journal("doctor", json=json)


@task(name="journal", help={"quick": "tiny sizes, one round; the report goes to .eco2/benchmarks.md"})
def bench_journal(context: Context, quick: bool = False) -> None:
    """Measure the journal beside its peers (13 minutes); writes docs/benchmarks.md."""
    commands.module_alone("benchmarks.journal", *(["--quick"] if quick else []))


namespace = Collection(up, down, status, logs, demo, shell, test, lint)
namespace.add_collection(Collection("db", migrate, migration_status, rollback))
namespace.add_collection(Collection("wal", journal_status, tasks, show, retry, cancel, dead, doctor))
namespace.add_collection(Collection("bench", bench_journal))
