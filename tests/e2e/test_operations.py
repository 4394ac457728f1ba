"""What operators and developers see: health, metrics, dead letters, the shell, the tasks."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from kombu import Connection, Exchange
from psycopg2.extras import Json
from uuid6 import uuid7

from services.kernel.roles import url_of
from tests.e2e.scans import answer
from tests.stack import ROOT, TestStack, eventually

NAMEKO = Path(sys.executable).with_name("nameko")
DOMAINS = ("waste", "auth", "user", "location", "recycle", "chat")


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("prefix", ["", "/api"])
def test_every_domain_tells_its_health(client: httpx.Client, domain: str, prefix: str) -> None:
    health = client.get(f"{prefix}/{domain}/health")
    ready = client.get(f"{prefix}/{domain}/ready")
    metrics = client.get(f"{prefix}/{domain}/metrics")

    assert (health.status_code, health.json()["status"]) == (200, "healthy")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert set(ready.json()["checks"].values()) == {"ok"}
    assert "eco2_call_seconds_bucket" in metrics.text


def test_metrics_are_not_for_those_who_come_through_the_load_balancer(client: httpx.Client) -> None:
    refused = client.get("/api/waste/metrics", headers={"X-Forwarded-For": "203.0.113.9"})

    assert (refused.status_code, refused.json()["code"]) == (403, "metrics_private")


def test_an_unknown_domain_has_no_health(client: httpx.Client) -> None:
    assert client.get("/api/nothing/health").json()["code"] == "domain_not_found"


@pytest.mark.parametrize("worker", ["storage", "ai"])
def test_a_worker_exports_its_journals_metrics(stack: TestStack, worker: str) -> None:
    """Guards W17: on the port where it says it does, and next to a health that asks nobody."""
    port = stack.status()[worker]["port"]

    metrics = httpx.get(f"http://127.0.0.1:{port}/metrics").text

    for name in ("eco2_journal_commit_seconds_count", "eco2_journal_unsynced", "eco2_tasks_in_flight"):
        assert name in metrics


@pytest.mark.parametrize(
    ("task_type", "queue", "reason"),
    [
        ("image.paint", "tasks.storage.dead", "unknown task type"),
        ("scan.guess", "tasks.ai.dead", "unknown task type"),
        ("moon.landing", "tasks.unroutable", None),
    ],
)
def test_an_unknown_task_goes_to_the_dead_letters(
    stack: TestStack, task_type: str, queue: str, reason: str | None
) -> None:
    with Connection(stack.settings["ECO2_AMQP_URL"]) as connection, connection.channel() as channel:
        connection.Producer(exchange=Exchange("tasks", no_declare=True)).publish(
            b"?", routing_key=task_type, type=task_type, message_id="lost-1", content_type="application/octet-stream"
        )
        dead = eventually(lambda: channel.basic_get(queue, no_ack=True))

    assert dead.body in (b"?", "?")
    assert dead.properties["type"] == task_type
    assert dead.headers.get("reason") == reason


def test_the_shell_answers_from_the_knowledge(stack: TestStack) -> None:
    asked = subprocess.run(
        [NAMEKO, "shell", "--config", str(stack.home / "nameko.yaml"), "--interface", "plain"],
        input='print(n.rpc.recycle.search("페트병"))\n',
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "clear_pet_bottle" in asked.stdout + asked.stderr


def test_every_process_is_small_and_all_fit_into_2200_megabytes(stack: TestStack) -> None:
    lines = stack.status()

    for name, line in lines.items():
        # The AI worker holds its model while photos come, and what decoding several at once left in the heap; it gives
        # both back after a quiet minute.
        # The recycle service holds the search's Korean analyser.
        if line["kind"] == "process":
            assert line["pss_bytes"] < {"ai": 400e6, "recycle": 480e6}.get(name, 160e6), name
    assert sum(line["pss_bytes"] for line in lines.values()) < 2200e6


def test_a_second_up_has_nothing_to_do(stack: TestStack) -> None:
    before = {name: line["pid"] for name, line in stack.status().items()}

    again = stack.inv("up")

    assert again.returncode == 0, again.stderr
    assert "nothing to do" in again.stdout
    assert {name: line["pid"] for name, line in stack.status().items()} == before


def test_the_demo_prints_an_answer(stack: TestStack) -> None:
    shown = stack.inv("demo")

    assert shown.returncode == 0, shown.stdout + shown.stderr
    for part in ("도자기 컵", "84%", "local/efficientnet-lite0", "fetched back: 68563 bytes"):
        assert part in shown.stdout
    assert stack.status()["gateway"]["healthy"]  # it was up before, so it stays


def test_the_demo_of_what_is_no_photo_says_why(stack: TestStack) -> None:
    shown = stack.inv("demo", "README.md")

    assert shown.returncode == 1
    assert "not_an_image" in shown.stderr
    missing = stack.inv("demo", "/nowhere.jpg")
    assert (missing.returncode, "No such file" in missing.stderr) == (1, True)


def test_migrations_are_applied_and_repeating_them_does_nothing(stack: TestStack) -> None:
    assert "pending" not in stack.inv("db.status").stdout
    assert "nothing to do" in stack.inv("db.migrate").stdout


def test_every_process_works_as_its_own_role(stack: TestStack, client: httpx.Client, coffee: bytes) -> None:
    """And does all that the other tests ask of it."""
    answer(client, coffee)
    for domain in DOMAINS:
        assert client.get(f"/{domain}/ready").status_code == 200

    def connected() -> set[tuple[str, str]]:
        shown = "SELECT usename, application_name FROM pg_stat_activity WHERE application_name LIKE %s"
        return {(user, name) for user, name in stack.sql(shown, "eco2-%")}

    services = {
        (f"eco2_{name}", f"eco2-{name}") for name in ("waste", "auth", "userinfo", "location", "recycle", "chat")
    }
    workers = {("eco2_tasks", f"eco2-journal-{name}") for name in ("storage", "ai")}
    assert eventually(lambda: connected() >= services | workers)
    assert connected() == services | workers


def test_no_password_of_a_role_is_in_a_log_or_on_a_command_line(stack: TestStack) -> None:
    schemas = ("waste", "auth", "userinfo", "location", "recycle", "chat", "tasks")
    passwords = [urlsplit(url_of(stack.settings["ECO2_DATABASE_URL"], schema)).password or "?" for schema in schemas]
    told = [file.read_text(errors="replace") for file in (stack.home / "log").iterdir()]
    told += [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]

    assert [text for text in told for password in passwords if password in text] == []


def test_the_doctor_finds_that_journals_and_postgresql_agree(stack: TestStack) -> None:
    shown = eventually(
        lambda: not (found := json.loads(stack.inv("wal.doctor", "--json").stdout))["findings"] and found, every_s=1
    )

    assert shown["healthy"]


def test_the_doctor_names_a_row_that_postgresql_has_lost(stack: TestStack, client: httpx.Client, coffee: bytes) -> None:
    task_id = f"{answer(client, coffee)['scan_id']}.store"
    row = eventually(
        lambda: stack.sql("DELETE FROM tasks.task_results WHERE task_id = %s RETURNING to_jsonb(task_results)", task_id)
    )

    shown = stack.inv("wal.doctor", "--json")

    assert shown.returncode == 1
    assert ("lost", task_id) in {(one["verdict"], one["what"]) for one in json.loads(shown.stdout)["findings"]}
    stack.sql(
        "INSERT INTO tasks.task_results SELECT * FROM jsonb_populate_record(NULL::tasks.task_results, %s)",
        Json(row[0][0]),
    )


def test_a_failed_task_is_run_again_by_its_running_worker(stack: TestStack) -> None:
    task_id = f"{uuid7()}.store"
    with Connection(stack.settings["ECO2_AMQP_URL"]) as connection, connection.channel() as channel:
        connection.Producer(exchange=Exchange("tasks", no_declare=True)).publish(
            b"text", routing_key="image.store", type="image.store", message_id=task_id, content_type="text/plain"
        )
        dead = eventually(lambda: channel.basic_get("tasks.storage.dead", no_ack=True))
    assert "text/plain is not a type of picture" in dead.headers["reason"]

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(stack.inv("wal.show", task_id, "--json").stdout)
        return found

    before = shown()
    retried = stack.inv("wal.retry", task_id)

    assert (before["state"], before["attempt"]) == ("failed", 1)
    assert retried.returncode == 0, retried.stderr
    again = eventually(lambda: (now := shown())["version"] == before["version"] + 3 and now)
    assert (again["state"], again["error_class"]) == ("failed", "PermanentError")
    assert stack.inv("wal.retry", "nobody").returncode == 2


def test_a_journal_is_copied_and_pruned_while_its_worker_runs(
    stack: TestStack, client: httpx.Client, coffee: bytes
) -> None:
    task_id = f"{answer(client, coffee)['scan_id']}.store"
    before = stack.pid("storage")

    def synced() -> bool:
        shown = json.loads(stack.inv("wal.show", task_id, "--json").stdout)
        return bool(shown["synced_version"] == shown["version"])

    eventually(synced)
    copied = {made["worker"]: made for made in json.loads(stack.inv("wal.backup", "--json").stdout)}
    kept = stack.inv("wal.prune", "--json")
    refused = stack.inv("wal.prune", "--older-than", "0s", "--worker", "storage")
    pruned = stack.inv("wal.prune", "--older-than", "0s", "--worker", "storage", "--yes", "--json")

    assert set(copied) == {"ai", "storage"}
    with closing(sqlite3.connect(copied["storage"]["path"])) as copy:
        assert copy.execute("SELECT state FROM task WHERE task_id = ?", (task_id,)).fetchall() == [("completed",)]
    assert [row["rows"] for row in json.loads(kept.stdout)] == [0, 0]  # nothing is as old as the configured 7 days
    assert (refused.returncode, "--yes answers for you" in refused.stderr) == (1, True)
    (gone,) = json.loads(pruned.stdout)
    assert gone["worker"] == "storage"
    assert gone["rows"] >= 1
    assert stack.inv("wal.show", task_id).returncode == 2
    assert stack.sql("SELECT state FROM tasks.task_results WHERE task_id = %s", task_id) == [("completed",)]
    assert stack.pid("storage") == before
    (ai, storage) = json.loads(stack.inv("wal.status", "--json").stdout)
    assert (ai["running"], storage["running"], storage["parked"], storage["quarantined"]) == (True, True, 0, 0)
