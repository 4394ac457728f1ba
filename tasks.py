"""The front door: ``./inv --list`` shows the tasks, ``./inv --help TASK`` explains one. Each is one call."""

from invoke import Collection, Context, task

from provisioning import tasks as cluster_tasks
from provisioning.deploy import tasks as deploy_tasks
from provisioning.images import tasks as image_tasks
from provisioning.local import commands


@task(
    help={
        "services": "also start the Eco² processes",
        "monitoring": "also start Prometheus, Alertmanager and exporters; they run until down",
        "keep": "leave a failed start running, to be looked at",
    }
)
def up(context: Context, services: bool = True, monitoring: bool = False, keep: bool = False) -> None:
    """Start the whole of Eco² on this machine, in .eco2/ and on free ports; a second time does nothing."""
    commands.up(services=services, monitoring=monitoring, keep=keep)


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


@task(help={"select": "an expression for pytest -k", "long": "also those that take long (marked so)"})
def test(context: Context, select: str | None = None, long: bool = False) -> None:  # noqa: PT028 (no pytest function)
    """Run all tests with the real parts, on private instances."""
    commands.test(select, long=long)


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
    """What the workers' journals hold: tasks by state, rows not synced, ages, sizes; which workers run."""
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
    """Fail a task that waits, or interrupt one that runs."""
    commands.cancel_task(task_id, yes=yes)


@task(
    positional=commands.first_word("wal.unpark", "task_id"),
    help={
        "task_id": "the task's id",
        "all": "each that is parked",
        "worker": "storage or ai (default: each)",
        "json": "for scripts",
    },
)
def unpark(
    context: Context, task_id: str | None = None, all: bool = False, worker: str | None = None, json: bool = False
) -> None:
    """Send rows to PostgreSQL again that it has refused, once the cause is mended; shows what it had said."""
    commands.unpark(task_id, every=all, worker=worker, json=json)


@task(
    help={
        "older_than": "finished so long ago: 30m, 12h, 7d (default: the configured wal.retain_s, 7d unless changed)",
        "worker": "storage or ai (default: each)",
        "yes": "do not ask before deleting",
        "json": "for scripts",
    }
)
def prune(
    context: Context, older_than: str | None = None, worker: str | None = None, yes: bool = False, json: bool = False
) -> None:
    """Delete finished tasks from the journals; asks first. What PostgreSQL does not have never goes."""
    commands.prune(older_than, worker=worker, yes=yes, json=json)


@task(
    help={
        "to": "a folder that exists (default: backups/ beside the journals)",
        "worker": "storage or ai (default: each)",
        "json": "for scripts",
    }
)
def backup(context: Context, to: str | None = None, worker: str | None = None, json: bool = False) -> None:
    """Copy the journals while their workers run, each into a checked file of its own."""
    commands.journal("backup", to=to, worker=worker, json=json)


@task(help={"json": "for scripts"})
def dead(context: Context, json: bool = False) -> None:
    """Count the dead letters."""
    commands.journal("dead", json=json)


@task(help={"json": "for scripts"})
def doctor(context: Context, json: bool = False) -> None:
    """Name every task that is lost, doubled, diverged or stalled, and what else ails a journal."""
    commands.journal("doctor", json=json)


@task(name="backup", help={"to": "a folder that exists (default: backups/ beside the journals)", "json": "for scripts"})
def backup_database(context: Context, to: str | None = None, json: bool = False) -> None:
    """Write all schemas into one checked file, while the services run."""
    commands.backup_database(to, json=json)


@task(
    name="restore",
    positional=["file"],
    help={
        "file": "what db.backup has written",
        "yes": "do not ask",
        "connected": "even while other clients are connected",
        "json": "for scripts",
    },
)
def restore_database(
    context: Context, file: str, yes: bool = False, connected: bool = False, json: bool = False
) -> None:
    """Replace all schemas by those of a backup: all of them or nothing."""
    commands.restore_database(file, yes=yes, connected=connected, json=json)


@task(name="document")
def document_database(context: Context) -> None:
    """Write docs/schema.md anew from the migrated database."""
    commands.module("services.kernel.schema_doc", "--to", "docs/schema.md")


@task(name="journal", help={"quick": "tiny sizes, one round; the report goes to .eco2/benchmarks.md"})
def bench_journal(context: Context, quick: bool = False) -> None:
    """Measure the journal beside its peers (13 minutes); writes docs/benchmarks.md."""
    commands.module_alone("benchmarks.journal", *(["--quick"] if quick else []))


@task(
    name="crashes",
    help={
        "moments": "how often the worker is killed",
        "seed": "a number that an earlier run has printed, to repeat it",
        "json": "for scripts",
    },
)
def soak_crashes(context: Context, moments: int = 210, seed: int | None = None, json: bool = False) -> None:
    """Kill a worker at random moments under load (4 minutes), and count what is lost or done twice."""
    commands.soak_crashes(moments, seed, json=json)


@task(name="check", help={"file": "another file than provisioning/cluster.yaml", "json": "for scripts"})
def check_cluster(context: Context, file: str | None = None, json: bool = False) -> None:
    """Check the file that says what the cluster is: every mistake with its line; exit code 2 when there is one."""
    commands.cluster("check", file, *(["--json"] if json else []))


@task(name="show", help={"file": "another file", "json": "for scripts", "mermaid": "as a diagram"})
def show_cluster(context: Context, file: str | None = None, json: bool = False, mermaid: bool = False) -> None:
    """Print the cluster: its nodes, what stands where, and the totals."""
    commands.cluster("show", file, *(["--json"] if json else []), *(["--mermaid"] if mermaid else []))


@task(name="api", help={"cases": "how many requests each operation gets"})
def soak_api(context: Context, cases: int = 90) -> None:
    """Ask the API over 5,000 times what its document allows and what not (5 minutes), and check every answer."""
    commands.soak_api(cases)


@task(
    name="rebuild",
    help={
        "moments": "how often the tool is killed",
        "seed": "a number that an earlier run has printed, to repeat it",
        "json": "for scripts",
    },
)
def soak_rebuild(context: Context, moments: int = 50, seed: int | None = None, json: bool = False) -> None:
    """Kill a rebuild on simulated machines at random moments (15 minutes), and look whether the end is the same."""
    commands.soak_rebuild(moments, seed, json=json)


@task(
    positional=commands.first_word("evaluate", "photos_dir"),
    help={
        "photos_dir": "photos with a labels.csv; without one the photos of this repository",
        "provider": "local or openai",
        "output": "folder for the confusion matrix, the reliability diagram and result.json",
        "json": "for scripts",
    },
)
def evaluate(
    context: Context,
    photos_dir: str | None = None,
    provider: str = "local",
    output: str | None = None,
    json: bool = False,
) -> None:
    """Measure how often photos are recognised: accuracy by class, calibration, latency, cost."""
    commands.evaluate(photos_dir, provider=provider, output=output, json=json)


@task
def evaluate_search(context: Context) -> None:
    """Measure the search on its labelled queries."""
    commands.module_alone("tests.services.recycle.query_report")


@task(
    name="load",
    positional=["file"],
    help={
        "file": "a CSV of public data, in UTF-8 or CP949",
        "format": "keco or standard",
        "kind": "of all points, where the file does not say it",
        "dry_run": "check the file, write nothing",
    },
)
def load_points(context: Context, file: str, format: str, kind: str | None = None, dry_run: bool = False) -> None:
    """Load collection points; again updates them. Exit code 1: some rows were dirty, 2: the file is unusable."""
    commands.load_points(file, form=format, kind=kind, dry_run=dry_run)


@task(name="location", help={"url": "of a private database, which is filled"})
def bench_location(context: Context, url: str) -> None:
    """Measure the queries of places over 200,000 points (4 minutes)."""
    commands.module_alone("benchmarks.location", url)


@task(name="provisioning", help={"json": "for scripts"})
def bench_provisioning(context: Context, json: bool = False) -> None:
    """Measure what the tool itself costs in a rebuild, on simulated machines (4 minutes)."""
    commands.module_alone("benchmarks.provisioning", *(["--json"] if json else []))


namespace = Collection(up, down, status, logs, demo, shell, test, lint, evaluate, evaluate_search)
for each in (*cluster_tasks.TASKS, *deploy_tasks.TASKS, *image_tasks.TASKS):
    namespace.add_task(each)
namespace.add_collection(
    Collection("db", migrate, migration_status, rollback, backup_database, restore_database, document_database)
)
namespace.add_collection(
    Collection("wal", journal_status, tasks, show, retry, cancel, unpark, prune, backup, dead, doctor)
)
namespace.add_collection(Collection("location", load_points))
namespace.add_collection(Collection("bench", bench_journal, bench_location, bench_provisioning))
namespace.add_collection(Collection("cluster", check_cluster, show_cluster, *cluster_tasks.CLUSTER_TASKS))
namespace.add_collection(Collection("soak", soak_crashes, soak_api, soak_rebuild))
for collection in (*cluster_tasks.COLLECTIONS, *deploy_tasks.COLLECTIONS):
    namespace.add_collection(collection)
